// Average pooling, a row at a time: a window's cells are added in order, then divided.
#include "cpu/isa_backend.h"
#include "cpu/pool_gradient.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

/// How many cells of window o count along an axis: those inside, or those inside the padded image.
DN_INLINE int64_t cells(const PoolAxis& a, int64_t o, bool padded) {
  if (!padded) return larger(0, a.end(o) - a.begin(o));
  const int64_t room = a.in + 2 * a.padding - o * a.stride;
  return larger(0, smaller(a.kernel, ceil_div(room, a.dilation)));
}

/// What windows are divided by, as a product of the row's share and each window's own.
template <class C>
class Divisors {
 public:
  using V = vector_of<C>;

  DN_INLINE Divisors(const PoolShape& s, const PoolGeometry& g, C* memory)
      : s_(s), padded_(g.count_include_pad), override_(g.divisor_override), widths_(memory) {
    for (int64_t o = 0; o < s.w.out; ++o) widths_[o] = C(override_ ? 1 : cells(s.w, o, padded_));
  }
  DN_INLINE C of_row(int64_t d, int64_t h) const {
    return C(override_ ? override_ : cells(s_.d, d, padded_) * cells(s_.h, h, padded_));
  }
  /// The first n windows from o on.
  DN_INLINE V at(C row, int64_t o, int64_t n) const { return V(row) * get(widths_ + o, n); }

 private:
  PoolShape s_;
  bool padded_;
  int64_t override_;
  C* widths_;
};

template <class T>
void forward(const View& x, const View& y, const PoolGeometry& g) {
  using C = compute_of<T>;
  using V = vector_of<T>;
  const PoolShape s(x, y, g);
  const int64_t padded = ceil_div(s.w.out, V::lanes) * V::lanes;
  for_pool_rows<C>(x.size(0), s.d.out, s.h.out, s.w.in * s.h.kernel * s.d.kernel, Phases<C>::room(s.w) + s.w.in + 2 * padded,
                   [&](C* memory, auto rows) {
                     C* sums = memory + s.w.in;
                     const Divisors<C> divisors(s, g, sums + padded);
                     const Phases<C> phases(s.w, sums + 2 * padded);
                     phases.fill(C(0));
                     rows([&](int64_t n, int64_t d, int64_t h) DN_FUSED {
                       for (int64_t o = 0; o < padded; ++o) sums[o] = C(0);
                       for (int64_t kd = s.d.begin(d); kd < s.d.end(d); ++kd) {
                         for (int64_t kh = s.h.begin(h); kh < s.h.end(h); ++kh) {
                           const T* from =
                               x.as<const T>() + ((n * s.d.in + s.d.cell(d, kd)) * s.h.in + s.h.cell(h, kh)) * s.w.in;
                           phases.split(read_row(from, s.w.in, memory));
                           for (int64_t o = 0; o < padded; o += V::lanes) {
                             V sum = load<V>(sums + o);
                             for (int64_t kw = 0; kw < s.w.kernel; ++kw) sum = sum + load<V>(phases.at(kw) + o);
                             store(sums + o, sum);
                           }
                         }
                       }
                       const C row = divisors.of_row(d, h);
                       T* to = y.as<T>() + ((n * s.d.out + d) * s.h.out + h) * s.w.out;
                       for (int64_t o = 0; o < s.w.out; o += V::lanes) {
                         const int64_t count = smaller(V::lanes, s.w.out - o);
                         put(to + o, load<V>(sums + o) / divisors.at(row, o, count), count);
                       }
                     });
                   });
}

template <class T>
void backward(const View& dy, const View& dx, const PoolGeometry& g) {
  using C = compute_of<T>;
  using V = vector_of<T>;
  const PoolShape s(dx, dy, g);
  const int64_t work = s.w.in * ceil_div(s.h.kernel, s.h.stride) * ceil_div(s.d.kernel, s.d.stride);
  const int64_t room = GradientRows<C, false>::room(s) + s.w.in + s.w.out;
  for_pool_rows<C>(dx.size(0), s.d.in, s.h.in, work, room, [&](C* memory, auto rows) {
    const Divisors<C> divisors(s, g, memory + s.w.in);
    GradientRows<C, false> gradients(s, memory + s.w.in + s.w.out);
    rows([&](int64_t n, int64_t d, int64_t h) DN_FUSED {
      T* to = dx.as<T>() + ((n * s.d.in + d) * s.h.in + h) * s.w.in;
      C* row = row_target(to, memory);
      gradients.gather(n, d, h, row, [&](int64_t m, int64_t od, int64_t oh, C* values, auto*) DN_FUSED {
        const T* from = dy.as<const T>() + ((m * s.d.out + od) * s.h.out + oh) * s.w.out;
        const C divisor = divisors.of_row(od, oh);
        for (int64_t next = 0; next < s.w.out; next += V::lanes) {
          const int64_t o = whole_vector<V>(next, s.w.out), count = smaller(V::lanes, s.w.out - o);
          put(values + o, get(from + o, count) / divisors.at(divisor, o, count), count);
        }
      });
      write_row(to, row, s.w.in);
    });
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
