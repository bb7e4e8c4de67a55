// Logarithms: x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), a polynomial in f.
#pragma once

#include "math/polynomial.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace math {

/// log(1 + f) - f, for sqrt(1/2) <= 1 + f < sqrt(2).
template <class V>
DN_INLINE V log1p_tail(V f) {
  if constexpr (is_single<V>) {
    const V q = horner(f, 3.333331e-01f, -2.4999987e-01f, 2.0002227e-01f, -1.6669251e-01f, 1.421866e-01f, -1.2384345e-01f,
                       1.18729554e-01f, -1.1789819e-01f, 6.915426e-02f);
    return (f * f) * fma(f, q, V(-0.5f));
  } else {
    const V s = f / (V(2.0) + f), z = s * s, half_square = V(0.5) * (f * f);
    const V r = z * horner(z, 0.6666666666666734, 0.3999999999941434, 0.2857142874247614, 0.22222198563178253,
                           0.18183564885963027, 0.15314035326481568, 0.14796110364664086);
    return fma(s, half_square + r, -half_square);
  }
}

template <class V>
struct Logarithm {
  V k, f;
};

/// For positive finite x, subnormal ones too.
template <class V>
DN_INLINE Logarithm<V> log_parts(V x) {
  using I = int_of<V>;
  const auto tiny = x < smallest_normal<V>();
  x = select(tiny, x * constant<V>(16777216.0f, 18014398509481984.0), x);
  const V shift = select(tiny, constant<V>(-24.0f, -54.0), V(0));
  if constexpr (is_single<V>) {
    const I b = bits(x) + I(0x3f800000 - 0x3f3504f3);
    return {to_float(shr<23>(b) - I(127)) + shift, from_bits((b & I(0x7fffff)) + I(0x3f3504f3)) - V(1)};
  } else {
    const I b = bits(x) + I(int64_t(0x3ff0000000000000 - 0x3fe6a09e667f3bcd));
    return {to_float(shr<52>(b) - I(int64_t(1023))) + shift,
            from_bits((b & I(int64_t(0xfffffffffffff))) + I(int64_t(0x3fe6a09e667f3bcd))) - V(1)};
  }
}

/// k ln 2 + log(1 + f)
template <class V>
DN_INLINE V log_sum(V k, V f) {
  const V tail = fma(k, constant<V>(1.4286068e-06f, 1.6465949582897082e-12), log1p_tail(f));
  return fma(k, constant<V>(6.9314575e-01f, 0.6931471805582987), f + tail);
}

/// y where x is positive and finite; else what every logarithm gives: -inf at 0, inf at inf, NaN below 0.
template <class V>
DN_INLINE V log_edges(V x, V y) {
  y = select(x < infinity<V>(), y, x);
  y = select(x > V(0), y, -infinity<V>());
  return select(x >= V(0), y, not_a_number<V>());
}

template <class V>
DN_INLINE V log(V x) {
  const Logarithm<V> p = log_parts(x);
  return log_edges(x, log_sum(p.k, p.f));
}

// Base 2 and 10 are for double precision; float32 goes through it.
template <class V>
DN_INLINE V log2(V x) {
  const Logarithm<V> p = log_parts(x);
  const V y = p.f + log1p_tail(p.f);
  return log_edges(x, fma(y, V(1.4426950408889634), p.k) + y * V(2.0355273740931033e-17));
}

template <class V>
DN_INLINE V log10(V x) {
  const Logarithm<V> p = log_parts(x);
  const V y = p.f + log1p_tail(p.f);
  const V low = fma(p.k, V(1.7336659603752853e-12), y * V(1.098319650216765e-17));
  return log_edges(x, fma(p.k, V(0.30102999566224753), fma(y, V(0.4342944819032518), low)));
}

/// log(1 + x)
template <class V>
DN_INLINE V log1p(V x) {
  // The power of two that brings 1 + x near 1 is taken from the rounded sum, f from x itself.
  const V u = V(1) + x, k = log_parts(u).k, power = scale(V(1), -k);
  const V y = log_sum(k, fma(x, power, power - V(1)));
  return select(x == V(0), x, log_edges(u, y));
}

struct Log : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return log(x);
  }
};
struct Log2 : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    if constexpr (is_single<V>) {
      return in_double(*this, x);
    } else {
      return log2(x);
    }
  }
};
struct Log10 : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    if constexpr (is_single<V>) {
      return in_double(*this, x);
    } else {
      return log10(x);
    }
  }
};
struct Log1p : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return log1p(x);
  }
};

}  // namespace math
}  // namespace DEEPNET_ISA
}  // namespace deepnet
