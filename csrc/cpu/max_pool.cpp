// Max pooling, a row of outputs at a time: a window's cells come in order, and a later one must be greater to win.
#include "cpu/isa_backend.h"
#include "cpu/pool_rows.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

template <class T, class W>
void forward(const View& x, const View& y, W* window, const PoolGeometry& g) {
  using C = compute_of<T>;
  using V = vector_of<T>;
  using I = int_of<V>;
  using Index = scalar_of<I>;
  const PoolShape s(x, y, g);
  const int64_t padded = ceil_div(s.w.out, V::lanes) * V::lanes;
  const int64_t phases_room = Phases<C>::room(s.w);
  for_pool_rows<C>(x.size(0), s.d.out, s.h.out, s.w.in * s.h.kernel * s.d.kernel, phases_room + s.w.in + 3 * padded,
                   [&](int64_t n, int64_t d, int64_t h, C* memory) {
                     const Phases<C> phases(s.w, memory);
                     C* row = memory + phases_room;
                     C* best = row + s.w.in;
                     Index* where = reinterpret_cast<Index*>(best + padded);
                     Index* first = where + padded;
                     phases.fill(C(-__builtin_inf()));
                     const int64_t d_begin = s.d.begin(d), h_begin = s.h.begin(h);
                     for (int64_t o = 0; o < padded; ++o) {
                       best[o] = C(-__builtin_inf());
                       first[o] = Index((d_begin * s.h.kernel + h_begin) * s.w.kernel + s.w.begin(o));
                       where[o] = first[o];
                     }
                     for (int64_t kd = d_begin; kd < s.d.end(d); ++kd) {
                       for (int64_t kh = h_begin; kh < s.h.end(h); ++kh) {
                         const T* from = x.as<const T>() + ((n * s.d.in + s.d.cell(d, kd)) * s.h.in + s.h.cell(h, kh)) * s.w.in;
                         phases.split(read_row(from, s.w.in, row));
                         for (int64_t o = 0; o < padded; o += V::lanes) {
                           V most = load<V>(best + o);
                           I index = load<I>(where + o);
                           for (int64_t kw = 0; kw < s.w.kernel; ++kw) {
                             const V v = load<V>(phases.at(kw) + o);
                             // Greater, or the first NaN.
                             const auto wins = ~(v <= most) & (most == most);
                             most = select(wins, v, most);
                             index = select(wins, I(Index((kd * s.h.kernel + kh) * s.w.kernel + kw)), index);
                           }
                           store(best + o, most);
                           store(where + o, index);
                         }
                       }
                     }
                     const int64_t at = ((n * s.d.out + d) * s.h.out + h) * s.w.out;
                     T* to = y.as<T>() + at;
                     if constexpr (is_narrow<T>) {
                       write_row(to, best, s.w.out);
                     } else {
                       __builtin_memcpy(to, best, size_t(s.w.out) * sizeof(T));
                     }
                     if (window)
                       for (int64_t o = 0; o < s.w.out; ++o) window[at + o] = W(where[o]);
                   });
}

/// Each input row gathers from the outputs that chose it, in output order: a cell meets the windows of a row of outputs
/// from left to right as kw falls.
template <class T, class W>
void backward(const View& dy, const W* window, const View& dx, const PoolGeometry& g) {
  using C = compute_of<T>;
  using V = vector_of<T>;
  using I = int_of<V>;
  using Index = scalar_of<I>;
  const PoolShape s(dx, dy, g);
  const int64_t padded = ceil_div(s.w.out, V::lanes) * V::lanes;
  const int64_t phases_room = Phases<C>::room(s.w);
  for_pool_rows<C>(dx.size(0), s.d.in, s.h.in, s.w.in * ceil_div(s.h.kernel, s.h.stride) * ceil_div(s.d.kernel, s.d.stride),
                   phases_room + s.w.in + 2 * padded, [&](int64_t n, int64_t d, int64_t h, C* memory) {
                     const Phases<C> phases(s.w, memory);
                     C* row = memory + phases_room;
                     C* gradient = row + s.w.in;
                     Index* where = reinterpret_cast<Index*>(gradient + padded);
                     phases.fill(C(0));
                     for (int64_t od = s.d.first_window(d); od <= s.d.last_window(d); ++od) {
                       const int64_t kd = s.d.place(od, d);
                       if (kd < 0) continue;
                       for (int64_t oh = s.h.first_window(h); oh <= s.h.last_window(h); ++oh) {
                         const int64_t kh = s.h.place(oh, h);
                         if (kh < 0) continue;
                         const int64_t at = ((n * s.d.out + od) * s.h.out + oh) * s.w.out;
                         const C* from = read_row(dy.as<const T>() + at, s.w.out, gradient);
                         for (int64_t o = 0; o < s.w.out; ++o) where[o] = Index(window[at + o]);
                         const int64_t base = (kd * s.h.kernel + kh) * s.w.kernel;
                         for (int64_t kw = s.w.kernel - 1; kw >= 0; --kw) {
                           C* to = phases.at(kw);
                           const I chosen = I(Index(base + kw));
                           for (int64_t o = 0; o < s.w.out; o += V::lanes) {
                             const int64_t count = smaller(V::lanes, s.w.out - o);
                             const V v = count == V::lanes ? load<V>(from + o) : load<V>(from + o, count);
                             store(to + o, load<V>(to + o) + select(load<I>(where + o) == chosen, v, V(0)));
                           }
                         }
                       }
                     }
                     T* to = dx.as<T>() + ((n * s.d.in + d) * s.h.in + h) * s.w.in;
                     C* joined = row_target(to, row);
                     phases.join(joined);
                     write_row(to, joined, s.w.in);
                   });
}

}  // namespace

void IsaBackend::max_pool_forward(const View& x, const View& y, const View& window, const PoolGeometry& g) {
  visit_floats(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (window.dtype == DType::Int32)
      forward<T>(x, y, window.as<int32_t>(), g);
    else
      forward<T>(x, y, window.as<uint8_t>(), g);
  });
}

void IsaBackend::max_pool_backward(const View& dy, const View& window, const View& dx, const PoolGeometry& g) {
  visit_floats(dy.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (window.dtype == DType::Int32)
      backward<T>(dy, window.as<const int32_t>(), dx, g);
    else
      backward<T>(dy, window.as<const uint8_t>(), dx, g);
  });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
