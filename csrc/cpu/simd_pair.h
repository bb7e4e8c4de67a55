// Two vectors that act as one of twice the width: how sets with narrow registers reach 16 floats.
#pragma once

#include "core/dtype.h"
#include "math/scalar.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

template <class R>
struct Pair;
template <class R>
DN_INLINE Pair<R> pair_of(R low, R high) {
  Pair<R> p;
  p.low = low;
  p.high = high;
  return p;
}

template <class R>
struct Pair {
  using Scalar = typename R::Scalar;
  static constexpr int half = R::lanes, lanes = 2 * half;
  R low, high;

  DN_INLINE Pair() {}
  DN_INLINE Pair(Scalar x) : low(x), high(x) {}
  DN_INLINE static Pair load(const Scalar* p) { return pair_of(R::load(p), R::load(p + half)); }
  DN_INLINE static Pair load(const Scalar* p, int64_t n) {
    return n <= half ? pair_of(R::load(p, n), R(Scalar(0))) : pair_of(R::load(p), R::load(p + half, n - half));
  }
  DN_INLINE void store(Scalar* p) const {
    low.store(p);
    high.store(p + half);
  }
  DN_INLINE void store(Scalar* p, int64_t n) const {
    if (n <= half) {
      low.store(p, n);
    } else {
      low.store(p);
      high.store(p + half, n - half);
    }
  }

  DN_INLINE friend Pair operator+(Pair a, Pair b) { return pair_of(a.low + b.low, a.high + b.high); }
  DN_INLINE friend Pair operator-(Pair a, Pair b) { return pair_of(a.low - b.low, a.high - b.high); }
  DN_INLINE friend Pair operator*(Pair a, Pair b) { return pair_of(a.low * b.low, a.high * b.high); }
  DN_INLINE friend Pair operator/(Pair a, Pair b) { return pair_of(a.low / b.low, a.high / b.high); }
  DN_INLINE friend Pair operator-(Pair a) { return pair_of(-a.low, -a.high); }
  DN_INLINE friend Pair operator&(Pair a, Pair b) { return pair_of(a.low & b.low, a.high & b.high); }
  DN_INLINE friend Pair operator|(Pair a, Pair b) { return pair_of(a.low | b.low, a.high | b.high); }
  DN_INLINE friend Pair operator^(Pair a, Pair b) { return pair_of(a.low ^ b.low, a.high ^ b.high); }
  DN_INLINE friend Pair operator~(Pair a) { return pair_of(~a.low, ~a.high); }
  DN_INLINE friend auto operator<(Pair a, Pair b) { return pair_of(a.low < b.low, a.high < b.high); }
  DN_INLINE friend auto operator<=(Pair a, Pair b) { return pair_of(a.low <= b.low, a.high <= b.high); }
  DN_INLINE friend auto operator>(Pair a, Pair b) { return pair_of(a.low > b.low, a.high > b.high); }
  DN_INLINE friend auto operator>=(Pair a, Pair b) { return pair_of(a.low >= b.low, a.high >= b.high); }
  DN_INLINE friend auto operator==(Pair a, Pair b) { return pair_of(a.low == b.low, a.high == b.high); }
  DN_INLINE friend auto operator!=(Pair a, Pair b) { return pair_of(a.low != b.low, a.high != b.high); }
  DN_INLINE friend Pair fma(Pair a, Pair b, Pair c) { return pair_of(fma(a.low, b.low, c.low), fma(a.high, b.high, c.high)); }
  DN_INLINE friend Pair sqrt(Pair a) { return pair_of(sqrt(a.low), sqrt(a.high)); }
  DN_INLINE friend Pair abs(Pair a) { return pair_of(abs(a.low), abs(a.high)); }
  DN_INLINE friend Pair floor(Pair a) { return pair_of(floor(a.low), floor(a.high)); }
  DN_INLINE friend Pair ceil(Pair a) { return pair_of(ceil(a.low), ceil(a.high)); }
  DN_INLINE friend Pair trunc(Pair a) { return pair_of(trunc(a.low), trunc(a.high)); }
  DN_INLINE friend Pair rint(Pair a) { return pair_of(rint(a.low), rint(a.high)); }
  DN_INLINE friend Pair vmin(Pair a, Pair b) { return pair_of(vmin(a.low, b.low), vmin(a.high, b.high)); }
  DN_INLINE friend Pair vmax(Pair a, Pair b) { return pair_of(vmax(a.low, b.low), vmax(a.high, b.high)); }
  DN_INLINE friend Pair scale(Pair a, Pair n) { return pair_of(scale(a.low, n.low), scale(a.high, n.high)); }
  DN_INLINE friend auto isnan(Pair a) { return pair_of(a.low != a.low, a.high != a.high); }
  template <class M>
  DN_INLINE friend Pair select(Pair<M> m, Pair a, Pair b) {
    return pair_of(select(m.low, a.low, b.low), select(m.high, a.high, b.high));
  }
  DN_INLINE friend bool any(Pair m) { return any(m.low | m.high); }
  DN_INLINE friend bool all(Pair m) { return all(m.low & m.high); }
  DN_INLINE friend auto bits(Pair a) { return pair_of(bits(a.low), bits(a.high)); }
  DN_INLINE friend auto from_bits(Pair a) { return pair_of(from_bits(a.low), from_bits(a.high)); }
  DN_INLINE friend auto to_int(Pair a) { return pair_of(to_int(a.low), to_int(a.high)); }
  DN_INLINE friend auto to_float(Pair a) { return pair_of(to_float(a.low), to_float(a.high)); }
  template <int k>
  DN_INLINE friend Pair shl(Pair a) {
    return pair_of(shl<k>(a.low), shl<k>(a.high));
  }
  template <int k>
  DN_INLINE friend Pair shr(Pair a) {
    return pair_of(shr<k>(a.low), shr<k>(a.high));
  }
  template <int k>
  DN_INLINE friend Pair shr_logical(Pair a) {
    return pair_of(shr_logical<k>(a.low), shr_logical<k>(a.high));
  }
  /// Lane i of the result is lane i ^ k.
  template <int k>
  DN_INLINE friend Pair exchange(Pair a) {
    if constexpr (k == half) {
      return pair_of(a.high, a.low);
    } else {
      return pair_of(exchange<k>(a.low), exchange<k>(a.high));
    }
  }
  DN_INLINE friend Scalar lane(Pair a, int i) { return i < half ? lane(a.low, i) : lane(a.high, i - half); }
};

}  // namespace DEEPNET_ISA
}  // namespace deepnet
