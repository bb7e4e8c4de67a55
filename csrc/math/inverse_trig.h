// asin, acos, atan and atan2, in double precision: float32 goes through it.
#pragma once

#include "math/polynomial.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace math {

/// asin(x) - x for |x| <= 1/2, given z = x^2.
template <class V>
DN_INLINE V asin_tail(V x, V z) {
  return (x * z) * horner(z, 0.16666666666666763, 0.07499999999970097, 0.044642857175287785, 0.03038194267520095,
                          0.022372215908025017, 0.017351595463743673, 0.013981018950567727, 0.011397289809285296,
                          0.010789338545609711, 0.0036721218497195833, 0.021790795679471328, -0.021116922497168965,
                          0.03270228484529253);
}

template <class V>
DN_INLINE V asin(V x) {
  // Beyond 1/2: asin(a) = pi/2 - 2 asin(sqrt((1 - a) / 2)).
  const V a = abs(x);
  const auto far = a > V(0.5);
  const V z = select(far, V(0.5) * (V(1) - a), a * a), s = select(far, sqrt(z), a);
  const V t = asin_tail(s, z);
  const V y = V(1.5707963267948966) - (V(2) * s + (V(2) * t - V(6.123233995736766e-17)));
  return copy_sign(select(far, y, s + t), x);
}

template <class V>
DN_INLINE V acos(V x) {
  const V a = abs(x);
  const auto far = a > V(0.5);
  const V z = select(far, V(0.5) * (V(1) - a), a * a), s = select(far, sqrt(z), x);
  const V t = asin_tail(s, z);
  const V near_zero = V(1.5707963267948966) - (s + (t - V(6.123233995736766e-17)));
  const V near_minus_one = V(3.141592653589793) - (V(2) * s + (V(2) * t - V(1.2246467991473532e-16)));
  return select(far, select(x < V(0), near_minus_one, V(2) * (s + t)), near_zero);
}

/// The angle of (x, y) for x, y >= 0, one of them positive and finite where the other is not.
template <class V>
DN_INLINE V first_quadrant(V y, V x) {
  // t = tan(angle - base), with base 0, pi/4 or pi/2, so that |t| <= tan(pi/8): one division for all three.
  const auto steep = y > x * V(2.414213562373095), flat = y < x * V(0.41421356237309503);
  const V top = select(steep, -x, select(flat, y, y - x));
  const V bottom = select(steep, y, select(flat, x, y + x));
  const V t = top / bottom, z = t * t;
  const V p = (t * z) * horner(z, -0.333333333333332, 0.1999999999995388, -0.14285714280226833, 0.11111110784999653,
                               -0.09090897802357235, 0.07692061009140667, -0.06663113024225305, 0.058479538895850725,
                               -0.050395914139758406, 0.03807171907864679, -0.017914899192774378);
  const V base = select(steep, V(1.5707963267948966), select(flat, V(0), V(0.7853981633974483)));
  const V low = select(steep, V(6.123233995736766e-17), select(flat, V(0), V(3.061616997868383e-17)));
  return base + (t + (p + low));
}

template <class V>
DN_INLINE V atan(V x) {
  const V a = abs(x);
  const V y = select(a < V(1e300), first_quadrant(a, V(1)), V(1.5707963267948966));
  return copy_sign(select(a == a, y, a), x);
}

template <class V>
DN_INLINE V atan2(V y, V x) {
  V a = abs(y), b = abs(x);
  // Halved where they could overflow, raised where they are subnormal; two infinities are as good as two ones.
  const auto large = vmax(a, b) > V(1e300);
  const auto small = vmax(a, b) < V(1e-290);
  const V factor = select(large, V(0.0009765625), select(small, V(1.152921504606847e18), V(1)));
  const auto both = (a == infinity<V>()) & (b == infinity<V>());
  a = select(both, V(1), a * factor);
  b = select(both, V(1), b * factor);
  V angle = first_quadrant(a, b);
  angle = select(a == V(0), V(0), angle);
  angle = select((b == V(0)) & (a > V(0)), V(1.5707963267948966), angle);
  angle = select((a == infinity<V>()) & (b < infinity<V>()), V(1.5707963267948966), angle);
  angle = select((b == infinity<V>()) & (a < infinity<V>()), V(0), angle);
  const auto left = bits(x) < int_of<V>(int64_t(0));
  angle = select(left, V(3.141592653589793) - (angle - V(1.2246467991473532e-16)), angle);
  return copy_sign(select(isnan(x) | isnan(y), x + y, angle), y);
}

struct Asin : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    if constexpr (is_single<V>) {
      return in_double(*this, x);
    } else {
      return asin(x);
    }
  }
};
struct Acos : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    if constexpr (is_single<V>) {
      return in_double(*this, x);
    } else {
      return acos(x);
    }
  }
};
struct Atan : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    if constexpr (is_single<V>) {
      return in_double(*this, x);
    } else {
      return atan(x);
    }
  }
};
struct Atan2 : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V y, V x) const {
    if constexpr (is_single<V>) {
      return in_double(*this, y, x);
    } else {
      return atan2(y, x);
    }
  }
};

}  // namespace math
}  // namespace DEEPNET_ISA
}  // namespace deepnet
