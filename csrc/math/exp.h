// exp and its kin: x = n ln 2 + r with |r| <= ln 2 / 2, a polynomial in r, then a power of two.
#pragma once

#include "math/polynomial.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace math {

/// e^x as m * 2^n with m - 1 kept apart, so that expm1 loses nothing.
template <class V>
struct Exponent {
  V n, m1;
};

/// For finite x; `low` is added to x beyond its last bit.
template <class V>
DN_INLINE Exponent<V> exp_parts(V x, V low) {
  const V n = rint(x * constant<V>(1.442695041f, 1.4426950408889634));
  V r = fma(n, constant<V>(-6.931472e-01f, -0.6931471805599453), x);
  r = fma(n, constant<V>(1.9046542e-09f, -2.3190468138462996e-17), r) + low;
  V q;
  if constexpr (is_single<V>) {
    q = horner(r, 5.e-01f, 1.6666543e-01f, 4.166628e-02f, 8.366584e-03f, 1.3946523e-03f);
  } else {
    q = horner(r, 0.5, 0.16666666666666677, 0.0416666666666667, 0.008333333333321617, 0.0013888888888866876,
               0.00019841269886156955, 2.4801587360476403e-05, 2.755724418332074e-06, 2.7557242827008624e-07,
               2.5109044463441558e-08, 2.092442340943641e-09);
  }
  return {n, fma(r * r, q, r)};
}

/// Beyond these bounds e^x is infinite or 0 and the power of two would not fit. NaN stays.
template <class V>
DN_INLINE V clamp_exponent(V x) {
  x = vmin(constant<V>(90.0f, 712.0), x);
  return vmax(constant<V>(-104.0f, -746.0), x);
}

template <class V>
DN_INLINE V exp(V x) {
  x = clamp_exponent(x);
  const V n = rint(x * constant<V>(1.442695041f, 1.4426950408889634));
  V r = fma(n, constant<V>(-6.931472e-01f, -0.6931471805599453), x);
  r = fma(n, constant<V>(1.9046542e-09f, -2.3190468138462996e-17), r);
  V q;
  if constexpr (is_single<V>) {
    q = horner(r, 4.9999994e-01f, 1.6666521e-01f, 4.166839e-02f, 8.3687175e-03f, 1.3814642e-03f);
  } else {
    q = horner(r, 0.5, 0.16666666666666677, 0.0416666666666667, 0.008333333333321617, 0.0013888888888866876,
               0.00019841269886156955, 2.4801587360476403e-05, 2.755724418332074e-06, 2.7557242827008624e-07,
               2.5109044463441558e-08, 2.092442340943641e-09);
  }
  return scale(fma(r * r, q, r) + V(1), n);
}

/// e^(x + low), for a low part beyond the last bit of x.
template <class V>
DN_INLINE V exp(V x, V low) {
  const Exponent<V> e = exp_parts(clamp_exponent(x), low);
  return scale(e.m1 + V(1), e.n);
}

template <class V>
DN_INLINE V exp2(V x) {
  x = vmin(constant<V>(129.0f, 1025.0), x);
  x = vmax(constant<V>(-151.0f, -1076.0), x);
  const V n = rint(x), r = x - n;
  if constexpr (is_single<V>) {
    const V q =
        horner(r, 6.931472e-01f, 2.402265e-01f, 5.550411e-02f, 9.618036e-03f, 1.3333431e-03f, 1.5467111e-04f, 1.5315034e-05f);
    return scale(fma(r, q, V(1)), n);
  } else {
    const V high = r * V(0.6931471805599453);
    const V low = fma(r, V(0.6931471805599453), -high) + r * V(2.3190468138462996e-17);
    const Exponent<V> e = exp_parts(high, low);  // |high| < 0.35: no further power of two
    return scale(e.m1 + V(1), n);
  }
}

/// e^x - 1
template <class V>
DN_INLINE V expm1(V x) {
  const Exponent<V> e = exp_parts(clamp_exponent(x), V(0));
  // 2^n (1 + m1) - 1 = 2^n (m1 + (1 - 2^-n)); below -30 (-60) nothing but -1 is left.
  const V n = vmax(constant<V>(-30.0f, -60.0), e.n);
  const V y = scale(e.m1 + (V(1) - scale(V(1), -n)), n);
  // Where x is 0 its sign stays.
  return select(x == V(0), x, select(x < constant<V>(-20.0f, -40.0), V(-1), y));
}

struct Exp : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return exp(x);
  }
};
struct Exp2 : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return exp2(x);
  }
};
struct Expm1 : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return expm1(x);
  }
};

}  // namespace math
}  // namespace DEEPNET_ISA
}  // namespace deepnet
