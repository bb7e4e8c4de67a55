// Average pooling: a window's cells are added in order, then divided.
#include "convert.h"
#include "cuda_backend.h"
#include "pool.h"
#include "runtime.h"

namespace deepnet::gpu {
namespace {

struct Divisor {
  bool padded;
  int64_t fixed;  // 0: the cells that count
  DN_DEVICE int64_t of(const PoolShape& s, int d, int h, int w) const {
    return fixed ? fixed : int64_t(s.d.counted(d, padded)) * s.h.counted(h, padded) * s.w.counted(w, padded);
  }
};

template <class T>
DN_KERNEL void forward(const T* x, T* y, PoolShape s, Divisor divisor) {
  using S = Compute<T>;
  for (int64_t i = thread_id(); i < s.planes * s.outputs(); i += thread_count()) {
    const PoolPlace o(i, s.d.out, s.h.out, s.w.out);
    const T* plane = x + o.plane * s.cells();
    S sum = S(0);
    for (int kd = s.d.begin(o.d); kd < s.d.end(o.d); ++kd)
      for (int kh = s.h.begin(o.h); kh < s.h.end(o.h); ++kh) {
        const T* row = plane + (int64_t(s.d.cell(o.d, kd)) * s.h.in + s.h.cell(o.h, kh)) * s.w.in;
        for (int kw = s.w.begin(o.w); kw < s.w.end(o.w); ++kw) sum = sum + widen(row[s.w.cell(o.w, kw)]);
      }
    y[i] = narrow<T>(sum / S(divisor.of(s, o.d, o.h, o.w)));
  }
}

/// Each cell a chain over the windows that hold it, in output order.
template <class T>
DN_KERNEL void backward(const T* dy, T* dx, PoolShape s, Divisor divisor) {
  using S = Compute<T>;
  for (int64_t i = thread_id(); i < s.planes * s.cells(); i += thread_count()) {
    const PoolPlace c(i, s.d.in, s.h.in, s.w.in);
    const T* plane = dy + c.plane * s.outputs();
    S sum = S(0);
    for (int d = s.d.first_window(c.d); d <= s.d.last_window(c.d); ++d) {
      if (s.d.place(d, c.d) < 0) continue;
      for (int h = s.h.first_window(c.h); h <= s.h.last_window(c.h); ++h) {
        if (s.h.place(h, c.h) < 0) continue;
        for (int w = s.w.first_window(c.w); w <= s.w.last_window(c.w); ++w)
          if (s.w.place(w, c.w) >= 0)
            sum = sum + widen(plane[(int64_t(d) * s.h.out + h) * s.w.out + w]) / S(divisor.of(s, d, h, w));
      }
    }
    dx[i] = narrow<T>(sum);
  }
}

}  // namespace

void CudaBackend::avg_pool_forward(const View& x, const View& y, const PoolGeometry& g) {
  Call call(device_, "avg_pool");
  visit_floats(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    call.run_items(forward<T>, y.numel(), x.as<T>(), y.as<T>(), PoolShape(x.shape, y.shape, g),
                   Divisor{g.count_include_pad, g.divisor_override});
  });
}

void CudaBackend::avg_pool_backward(const View& dy, const View& dx, const PoolGeometry& g) {
  Call call(device_, "avg_pool_backward");
  visit_floats(dy.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    call.run_items(backward<T>, dx.numel(), dy.as<T>(), dx.as<T>(), PoolShape(dx.shape, dy.shape, g),
                   Divisor{g.count_include_pad, g.divisor_override});
  });
}

}  // namespace deepnet::gpu
