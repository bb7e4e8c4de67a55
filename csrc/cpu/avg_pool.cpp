// Average pooling, a row at a time: a window's cells are added in order, then divided.
#include "cpu/isa_backend.h"
#include "cpu/pool_rows.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

/// How many cells of window o count along an axis: those inside, or those inside the padded image.
DN_INLINE int64_t cells(const PoolAxis& a, int64_t o, bool padded) {
  if (!padded) return larger(0, a.end(o) - a.begin(o));
  const int64_t room = a.in + 2 * a.padding - o * a.stride;
  return larger(0, smaller(a.kernel, ceil_div(room, a.dilation)));
}

/// What the windows of output row (d, h) are divided by.
template <class C>
DN_INLINE void divisors(const PoolShape& s, const PoolGeometry& g, int64_t d, int64_t h, C* row) {
  const int64_t slice = cells(s.d, d, g.count_include_pad) * cells(s.h, h, g.count_include_pad);
  for (int64_t o = 0; o < s.w.out; ++o)
    row[o] = C(g.divisor_override ? g.divisor_override : slice * cells(s.w, o, g.count_include_pad));
}

template <class T>
void forward(const View& x, const View& y, const PoolGeometry& g) {
  using C = compute_of<T>;
  using V = vector_of<T>;
  const PoolShape s(x, y, g);
  const int64_t padded = ceil_div(s.w.out, V::lanes) * V::lanes, phases_room = Phases<C>::room(s.w);
  for_pool_rows<C>(x.size(0), s.d.out, s.h.out, s.w.in * s.h.kernel * s.d.kernel, phases_room + s.w.in + 2 * padded,
                   [&](int64_t n, int64_t d, int64_t h, C* memory) {
                     const Phases<C> phases(s.w, memory);
                     C* row = memory + phases_room;
                     C* sums = row + s.w.in;
                     C* divisor = sums + padded;
                     phases.fill(C(0));
                     for (int64_t o = 0; o < padded; ++o) sums[o] = C(0);
                     for (int64_t kd = s.d.begin(d); kd < s.d.end(d); ++kd) {
                       for (int64_t kh = s.h.begin(h); kh < s.h.end(h); ++kh) {
                         const T* from = x.as<const T>() + ((n * s.d.in + s.d.cell(d, kd)) * s.h.in + s.h.cell(h, kh)) * s.w.in;
                         phases.split(read_row(from, s.w.in, row));
                         for (int64_t o = 0; o < padded; o += V::lanes) {
                           V sum = load<V>(sums + o);
                           for (int64_t kw = 0; kw < s.w.kernel; ++kw) sum = sum + load<V>(phases.at(kw) + o);
                           store(sums + o, sum);
                         }
                       }
                     }
                     divisors(s, g, d, h, divisor);
                     T* to = y.as<T>() + ((n * s.d.out + d) * s.h.out + h) * s.w.out;
                     for (int64_t o = 0; o < s.w.out; o += V::lanes) {
                       const int64_t count = smaller(V::lanes, s.w.out - o);
                       put(to + o, load<V>(sums + o) / get(divisor + o, count), count);
                     }
                   });
}

/// Each cell a chain over the windows that hold it, in output order.
template <class T>
void backward(const View& dy, const View& dx, const PoolGeometry& g) {
  using C = compute_of<T>;
  using V = vector_of<T>;
  const PoolShape s(dx, dy, g);
  const int64_t phases_room = Phases<C>::room(s.w);
  for_pool_rows<C>(dx.size(0), s.d.in, s.h.in, s.w.in * ceil_div(s.h.kernel, s.h.stride) * ceil_div(s.d.kernel, s.d.stride),
                   phases_room + s.w.in + s.w.out, [&](int64_t n, int64_t d, int64_t h, C* memory) {
                     const Phases<C> phases(s.w, memory);
                     C* row = memory + phases_room;
                     C* divisor = row + s.w.in;
                     phases.fill(C(0));
                     for (int64_t od = s.d.first_window(d); od <= s.d.last_window(d); ++od) {
                       if (s.d.place(od, d) < 0) continue;
                       for (int64_t oh = s.h.first_window(h); oh <= s.h.last_window(h); ++oh) {
                         if (s.h.place(oh, h) < 0) continue;
                         const T* from = dy.as<const T>() + ((n * s.d.out + od) * s.h.out + oh) * s.w.out;
                         divisors(s, g, od, oh, divisor);
                         for (int64_t o = 0; o < s.w.out; o += V::lanes) {
                           const int64_t count = smaller(V::lanes, s.w.out - o);
                           put(divisor + o, get(from + o, count) / get(divisor + o, count), count);
                         }
                         for (int64_t kw = s.w.kernel - 1; kw >= 0; --kw) {
                           C* to = phases.at(kw);
                           for (int64_t o = 0; o < s.w.out; o += V::lanes)
                             store(to + o, load<V>(to + o) + get(divisor + o, smaller(V::lanes, s.w.out - o)));
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

void IsaBackend::avg_pool_forward(const View& x, const View& y, const PoolGeometry& g) {
  visit_floats(x.dtype, [&](auto tag) { forward<typename decltype(tag)::type>(x, y, g); });
}

void IsaBackend::avg_pool_backward(const View& dy, const View& dx, const PoolGeometry& g) {
  visit_floats(dy.dtype, [&](auto tag) { backward<typename decltype(tag)::type>(dy, dx, g); });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
