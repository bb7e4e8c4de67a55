// lgamma and digamma, number by number in double precision.
#pragma once

#include "math/log.h"
#include "math/trig.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace math {

/// log Gamma(2 + t) for |t| <= 1/2.
DN_INLINE double lgamma_near_two(double t) {
  return t * horner(t, 0.42278433509846713, 0.3224670334241132, -0.06735230105319814, 0.020580808427784925,
                    -0.007385551028668408, 0.002890510330713704, -0.0011927539119906004, 0.0005096695256869132,
                    -0.00022315475095924884, 9.945749519801468e-05, -4.4926348637490754e-05, 2.0507408996173255e-05,
                    -9.438475400232505e-06, 4.373503471549582e-06, -2.0448543816552762e-06, 9.610537996607763e-07,
                    -4.3049567499017265e-07, 1.9667245949853445e-07, -1.3400435572635683e-07, 6.915984194412999e-08);
}

/// log |Gamma(x)| for x > 0.
DN_INLINE double lgamma_positive(double x) {
  if (x >= 8.0) {  // Stirling
    const double z = 1.0 / (x * x);
    const double tail = horner(z, 0.08333333333333333, -0.002777777777777778, 0.0007936507936507937, -0.0005952380952380953,
                               0.0008417508417508417, -0.0019175269175269176, 0.00641025641025641, -0.029550653594771242);
    return (x - 0.5) * (log(x) - 1.0) + (0.41893853320467274 + tail / x);
  }
  // Moved by the recurrence to [1.5, 2.5).
  double result = 0.0, factor = 1.0;
  while (x >= 2.5) {
    x -= 1.0;
    factor *= x;
  }
  if (factor != 1.0) result = log(factor);
  if (x < 0.5) {
    result = -log(x);
    x += 1.0;
  }
  if (x >= 1.5) return result + lgamma_near_two(x - 2.0);
  return result - log1p(x - 1.0) + lgamma_near_two(x - 1.0);
}

/// |sin(pi x)|, exact in its argument.
DN_INLINE double sin_pi(double x) {
  const double r = x - 2.0 * rint(0.5 * x);  // in [-1, 1]
  return abs(sin(3.141592653589793 * (abs(r) > 0.5 ? 1.0 - abs(r) : r)));
}

/// log |Gamma(x)|: inf at the poles and at both infinities.
DN_HD inline __attribute__((noinline)) double lgamma(double x) {
  if (!(abs(x) < infinity<double>())) return abs(x);
  if (x > 0.0) return lgamma_positive(x);
  if (x == floor(x)) return infinity<double>();
  return 1.1447298858494002 - log(sin_pi(x)) - lgamma_positive(1.0 - x);
}

/// The derivative of log Gamma: -inf at 0 (inf at -0), NaN at negative integers.
DN_HD inline __attribute__((noinline)) double digamma(double x) {
  if (x == 0.0) return copy_sign(infinity<double>(), -x);
  double result = 0.0;
  if (x < 0.0) {
    if (!(x > -infinity<double>()) || x == floor(x)) return not_a_number<double>();
    const double r = x - rint(x);
    result = -3.141592653589793 / tan(3.141592653589793 * r);
    x = 1.0 - x;
  }
  for (; x < 10.0; x += 1.0) result -= 1.0 / x;
  const double z = 1.0 / (x * x);
  const double tail = z * horner(z, 0.08333333333333333, -0.008333333333333333, 0.003968253968253968, -0.004166666666666667,
                                 0.007575757575757576, -0.021092796092796094, 0.08333333333333333);
  return result + (log(x) - 0.5 / x - tail);
}

struct Lgamma : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return each_lane([](auto v) { return decltype(v)(lgamma(double(v))); }, x);
  }
};
struct Digamma : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return each_lane([](auto v) { return decltype(v)(digamma(double(v))); }, x);
  }
};

}  // namespace math
}  // namespace DEEPNET_ISA
}  // namespace deepnet
