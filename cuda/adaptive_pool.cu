// Pools whose windows follow from the sizes alone: each result is a chain of one thread.
#include "convert.h"
#include "cuda_backend.h"
#include "pool.h"
#include "runtime.h"

namespace deepnet::gpu {
namespace {

struct Range {
  int64_t begin, end;
  DN_DEVICE int64_t size() const { return end - begin; }
};

/// The cells of output o; also, with the sizes exchanged, the outputs that hold cell o.
DN_DEVICE Range covered(int64_t o, int64_t in, int64_t out) {
  return {quotient(o * in, out), quotient((o + 1) * in + out - 1, out)};
}

/// Sizes of (N, D, H, W) and (N, D', H', W').
struct Sizes {
  int64_t planes;
  int in[3], out[3];
  Sizes(const View& x, const View& y) : planes(x.size(0)) {
    for (int i = 0; i < 3; ++i) {
      in[i] = int(x.size(i + 1));
      out[i] = int(y.size(i + 1));
    }
  }
  DN_INLINE int64_t cells() const { return int64_t(in[0]) * in[1] * in[2]; }
  DN_INLINE int64_t outputs() const { return int64_t(out[0]) * out[1] * out[2]; }
};

/// The three ranges of a place among `of`, over `over`.
struct Ranges {
  Range d, h, w;
  DN_DEVICE Ranges(int pd, int ph, int pw, const int (&of)[3], const int (&over)[3])
      : d(covered(pd, over[0], of[0])), h(covered(ph, over[1], of[1])), w(covered(pw, over[2], of[2])) {}
  DN_DEVICE int64_t size() const { return d.size() * h.size() * w.size(); }
};

template <class T>
DN_KERNEL void average(const T* x, T* y, Sizes s) {
  using S = Compute<T>;
  for (int64_t i = thread_id(); i < s.planes * s.outputs(); i += thread_count()) {
    const PoolPlace o(i, s.out[0], s.out[1], s.out[2]);
    const Ranges r(o.d, o.h, o.w, s.out, s.in);
    const T* plane = x + o.plane * s.cells();
    S sum = S(0);
    for (int64_t d = r.d.begin; d < r.d.end; ++d)
      for (int64_t h = r.h.begin; h < r.h.end; ++h)
#pragma unroll 4
        for (int64_t w = r.w.begin; w < r.w.end; ++w) sum = sum + widen(plane[(d * s.in[1] + h) * s.in[2] + w]);
    y[i] = narrow<T>(sum / S(r.size()));
  }
}

template <class T>
DN_KERNEL void average_backward(const T* dy, T* dx, Sizes s) {
  using S = Compute<T>;
  for (int64_t i = thread_id(); i < s.planes * s.cells(); i += thread_count()) {
    const PoolPlace c(i, s.in[0], s.in[1], s.in[2]);
    const Ranges r(c.d, c.h, c.w, s.in, s.out);
    const T* plane = dy + c.plane * s.outputs();
    S sum = S(0);
    for (int64_t d = r.d.begin; d < r.d.end; ++d)
      for (int64_t h = r.h.begin; h < r.h.end; ++h)
        for (int64_t w = r.w.begin; w < r.w.end; ++w) {
          const Ranges window(int(d), int(h), int(w), s.out, s.in);
          sum = sum + widen(plane[(d * s.out[1] + h) * s.out[2] + w]) / S(window.size());
        }
    dx[i] = narrow<T>(sum);
  }
}

template <class T>
DN_KERNEL void maximum(const T* x, T* y, int64_t* flat, Sizes s) {
  using S = Compute<T>;
  for (int64_t i = thread_id(); i < s.planes * s.outputs(); i += thread_count()) {
    const PoolPlace o(i, s.out[0], s.out[1], s.out[2]);
    const Ranges r(o.d, o.h, o.w, s.out, s.in);
    const T* plane = x + o.plane * s.cells();
    int64_t where = (r.d.begin * s.in[1] + r.h.begin) * s.in[2] + r.w.begin;
    S best = widen(plane[where]);
    for (int64_t d = r.d.begin; d < r.d.end; ++d)
      for (int64_t h = r.h.begin; h < r.h.end; ++h)
        for (int64_t w = r.w.begin; w < r.w.end; ++w) {
          const int64_t cell = (d * s.in[1] + h) * s.in[2] + w;
          const S v = widen(plane[cell]);
          if (!(v <= best) && best == best) {  // greater, or the first NaN
            best = v;
            where = cell;
          }
        }
    y[i] = plane[where];
    if (flat) flat[i] = where;
  }
}

}  // namespace

void CudaBackend::adaptive_avg_pool_forward(const View& x, const View& y) {
  Call call(device_, "adaptive_avg_pool");
  visit_floats(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    call.run_items(average<T>, y.numel(), x.as<T>(), y.as<T>(), Sizes(x, y));
  });
}

void CudaBackend::adaptive_avg_pool_backward(const View& dy, const View& dx) {
  Call call(device_, "adaptive_avg_pool_backward");
  visit_floats(dy.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    call.run_items(average_backward<T>, dx.numel(), dy.as<T>(), dx.as<T>(), Sizes(dx, dy));
  });
}

void CudaBackend::adaptive_max_pool_forward(const View& x, const View& y, const View& flat) {
  Call call(device_, "adaptive_max_pool");
  visit_floats(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    call.run_items(maximum<T>, y.numel(), x.as<T>(), y.as<T>(), flat.as<int64_t>(), Sizes(x, y));
  });
}

}  // namespace deepnet::gpu
