// What the formulas of this folder share. Coefficients are minimax fits (weighted Remez exchange, computed with 60 digits).
#pragma once

#include "math/scalar.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace math {

template <class V>
constexpr bool is_single = sizeof(scalar_of<V>) == 4;

/// The constant of V's precision.
template <class V>
DN_INLINE V constant(float single, double twice) {
  if constexpr (is_single<V>) {
    return V(single);
  } else {
    return V(twice);
  }
}

/// c0 + c1 x + c2 x^2 + ..., by Horner's rule in fused steps.
template <class V, class C>
DN_INLINE V horner(V, C c) {
  return V(c);
}
template <class V, class C, class... More>
DN_INLINE V horner(V x, C c, More... more) {
  return fma(x, horner(x, more...), V(c));
}

/// |x| with the sign of s.
template <class V>
DN_INLINE V copy_sign(V x, V s) {
  if constexpr (is_single<V>) {
    using I = int_of<V>;
    return from_bits((bits(x) & I(0x7fffffff)) | (bits(s) & I(int32_t(0x80000000u))));
  } else {
    using I = int_of<V>;
    return from_bits((bits(x) & I(int64_t(0x7fffffffffffffff))) | (bits(s) & I(int64_t(0x8000000000000000u))));
  }
}

template <class V>
DN_INLINE V infinity() {
  return constant<V>(__builtin_inff(), __builtin_inf());
}
template <class V>
DN_INLINE V not_a_number() {
  return constant<V>(__builtin_nanf(""), __builtin_nan(""));
}
/// The smallest normal number.
template <class V>
DN_INLINE V smallest_normal() {
  return constant<V>(1.17549435e-38f, 2.2250738585072014e-308);
}

/// A functor's table entry: how many arguments it takes, and whether it has a form for floats and one for int64.
template <int kArity, bool kReal = true, bool kInteger = false>
struct Signature {
  static constexpr int arity = kArity;
  static constexpr bool real = kReal;
  static constexpr bool integer = kInteger;
};

}  // namespace math
}  // namespace DEEPNET_ISA
}  // namespace deepnet
