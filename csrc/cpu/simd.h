// Vectors of 16 floats or 8 doubles on every instruction set, so that a kernel is written once and reads like arithmetic.
//
// F32, F64, I32, I64 and the masks M32, M64; V(number) broadcasts. + - * /, fma(a, b, c) = a * b + c rounded once, sqrt abs
// floor ceil trunc rint, vmin(a, b) = a < b ? a : b, vmax(a, b) = a > b ? a : b, comparisons into masks, & | ^ ~, any, all,
// select(mask, a, b), isnan, bits and from_bits, to_int (nearest, halves to even) and to_float, shl<k> shr<k>
// shr_logical<k>, scale(x, n) = x * 2^n, lookup16(table, i), lane(v, i). The scalar twins stand in math/scalar.h.
#pragma once

#include "core/dtype.h"
#include "math/scalar.h"

#if defined(DEEPNET_ISA_AVX512)
#include "cpu/simd_avx512.h"
#elif defined(DEEPNET_ISA_AVX2)
#include "cpu/simd_avx2.h"
#elif defined(DEEPNET_ISA_NEON)
#include "cpu/simd_neon.h"
#else
#include "cpu/simd_portable.h"
#endif

namespace deepnet {
inline namespace DEEPNET_ISA {

/// V::lanes elements from p (of any alignment), or the first n with the rest 0. V may be a plain number.
template <class V>
DN_INLINE V load(const scalar_of<V>* p) {
  if constexpr (std::is_arithmetic<V>::value) {
    return *p;
  } else {
    return V::load(p);
  }
}
template <class V>
DN_INLINE V load(const scalar_of<V>* p, int64_t n) {
  if constexpr (std::is_arithmetic<V>::value) {
    return n > 0 ? *p : V(0);
  } else {
    return V::load(p, n);
  }
}
template <class V>
DN_INLINE void store(scalar_of<V>* p, V v) {
  if constexpr (std::is_arithmetic<V>::value) {
    *p = v;
  } else {
    v.store(p);
  }
}
template <class V>
DN_INLINE void store(scalar_of<V>* p, V v, int64_t n) {
  if constexpr (std::is_arithmetic<V>::value) {
    if (n > 0) *p = v;
  } else {
    v.store(p, n);
  }
}

/// 16 narrow floats, rounded to nearest even on the way back.
DN_INLINE F32 load_floats(const BFloat16* p) { return from_bits(shl<16>(load_u16(reinterpret_cast<const uint16_t*>(p)))); }
DN_INLINE F32 load_floats(const Half* p) { return load_half(p); }
DN_INLINE F32 load_floats(const float* p) { return F32::load(p); }
DN_INLINE void store_floats(BFloat16* p, F32 v) {
  const I32 b = bits(v);
  const I32 rounded = shr_logical<16>(b + I32(0x7fff) + (shr_logical<16>(b) & I32(1)));
  store_u16(reinterpret_cast<uint16_t*>(p), select(isnan(v), shr_logical<16>(b) | I32(0x40), rounded));
}
DN_INLINE void store_floats(Half* p, F32 v) { store_half(p, v); }
DN_INLINE void store_floats(float* p, F32 v) { v.store(p); }

template <class F>
DN_INLINE F32 in_double(F f, F32 x) {
  return narrow(f(widen_low(x)), f(widen_high(x)));
}
template <class F>
DN_INLINE F32 in_double(F f, F32 x, F32 y) {
  return narrow(f(widen_low(x), widen_low(y)), f(widen_high(x), widen_high(y)));
}

/// The same under names that formulas may use of plain numbers too.
template <class V>
DN_INLINE std::enable_if_t<!std::is_arithmetic<V>::value, V> load_lanes(const scalar_of<V>* p) {
  return V::load(p);
}
template <class V>
DN_INLINE std::enable_if_t<!std::is_arithmetic<V>::value> store_lanes(scalar_of<V>* p, V x) {
  x.store(p);
}

/// f, which takes and gives numbers, on every lane.
template <class F, class V, class = std::enable_if_t<!std::is_arithmetic<V>::value>>
DN_INLINE V each_lane(F f, V x) {
  scalar_of<V> a[V::lanes];
  x.store(a);
  for (int i = 0; i < V::lanes; ++i) a[i] = f(a[i]);
  return V::load(a);
}
template <class F, class V, class = std::enable_if_t<!std::is_arithmetic<V>::value>>
DN_INLINE V each_lane(F f, V x, V y) {
  scalar_of<V> a[V::lanes], b[V::lanes];
  x.store(a);
  y.store(b);
  for (int i = 0; i < V::lanes; ++i) a[i] = f(a[i], b[i]);
  return V::load(a);
}

/// All lanes combined by op(V, V) in the fixed tree: neighbours 0 and 1, 2 and 3, ...; then pairs of those; and so on.
template <class V, class Op>
DN_INLINE scalar_of<V> reduce_tree(V v, Op op) {
  v = op(v, exchange<1>(v));
  v = op(v, exchange<2>(v));
  v = op(v, exchange<4>(v));
  if constexpr (V::lanes == 16) v = op(v, exchange<8>(v));
  return lane(v, 0);
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
