// Draws from uniform numbers. A draw's uniforms come from core/philox.h: float32 has 24 bits from one word, float64 53 bits
// from two; u lies in [0, 1).
#pragma once

#include "math/log.h"
#include "math/polynomial.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace math {

/// low + width * u, with width = high - low.
template <class V>
DN_INLINE V uniform(V u, V low, V width) {
  return low + width * u;
}

/// 1 with probability p, else 0.
template <class V>
DN_INLINE V bernoulli(V u, V p) {
  return select(u < p, V(1), V(0));
}

/// Of mean 1 / rate.
template <class V>
DN_INLINE V exponential(V u, V rate) {
  return -log(V(1) - u) / rate;
}

template <class V>
struct SineCosine {
  V sine, cosine;
};

/// Of the angle u, in turns, 0 <= u <= 1. u minus the nearest quarter is exact; the series (Taylor's) are cut below half an
/// ulp on an eighth of a turn to either side.
template <class V>
DN_INLINE SineCosine<V> sine_cosine_of_turns(V u) {
  using I = int_of<V>;
  const V quarters = rint(u * V(4));
  const V t = fma(quarters, V(-0.25), u) * constant<V>(6.2831853f, 6.283185307179586), z = t * t;
  V s, c;
  if constexpr (is_single<V>) {
    s = fma(t * z, horner(z, -1.6666667e-1f, 8.3333333e-3f, -1.9841270e-4f, 2.7557319e-6f), t);
    c = fma(z, horner(z, -0.5f, 4.1666667e-2f, -1.3888889e-3f, 2.4801587e-5f, -2.7557319e-7f), V(1));
  } else {
    s = fma(t * z,
            horner(z, -1.6666666666666667e-1, 8.333333333333333e-3, -1.9841269841269841e-4, 2.7557319223985893e-6,
                   -2.505210838544172e-8, 1.6059043836821613e-10, -7.647163731819816e-13, 2.8114572543455206e-15),
            t);
    c = fma(z,
            horner(z, -0.5, 4.1666666666666664e-2, -1.388888888888889e-3, 2.48015873015873e-5, -2.755731922398589e-7,
                   2.08767569878681e-9, -1.1470745597729725e-11, 4.779477332387385e-14, -1.5619206968586225e-16),
            V(1));
  }
  const I q = to_int(quarters);
  const auto even = (q & I(1)) == I(0), second_half = (q & I(2)) != I(0), left = ((q + I(1)) & I(2)) != I(0);
  const V sine = select(even, s, c), cosine = select(even, c, s);
  return {select(second_half, -sine, sine), select(left, -cosine, cosine)};
}

/// Two independent standard normal numbers from two uniforms (Box & Muller, 1958): the cosine's, then the sine's.
template <class V>
struct NormalPair {
  V first, second;
};
template <class V>
DN_INLINE NormalPair<V> box_muller(V u, V angle) {
  const V radius = sqrt(V(-2) * log(V(1) - u));
  const SineCosine<V> a = sine_cosine_of_turns(angle);
  return {radius * a.cosine, radius * a.sine};
}

/// floor(word * range / 2^32)
DN_INLINE uint64_t scaled_word(uint32_t word, uint64_t range) { return word * range >> 32; }

/// floor((high * 2^32 + low) * range / 2^64)
DN_INLINE uint64_t scaled_words(uint32_t high, uint32_t low, uint64_t range) {
  // range in two halves: nothing here exceeds 64 bits
  const uint64_t word = uint64_t(high) << 32 | low, range_high = range >> 32, range_low = range & 0xffffffffu;
  const uint64_t middle = low * range_high + ((word & 0xffffffffu) * range_low >> 32);
  const uint64_t cross = high * range_low + (middle & 0xffffffffu);
  return high * range_high + (middle >> 32) + (cross >> 32);
}

}  // namespace math
}  // namespace DEEPNET_ISA
}  // namespace deepnet
