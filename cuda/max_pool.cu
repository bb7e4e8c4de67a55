// Max pooling: a window's cells come in order, and a later one must be greater to win; NaN wins.
#include "convert.h"
#include "cuda_backend.h"
#include "pool.h"
#include "runtime.h"

namespace deepnet::gpu {
namespace {

/// A window's choice: uint8, or int32, or not kept.
struct Window {
  void* data;
  bool wide;
  explicit Window(const View& v) : data(v.data), wide(v.dtype == DType::Int32) {}
  DN_DEVICE int get(int64_t i) const {
    return wide ? static_cast<const int32_t*>(data)[i] : static_cast<const uint8_t*>(data)[i];
  }
  DN_DEVICE void put(int64_t i, int v) const {
    if (!data) return;
    if (wide)
      static_cast<int32_t*>(data)[i] = v;
    else
      static_cast<uint8_t*>(data)[i] = uint8_t(v);
  }
};

template <class T>
DN_KERNEL void forward(const T* x, T* y, Window window, PoolShape s) {
  using S = Compute<T>;
  for (int64_t i = thread_id(); i < s.planes * s.outputs(); i += thread_count()) {
    const PoolPlace o(i, s.d.out, s.h.out, s.w.out);
    const T* plane = x + o.plane * s.cells();
    const int d_begin = s.d.begin(o.d), h_begin = s.h.begin(o.h), w_begin = s.w.begin(o.w);
    const int d_end = s.d.end(o.d), h_end = s.h.end(o.h), w_end = s.w.end(o.w);
    S best = S(-__builtin_inf());
    int where = (d_begin * s.h.kernel + h_begin) * s.w.kernel + w_begin;
    for (int kd = d_begin; kd < d_end; ++kd)
      for (int kh = h_begin; kh < h_end; ++kh) {
        const T* row = plane + (int64_t(s.d.cell(o.d, kd)) * s.h.in + s.h.cell(o.h, kh)) * s.w.in;
        for (int kw = w_begin; kw < w_end; ++kw) {
          const S v = widen(row[s.w.cell(o.w, kw)]);
          if (!(v <= best) && best == best) {  // greater, or the first NaN
            best = v;
            where = (kd * s.h.kernel + kh) * s.w.kernel + kw;
          }
        }
      }
    y[i] = narrow<T>(best);
    window.put(i, where);
  }
}

/// Each cell gathers from the outputs that chose it, in output order.
template <class T>
DN_KERNEL void backward(const T* dy, Window window, T* dx, PoolShape s) {
  using S = Compute<T>;
  for (int64_t i = thread_id(); i < s.planes * s.cells(); i += thread_count()) {
    const PoolPlace c(i, s.d.in, s.h.in, s.w.in);
    const int64_t plane = c.plane * s.outputs();
    S sum = S(0);
    for (int d = s.d.first_window(c.d); d <= s.d.last_window(c.d); ++d) {
      const int kd = s.d.place(d, c.d);
      if (kd < 0) continue;
      for (int h = s.h.first_window(c.h); h <= s.h.last_window(c.h); ++h) {
        const int kh = s.h.place(h, c.h);
        if (kh < 0) continue;
        for (int w = s.w.first_window(c.w); w <= s.w.last_window(c.w); ++w) {
          const int kw = s.w.place(w, c.w);
          const int64_t at = plane + (int64_t(d) * s.h.out + h) * s.w.out + w;
          if (kw >= 0 && window.get(at) == (kd * s.h.kernel + kh) * s.w.kernel + kw) sum = sum + widen(dy[at]);
        }
      }
    }
    dx[i] = narrow<T>(sum);
  }
}

DN_KERNEL void flat_positions(Window window, int64_t* flat, PoolShape s) {
  for (int64_t i = thread_id(); i < s.planes * s.outputs(); i += thread_count()) {
    const PoolPlace o(i, s.d.out, s.h.out, s.w.out);
    const int c = window.get(i), kw = c % s.w.kernel, kh = c / s.w.kernel % s.h.kernel, kd = c / s.w.kernel / s.h.kernel;
    flat[i] = (int64_t(s.d.cell(o.d, kd)) * s.h.in + s.h.cell(o.h, kh)) * s.w.in + s.w.cell(o.w, kw);
  }
}

}  // namespace

void CudaBackend::max_pool_forward(const View& x, const View& y, const View& window, const PoolGeometry& g) {
  Call call(device_, "max_pool");
  visit_floats(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    call.run_items(forward<T>, y.numel(), x.as<T>(), y.as<T>(), Window(window), PoolShape(x.shape, y.shape, g));
  });
}

void CudaBackend::max_pool_backward(const View& dy, const View& window, const View& dx, const PoolGeometry& g) {
  Call call(device_, "max_pool_backward");
  visit_floats(dy.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    call.run_items(backward<T>, dx.numel(), dy.as<T>(), Window(window), dx.as<T>(), PoolShape(dx.shape, dy.shape, g));
  });
}

void CudaBackend::max_pool_indices(const View& window, const Shape& x_shape, const View& flat, const PoolGeometry& g) {
  Call call(device_, "max_pool_indices");
  call.run_items(flat_positions, flat.numel(), Window(window), flat.as<int64_t>(), PoolShape(x_shape, window.shape, g));
}

}  // namespace deepnet::gpu
