// Functions of two numbers that belong to no other family.
#pragma once

#include "math/activation.h"
#include "math/compare.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace math {

struct Hypot : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V x, V y) const {
    if constexpr (is_single<V>) {
      return in_double(*this, x, y);
    } else {
      // Squares that would overflow or vanish are taken of scaled numbers. An infinity wins over NaN.
      const V a = abs(x), b = abs(y), largest = vmax(a, b);
      const auto large = largest > V(0x1p500), small = largest < V(0x1p-500);
      const V factor = select(large, V(0x1p-600), select(small, V(0x1p600), V(1)));
      const V back = select(large, V(0x1p600), select(small, V(0x1p-600), V(1)));
      const V u = a * factor, v = b * factor;
      const V y2 = sqrt(fma(u, u, v * v)) * back;
      return select((a == infinity<V>()) | (b == infinity<V>()), infinity<V>(), y2);
    }
  }
};
struct Copysign : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return copy_sign(a, b);
  }
};
struct Nextafter : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    using I = int_of<V>;
    const I one(scalar_of<I>(1));
    // Away from zero the bits grow; from zero the first step is the smallest subnormal.
    const V step = from_bits(select((a < b) ^ (a < V(0)), bits(a) + one, bits(a) - one));
    const V y = select(a == V(0), copy_sign(from_bits(one), b), step);
    return select(isnan(a) | isnan(b), a + b, select(a == b, b, y));
  }
};
struct Xlogy : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V x, V y) const {
    return select((x == V(0)) & (y == y), V(0), x * log(y));
  }
};
/// log(e^a + e^b)
struct Logaddexp : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    const V difference = select(a == b, V(0), abs(a - b));  // equal infinities too
    return Maximum()(a, b) + log1p_unit(exp(-difference));
  }
};
struct Heaviside : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V x, V at_zero) const {
    return select(x == V(0), at_zero, select(isnan(x), x, truth<V>(x > V(0))));
  }
};

}  // namespace math
}  // namespace DEEPNET_ISA
}  // namespace deepnet
