// Pools whose windows follow from the sizes alone. Cells of a window are taken in order; eight planes side by side keep
// eight such chains going.
#include "core/parallel.h"
#include "cpu/float_vectors.h"
#include "cpu/isa_backend.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

struct Range {
  int64_t begin, end;
  DN_INLINE int64_t size() const { return end - begin; }
};

/// The cells of output o; also, with the sizes exchanged, the outputs that hold cell o.
DN_INLINE Range covered(int64_t o, int64_t in, int64_t out) { return {o * in / out, ceil_div((o + 1) * in, out)}; }

/// Sizes of (N, D, H, W) and (N, D', H', W').
struct Sizes {
  int64_t planes, in[3], out[3];
  DN_INLINE Sizes(const View& x, const View& y) : planes(x.size(0)) {
    for (int i = 0; i < 3; ++i) {
      in[i] = x.size(i + 1);
      out[i] = y.size(i + 1);
    }
  }
  DN_INLINE int64_t cells() const { return in[0] * in[1] * in[2]; }
  DN_INLINE int64_t outputs() const { return out[0] * out[1] * out[2]; }
  /// The three ranges of a flat output position, or of a flat input position with the sizes exchanged.
  DN_INLINE static void ranges(int64_t flat, const int64_t (&of)[3], const int64_t (&over)[3], Range (&r)[3]) {
    r[2] = covered(flat % of[2], over[2], of[2]);
    r[1] = covered(flat / of[2] % of[1], over[1], of[1]);
    r[0] = covered(flat / of[2] / of[1], over[0], of[0]);
  }
};

/// Calls f(flat) for the positions in three ranges of `sizes`, in order.
template <class F>
DN_INLINE void for_positions(const Range (&r)[3], const int64_t (&sizes)[3], F f) {
  for (int64_t d = r[0].begin; d < r[0].end; ++d)
    for (int64_t h = r[1].begin; h < r[1].end; ++h)
      for (int64_t w = r[2].begin; w < r[2].end; ++w) f((d * sizes[1] + h) * sizes[2] + w);
}

constexpr int64_t kPlanes = 8;

/// Calls f(first, count) for stretches of up to kPlanes planes, in parallel.
template <class F>
DN_INLINE void for_planes(const Sizes& s, F f) {
  const int64_t stretches = ceil_div(s.planes, kPlanes);
  parallel_for(stretches, grain_for(kPlanes * larger(s.cells(), s.outputs())), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i * kPlanes, smaller(kPlanes, s.planes - i * kPlanes));
  });
}

template <class T>
void average(const Sizes& s, const T* x, T* y) {
  using C = compute_of<T>;
  for_planes(s, [=](int64_t first, int64_t count) {
    const int64_t cells = s.cells();
    const T* planes[kPlanes];  // a stretch cut short reads its last plane again
    for (int64_t p = 0; p < kPlanes; ++p) planes[p] = x + (first + smaller(p, count - 1)) * cells;
    for (int64_t o = 0; o < s.outputs(); ++o) {
      Range r[3];
      Sizes::ranges(o, s.out, s.in, r);
      C sums[kPlanes] = {};
      for_positions(r, s.in, [&](int64_t cell) DN_FUSED {
        for (int64_t p = 0; p < kPlanes; ++p) sums[p] += widen(planes[p][cell]);
      });
      const C size = C(r[0].size() * r[1].size() * r[2].size());
      for (int64_t p = 0; p < count; ++p) assign(y[(first + p) * s.outputs() + o], sums[p] / size);
    }
  });
}

template <class T>
void average_backward(const Sizes& s, const T* dy, T* dx) {
  using C = compute_of<T>;
  for_planes(s, [=](int64_t first, int64_t count) {
    for (int64_t p = first; p < first + count; ++p) {
      const T* from = dy + p * s.outputs();
      T* to = dx + p * s.cells();
      if (s.outputs() == 1) {
        T value;
        assign(value, C(0) + widen(*from) / C(s.cells()));
        for (int64_t i = 0; i < s.cells(); ++i) to[i] = value;
        continue;
      }
      for (int64_t i = 0; i < s.cells(); ++i) {
        Range r[3];
        Sizes::ranges(i, s.in, s.out, r);
        C sum = 0;
        for_positions(r, s.out, [&](int64_t o) DN_FUSED {
          Range window[3];
          Sizes::ranges(o, s.out, s.in, window);
          sum += widen(from[o]) / C(window[0].size() * window[1].size() * window[2].size());
        });
        assign(to[i], sum);
      }
    }
  });
}

template <class T>
void maximum(const Sizes& s, const T* x, T* y, int64_t* flat) {
  using C = compute_of<T>;
  for_planes(s, [=](int64_t first, int64_t count) {
    for (int64_t p = first; p < first + count; ++p) {
      const T* from = x + p * s.cells();
      for (int64_t o = 0; o < s.outputs(); ++o) {
        Range r[3];
        Sizes::ranges(o, s.out, s.in, r);
        int64_t where = (r[0].begin * s.in[1] + r[1].begin) * s.in[2] + r[2].begin;
        C best = widen(from[where]);
        for_positions(r, s.in, [&](int64_t cell) DN_FUSED {
          const C v = widen(from[cell]);
          // Greater, or the first NaN.
          if (!(v <= best) && best == best) {
            best = v;
            where = cell;
          }
        });
        y[p * s.outputs() + o] = from[where];
        if (flat) flat[p * s.outputs() + o] = where;
      }
    }
  });
}

}  // namespace

void IsaBackend::adaptive_avg_pool_forward(const View& x, const View& y) {
  visit_floats(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    average(Sizes(x, y), x.as<const T>(), y.as<T>());
  });
}

void IsaBackend::adaptive_avg_pool_backward(const View& dy, const View& dx) {
  visit_floats(dy.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    average_backward(Sizes(dx, dy), dy.as<const T>(), dx.as<T>());
  });
}

void IsaBackend::adaptive_max_pool_forward(const View& x, const View& y, const View& flat) {
  visit_floats(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    maximum(Sizes(x, y), x.as<const T>(), y.as<T>(), flat.as<int64_t>());
  });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
