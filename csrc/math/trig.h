// sin, cos and tan: x = q pi/2 + r with |r| <= pi/4, exactly enough at any size of x; then polynomials in r.
#pragma once

#include "math/polynomial.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace math {

/// The quadrant q (its low two bits count) and r.
template <class V>
struct Quadrant {
  V r;
  int_of<V> q;
};

/// For finite |x| >= 2^20: the product with 192 bits of 2/pi, taken from where it stops being a multiple of 4 (Payne & Hanek,
/// SIGNUM 18, 1983). Out of line: it is long and rare.
DN_HD inline __attribute__((noinline)) double reduce_large(double x, int64_t* quadrant) {
  // 64 zero bits, then the binary digits of 2/pi.
  static constexpr uint64_t kTwoOverPi[22] = {
      0x0000000000000000, 0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561, 0xb7246e3a424dd2e0,
      0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484, 0xe99c7026b45f7e41, 0x3991d639835339f4, 0x9c845f8bbdf9283b,
      0x1ff897ffde05980f, 0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d, 0x7527bac7ebe5f17b, 0x3d0739f78a5292ea,
      0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab, 0xf0cfbc209af4361d, 0xa9e391615ee61b08};
  __extension__ using Wide = unsigned __int128;
  const uint64_t b = uint64_t(bits(x));
  const int exponent = int((b >> 52) & 0x7ff) - 1075;  // |x| = mantissa * 2^exponent
  const uint64_t mantissa = (b & 0xfffffffffffff) | 0x10000000000000;
  const int position = exponent + 62, word = position >> 6, shift = position & 63;
  uint64_t window[3];
  for (int i = 0; i < 3; ++i) {
    const uint64_t next = shift ? kTwoOverPi[word + i + 1] >> (64 - shift) : 0;
    window[i] = (kTwoOverPi[word + i] << shift) | next;
  }
  const Wide low = Wide(mantissa) * window[2];
  const Wide middle = Wide(mantissa) * window[1] + uint64_t(low >> 64);
  const uint64_t high = mantissa * window[0] + uint64_t(middle >> 64);
  // Two bits of quadrant, then the fraction, of which 128 bits are kept and read as signed: the nearest quadrant.
  int64_t q = int64_t(high >> 62);
  Wide fraction = (Wide((high << 2) | (uint64_t(middle) >> 62)) << 64) | ((uint64_t(middle) << 2) | (uint64_t(low) >> 62));
  bool negative = (fraction >> 127) != 0;
  if (negative) {
    ++q;
    fraction = -fraction;
  }
  double unit = 0x1p-64;
  for (int step = 32; step > 0; step >>= 1) {  // up to 63 leading zeros
    if ((fraction >> (128 - step)) == 0) {
      fraction <<= step;
      unit *= from_bits(int64_t(1023 - step) << 52);
    }
  }
  const uint64_t top = uint64_t(fraction >> 64);
  const double head = double(top & ~uint64_t(2047)) * unit, rest = double(top & 2047) * unit;
  double r = fma(head, 1.5707963267948966, fma(head, 6.123233995736766e-17, rest * 1.5707963267948966));
  if (bits(x) < 0) {
    q = -q;
    negative = !negative;
  }
  *quadrant = q;
  return negative ? -r : r;
}

/// Where |x| is below this bound three fused steps lose nothing: the first is exact, the second too where much cancels.
template <class V>
DN_INLINE V near_bound() {
  return constant<V>(32768.0f, 1048576.0);
}

template <class V>
DN_INLINE Quadrant<V> reduce_near(V x) {
  const V n = rint(x * constant<V>(0.636619747f, 0.6366197723675814));
  V r = fma(n, constant<V>(-1.5707964e+00f, -1.5707963267948966), x);
  r = fma(n, constant<V>(4.371139e-08f, -6.123233995736766e-17), r);
  r = fma(n, constant<V>(1.7151245e-15f, 1.4973849048591698e-33), r);
  return {r, to_int(n)};
}

/// Any double. Infinities and NaN give NaN.
DN_INLINE Quadrant<double> reduce_any(double x) {
  if (abs(x) < 1048576.0) return reduce_near(x);
  if (!(abs(x) < infinity<double>())) return {x - x, 0};
  Quadrant<double> result;
  result.r = reduce_large(x, &result.q);
  return result;
}

template <class V>
DN_INLINE Quadrant<V> reduce(V x) {
  const Quadrant<V> near = reduce_near(x);
  if (all(abs(x) < near_bound<V>())) return near;
  using T = scalar_of<V>;
  using N = scalar_of<int_of<V>>;
  constexpr int kLanes = lanes_of<V>;
  T every[kLanes], r[kLanes];
  N q[kLanes];
  store_lanes(every, x);
  store_lanes(r, near.r);
  store_lanes(q, near.q);
  for (int i = 0; i < kLanes; ++i) {
    if (abs(every[i]) < near_bound<T>()) continue;  // a lane's result does not depend on its neighbours
    const Quadrant<double> one = reduce_any(double(every[i]));
    r[i] = T(one.r);
    q[i] = N(one.q & 3);
  }
  return {load_lanes<V>(r), load_lanes<int_of<V>>(q)};
}

/// sin and cos for |r| <= pi/4.
template <class V>
DN_INLINE V sin_near(V r, V z) {
  V s;
  if constexpr (is_single<V>) {
    s = horner(z, -1.6666667e-01f, 8.333329e-03f, -1.9839333e-04f, 2.7182925e-06f);
  } else {
    s = horner(z, -0.16666666666666632, 0.008333333333322398, -0.00019841269829794396, 2.755731368706594e-06,
               -2.5050757324978026e-08, 1.5896748130852176e-10);
  }
  return fma(r * z, s, r);
}
template <class V>
DN_INLINE V cos_near(V z) {
  V c;
  if constexpr (is_single<V>) {
    c = horner(z, 4.1666646e-02f, -1.3887367e-03f, 2.4438285e-05f);
  } else {
    c = horner(z, 0.0416666666666666, -0.0013888888888874103, 2.4801587289468313e-05, -2.7557314348125293e-07,
               2.0875722675893013e-09, -1.1359615635512713e-11);
  }
  // 1 - z / 2 is rounded first; what it lost comes back with the rest.
  const V half = V(0.5f) * z, one = V(1) - half;
  return one + fma(z * z, c, (V(1) - one) - half);
}

/// sin(x + quarter turns).
template <class V>
DN_INLINE V sin_quadrant(V r, int_of<V> q) {
  using I = int_of<V>;
  using N = scalar_of<I>;
  const V z = r * r;
  const V y = select((q & I(N(1))) == I(N(0)), sin_near(r, z), cos_near(z));
  return from_bits(bits(y) ^ shl<sizeof(N) * 8 - 2>(q & I(N(2))));
}

template <class V>
DN_INLINE V sin(V x) {
  const Quadrant<V> p = reduce(x);
  return select(x == V(0), x, sin_quadrant(p.r, p.q));
}
template <class V>
DN_INLINE V cos(V x) {
  const Quadrant<V> p = reduce(x);
  return sin_quadrant(p.r, p.q + int_of<V>(scalar_of<int_of<V>>(1)));
}
/// For double precision; float32 goes through it.
template <class V>
DN_INLINE V tan(V x) {
  const Quadrant<V> p = reduce(x);
  const V z = p.r * p.r, s = sin_near(p.r, z), c = cos_near(z);
  using I = int_of<V>;
  const auto even = (p.q & I(scalar_of<I>(1))) == I(scalar_of<I>(0));
  return select(x == V(0), x, select(even, s, -c) / select(even, c, s));
}

struct Sin : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return sin(x);
  }
};
struct Cos : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return cos(x);
  }
};
struct Tan : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    if constexpr (is_single<V>) {
      return in_double(*this, x);
    } else {
      return tan(x);
    }
  }
};

}  // namespace math
}  // namespace DEEPNET_ISA
}  // namespace deepnet
