// AVX2 with FMA and F16C: a vector is two ymm registers.
#pragma once

#include <immintrin.h>

#include "cpu/simd_pair.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

struct M32x8 {
  using Scalar = bool;
  static constexpr int lanes = 8;
  __m256 v;
  DN_INLINE friend M32x8 operator&(M32x8 a, M32x8 b) { return {_mm256_and_ps(a.v, b.v)}; }
  DN_INLINE friend M32x8 operator|(M32x8 a, M32x8 b) { return {_mm256_or_ps(a.v, b.v)}; }
  DN_INLINE friend M32x8 operator^(M32x8 a, M32x8 b) { return {_mm256_xor_ps(a.v, b.v)}; }
  DN_INLINE friend M32x8 operator~(M32x8 a) { return {_mm256_xor_ps(a.v, _mm256_castsi256_ps(_mm256_set1_epi32(-1)))}; }
  DN_INLINE friend bool any(M32x8 a) { return _mm256_movemask_ps(a.v) != 0; }
  DN_INLINE friend bool all(M32x8 a) { return _mm256_movemask_ps(a.v) == 0xff; }
};

struct M64x4 {
  using Scalar = bool;
  static constexpr int lanes = 4;
  __m256d v;
  DN_INLINE friend M64x4 operator&(M64x4 a, M64x4 b) { return {_mm256_and_pd(a.v, b.v)}; }
  DN_INLINE friend M64x4 operator|(M64x4 a, M64x4 b) { return {_mm256_or_pd(a.v, b.v)}; }
  DN_INLINE friend M64x4 operator^(M64x4 a, M64x4 b) { return {_mm256_xor_pd(a.v, b.v)}; }
  DN_INLINE friend M64x4 operator~(M64x4 a) { return {_mm256_xor_pd(a.v, _mm256_castsi256_pd(_mm256_set1_epi32(-1)))}; }
  DN_INLINE friend bool any(M64x4 a) { return _mm256_movemask_pd(a.v) != 0; }
  DN_INLINE friend bool all(M64x4 a) { return _mm256_movemask_pd(a.v) == 0xf; }
};

DN_INLINE __m256i first_of8(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(int(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
DN_INLINE __m256i first_of4(int64_t n) { return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3)); }

struct I32x8 {
  using Scalar = int32_t;
  static constexpr int lanes = 8;
  __m256i v;
  DN_INLINE I32x8() {}
  DN_INLINE I32x8(__m256i x) : v(x) {}
  DN_INLINE I32x8(int32_t x) : v(_mm256_set1_epi32(x)) {}
  DN_INLINE static I32x8 load(const int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  DN_INLINE static I32x8 load(const int32_t* p, int64_t n) { return _mm256_maskload_epi32(p, first_of8(n)); }
  DN_INLINE void store(int32_t* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  DN_INLINE void store(int32_t* p, int64_t n) const { _mm256_maskstore_epi32(p, first_of8(n), v); }
  DN_INLINE static M32x8 mask(__m256i m) { return {_mm256_castsi256_ps(m)}; }
  DN_INLINE friend I32x8 operator+(I32x8 a, I32x8 b) { return _mm256_add_epi32(a.v, b.v); }
  DN_INLINE friend I32x8 operator-(I32x8 a, I32x8 b) { return _mm256_sub_epi32(a.v, b.v); }
  DN_INLINE friend I32x8 operator*(I32x8 a, I32x8 b) { return _mm256_mullo_epi32(a.v, b.v); }
  DN_INLINE friend I32x8 operator-(I32x8 a) { return _mm256_sub_epi32(_mm256_setzero_si256(), a.v); }
  DN_INLINE friend I32x8 operator&(I32x8 a, I32x8 b) { return _mm256_and_si256(a.v, b.v); }
  DN_INLINE friend I32x8 operator|(I32x8 a, I32x8 b) { return _mm256_or_si256(a.v, b.v); }
  DN_INLINE friend I32x8 operator^(I32x8 a, I32x8 b) { return _mm256_xor_si256(a.v, b.v); }
  DN_INLINE friend I32x8 operator~(I32x8 a) { return _mm256_xor_si256(a.v, _mm256_set1_epi32(-1)); }
  DN_INLINE friend M32x8 operator<(I32x8 a, I32x8 b) { return mask(_mm256_cmpgt_epi32(b.v, a.v)); }
  DN_INLINE friend M32x8 operator>(I32x8 a, I32x8 b) { return mask(_mm256_cmpgt_epi32(a.v, b.v)); }
  DN_INLINE friend M32x8 operator==(I32x8 a, I32x8 b) { return mask(_mm256_cmpeq_epi32(a.v, b.v)); }
  DN_INLINE friend M32x8 operator<=(I32x8 a, I32x8 b) { return ~(a > b); }
  DN_INLINE friend M32x8 operator>=(I32x8 a, I32x8 b) { return ~(b > a); }
  DN_INLINE friend M32x8 operator!=(I32x8 a, I32x8 b) { return ~(a == b); }
  DN_INLINE friend I32x8 select(M32x8 m, I32x8 a, I32x8 b) { return _mm256_blendv_epi8(b.v, a.v, _mm256_castps_si256(m.v)); }
  template <int k>
  DN_INLINE friend I32x8 shl(I32x8 a) {
    return _mm256_slli_epi32(a.v, k);
  }
  template <int k>
  DN_INLINE friend I32x8 shr(I32x8 a) {
    return _mm256_srai_epi32(a.v, k);
  }
  template <int k>
  DN_INLINE friend I32x8 shr_logical(I32x8 a) {
    return _mm256_srli_epi32(a.v, k);
  }
  DN_INLINE friend int32_t lane(I32x8 a, int i) {
    return _mm256_cvtsi256_si32(_mm256_permutevar8x32_epi32(a.v, _mm256_set1_epi32(i)));
  }
};

struct I64x4 {
  using Scalar = int64_t;
  static constexpr int lanes = 4;
  __m256i v;
  DN_INLINE I64x4() {}
  DN_INLINE I64x4(__m256i x) : v(x) {}
  DN_INLINE I64x4(int64_t x) : v(_mm256_set1_epi64x(x)) {}
  DN_INLINE static I64x4 load(const int64_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  DN_INLINE static I64x4 load(const int64_t* p, int64_t n) {
    return _mm256_maskload_epi64(reinterpret_cast<const long long*>(p), first_of4(n));
  }
  DN_INLINE void store(int64_t* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  DN_INLINE void store(int64_t* p, int64_t n) const {
    _mm256_maskstore_epi64(reinterpret_cast<long long*>(p), first_of4(n), v);
  }
  DN_INLINE static M64x4 mask(__m256i m) { return {_mm256_castsi256_pd(m)}; }
  DN_INLINE friend I64x4 operator+(I64x4 a, I64x4 b) { return _mm256_add_epi64(a.v, b.v); }
  DN_INLINE friend I64x4 operator-(I64x4 a, I64x4 b) { return _mm256_sub_epi64(a.v, b.v); }
  DN_INLINE friend I64x4 operator-(I64x4 a) { return _mm256_sub_epi64(_mm256_setzero_si256(), a.v); }
  DN_INLINE friend I64x4 operator&(I64x4 a, I64x4 b) { return _mm256_and_si256(a.v, b.v); }
  DN_INLINE friend I64x4 operator|(I64x4 a, I64x4 b) { return _mm256_or_si256(a.v, b.v); }
  DN_INLINE friend I64x4 operator^(I64x4 a, I64x4 b) { return _mm256_xor_si256(a.v, b.v); }
  DN_INLINE friend I64x4 operator~(I64x4 a) { return _mm256_xor_si256(a.v, _mm256_set1_epi64x(-1)); }
  DN_INLINE friend M64x4 operator<(I64x4 a, I64x4 b) { return mask(_mm256_cmpgt_epi64(b.v, a.v)); }
  DN_INLINE friend M64x4 operator>(I64x4 a, I64x4 b) { return mask(_mm256_cmpgt_epi64(a.v, b.v)); }
  DN_INLINE friend M64x4 operator==(I64x4 a, I64x4 b) { return mask(_mm256_cmpeq_epi64(a.v, b.v)); }
  DN_INLINE friend M64x4 operator<=(I64x4 a, I64x4 b) { return ~(a > b); }
  DN_INLINE friend M64x4 operator>=(I64x4 a, I64x4 b) { return ~(b > a); }
  DN_INLINE friend M64x4 operator!=(I64x4 a, I64x4 b) { return ~(a == b); }
  DN_INLINE friend I64x4 select(M64x4 m, I64x4 a, I64x4 b) { return _mm256_blendv_epi8(b.v, a.v, _mm256_castpd_si256(m.v)); }
  template <int k>
  DN_INLINE friend I64x4 shl(I64x4 a) {
    return _mm256_slli_epi64(a.v, k);
  }
  // There is no arithmetic 64-bit shift: a logical one, and the sign put back.
  template <int k>
  DN_INLINE friend I64x4 shr(I64x4 a) {
    const __m256i sign = _mm256_set1_epi64x(int64_t(uint64_t(1) << (63 - k)));
    return _mm256_sub_epi64(_mm256_xor_si256(_mm256_srli_epi64(a.v, k), sign), sign);
  }
  template <int k>
  DN_INLINE friend I64x4 shr_logical(I64x4 a) {
    return _mm256_srli_epi64(a.v, k);
  }
  DN_INLINE friend int64_t lane(I64x4 a, int i) {
    alignas(32) int64_t p[4];
    a.store(p);
    return p[i];
  }
};

struct F32x8 {
  using Scalar = float;
  static constexpr int lanes = 8;
  __m256 v;
  DN_INLINE F32x8() {}
  DN_INLINE F32x8(__m256 x) : v(x) {}
  DN_INLINE F32x8(float x) : v(_mm256_set1_ps(x)) {}
  DN_INLINE static F32x8 load(const float* p) { return _mm256_loadu_ps(p); }
  DN_INLINE static F32x8 load(const float* p, int64_t n) { return _mm256_maskload_ps(p, first_of8(n)); }
  DN_INLINE void store(float* p) const { _mm256_storeu_ps(p, v); }
  DN_INLINE void store(float* p, int64_t n) const { _mm256_maskstore_ps(p, first_of8(n), v); }
  DN_INLINE friend F32x8 operator+(F32x8 a, F32x8 b) { return _mm256_add_ps(a.v, b.v); }
  DN_INLINE friend F32x8 operator-(F32x8 a, F32x8 b) { return _mm256_sub_ps(a.v, b.v); }
  DN_INLINE friend F32x8 operator*(F32x8 a, F32x8 b) { return _mm256_mul_ps(a.v, b.v); }
  DN_INLINE friend F32x8 operator/(F32x8 a, F32x8 b) { return _mm256_div_ps(a.v, b.v); }
  DN_INLINE friend F32x8 operator-(F32x8 a) { return _mm256_xor_ps(a.v, _mm256_set1_ps(-0.0f)); }
  DN_INLINE friend M32x8 operator<(F32x8 a, F32x8 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)}; }
  DN_INLINE friend M32x8 operator<=(F32x8 a, F32x8 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)}; }
  DN_INLINE friend M32x8 operator>(F32x8 a, F32x8 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ)}; }
  DN_INLINE friend M32x8 operator>=(F32x8 a, F32x8 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_GE_OQ)}; }
  DN_INLINE friend M32x8 operator==(F32x8 a, F32x8 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)}; }
  DN_INLINE friend M32x8 operator!=(F32x8 a, F32x8 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_NEQ_UQ)}; }
  DN_INLINE friend F32x8 fma(F32x8 a, F32x8 b, F32x8 c) { return _mm256_fmadd_ps(a.v, b.v, c.v); }
  DN_INLINE friend F32x8 sqrt(F32x8 a) { return _mm256_sqrt_ps(a.v); }
  DN_INLINE friend F32x8 abs(F32x8 a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v); }
  DN_INLINE friend F32x8 floor(F32x8 a) { return _mm256_floor_ps(a.v); }
  DN_INLINE friend F32x8 ceil(F32x8 a) { return _mm256_ceil_ps(a.v); }
  DN_INLINE friend F32x8 trunc(F32x8 a) { return _mm256_round_ps(a.v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
  DN_INLINE friend F32x8 rint(F32x8 a) { return _mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  DN_INLINE friend F32x8 vmin(F32x8 a, F32x8 b) { return _mm256_min_ps(a.v, b.v); }
  DN_INLINE friend F32x8 vmax(F32x8 a, F32x8 b) { return _mm256_max_ps(a.v, b.v); }
  DN_INLINE friend F32x8 select(M32x8 m, F32x8 a, F32x8 b) { return _mm256_blendv_ps(b.v, a.v, m.v); }
  DN_INLINE friend I32x8 bits(F32x8 a) { return _mm256_castps_si256(a.v); }
  DN_INLINE friend I32x8 to_int(F32x8 a) { return _mm256_cvtps_epi32(a.v); }
  DN_INLINE friend float lane(F32x8 a, int i) { return _mm256_cvtss_f32(_mm256_permutevar8x32_ps(a.v, _mm256_set1_epi32(i))); }
  template <int k>
  DN_INLINE friend F32x8 exchange(F32x8 a) {
    if constexpr (k == 1) return _mm256_permute_ps(a.v, 0xb1);
    if constexpr (k == 2) return _mm256_permute_ps(a.v, 0x4e);
    if constexpr (k == 4) return _mm256_permute2f128_ps(a.v, a.v, 1);
  }
};

struct F64x4 {
  using Scalar = double;
  static constexpr int lanes = 4;
  __m256d v;
  DN_INLINE F64x4() {}
  DN_INLINE F64x4(__m256d x) : v(x) {}
  DN_INLINE F64x4(double x) : v(_mm256_set1_pd(x)) {}
  DN_INLINE static F64x4 load(const double* p) { return _mm256_loadu_pd(p); }
  DN_INLINE static F64x4 load(const double* p, int64_t n) { return _mm256_maskload_pd(p, first_of4(n)); }
  DN_INLINE void store(double* p) const { _mm256_storeu_pd(p, v); }
  DN_INLINE void store(double* p, int64_t n) const { _mm256_maskstore_pd(p, first_of4(n), v); }
  DN_INLINE friend F64x4 operator+(F64x4 a, F64x4 b) { return _mm256_add_pd(a.v, b.v); }
  DN_INLINE friend F64x4 operator-(F64x4 a, F64x4 b) { return _mm256_sub_pd(a.v, b.v); }
  DN_INLINE friend F64x4 operator*(F64x4 a, F64x4 b) { return _mm256_mul_pd(a.v, b.v); }
  DN_INLINE friend F64x4 operator/(F64x4 a, F64x4 b) { return _mm256_div_pd(a.v, b.v); }
  DN_INLINE friend F64x4 operator-(F64x4 a) { return _mm256_xor_pd(a.v, _mm256_set1_pd(-0.0)); }
  DN_INLINE friend M64x4 operator<(F64x4 a, F64x4 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_LT_OQ)}; }
  DN_INLINE friend M64x4 operator<=(F64x4 a, F64x4 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_LE_OQ)}; }
  DN_INLINE friend M64x4 operator>(F64x4 a, F64x4 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_GT_OQ)}; }
  DN_INLINE friend M64x4 operator>=(F64x4 a, F64x4 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_GE_OQ)}; }
  DN_INLINE friend M64x4 operator==(F64x4 a, F64x4 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_EQ_OQ)}; }
  DN_INLINE friend M64x4 operator!=(F64x4 a, F64x4 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_NEQ_UQ)}; }
  DN_INLINE friend F64x4 fma(F64x4 a, F64x4 b, F64x4 c) { return _mm256_fmadd_pd(a.v, b.v, c.v); }
  DN_INLINE friend F64x4 sqrt(F64x4 a) { return _mm256_sqrt_pd(a.v); }
  DN_INLINE friend F64x4 abs(F64x4 a) { return _mm256_andnot_pd(_mm256_set1_pd(-0.0), a.v); }
  DN_INLINE friend F64x4 floor(F64x4 a) { return _mm256_floor_pd(a.v); }
  DN_INLINE friend F64x4 ceil(F64x4 a) { return _mm256_ceil_pd(a.v); }
  DN_INLINE friend F64x4 trunc(F64x4 a) { return _mm256_round_pd(a.v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
  DN_INLINE friend F64x4 rint(F64x4 a) { return _mm256_round_pd(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  DN_INLINE friend F64x4 vmin(F64x4 a, F64x4 b) { return _mm256_min_pd(a.v, b.v); }
  DN_INLINE friend F64x4 vmax(F64x4 a, F64x4 b) { return _mm256_max_pd(a.v, b.v); }
  DN_INLINE friend F64x4 select(M64x4 m, F64x4 a, F64x4 b) { return _mm256_blendv_pd(b.v, a.v, m.v); }
  DN_INLINE friend I64x4 bits(F64x4 a) { return _mm256_castpd_si256(a.v); }
  // There is no conversion to int64 and back: 1.5 * 2^52 puts an integer below 2^51 into the low bits.
  DN_INLINE friend I64x4 to_int(F64x4 a) {
    const F64x4 magic(6755399441055744.0);
    return bits(a + magic) - bits(magic);
  }
  DN_INLINE friend double lane(F64x4 a, int i) {
    alignas(32) double p[4];
    a.store(p);
    return p[i];
  }
  template <int k>
  DN_INLINE friend F64x4 exchange(F64x4 a) {
    if constexpr (k == 1) return _mm256_permute_pd(a.v, 0x5);
    if constexpr (k == 2) return _mm256_permute2f128_pd(a.v, a.v, 1);
  }
};

DN_INLINE F32x8 from_bits(I32x8 a) { return _mm256_castsi256_ps(a.v); }
DN_INLINE F64x4 from_bits(I64x4 a) { return _mm256_castsi256_pd(a.v); }
DN_INLINE F32x8 to_float(I32x8 a) { return _mm256_cvtepi32_ps(a.v); }
DN_INLINE F64x4 to_float(I64x4 a) {
  const F64x4 magic(6755399441055744.0);
  return from_bits(a + bits(magic)) - magic;
}
DN_INLINE F32x8 scale(F32x8 a, F32x8 n) {
  const I32x8 i = to_int(n), half = shr<1>(i);
  return a * from_bits(shl<23>(half + I32x8(127))) * from_bits(shl<23>(i - half + I32x8(127)));
}
DN_INLINE F64x4 scale(F64x4 a, F64x4 n) {
  const I64x4 i = to_int(n), half = shr<1>(i);
  return a * from_bits(shl<52>(half + I64x4(1023))) * from_bits(shl<52>(i - half + I64x4(1023)));
}

using F32 = Pair<F32x8>;
using F64 = Pair<F64x4>;
using I32 = Pair<I32x8>;
using I64 = Pair<I64x4>;
using M32 = Pair<M32x8>;
using M64 = Pair<M64x4>;

DN_INLINE F32x8 lookup16(const float* table, I32x8 i) {
  const __m256 low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table), i.v);
  const __m256 high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table + 8), i.v);
  return _mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(i.v, 28)));  // bit 3 of i picks the half
}
DN_INLINE F64x4 lookup16(const double* table, I64x4 i) { return _mm256_i64gather_pd(table, (i & I64x4(15)).v, 8); }
DN_INLINE F32 lookup16(const float* table, I32 i) { return pair_of(lookup16(table, i.low), lookup16(table, i.high)); }
DN_INLINE F64 lookup16(const double* table, I64 i) { return pair_of(lookup16(table, i.low), lookup16(table, i.high)); }

DN_INLINE F64 widen_register(F32x8 a) {
  return pair_of(F64x4(_mm256_cvtps_pd(_mm256_castps256_ps128(a.v))), F64x4(_mm256_cvtps_pd(_mm256_extractf128_ps(a.v, 1))));
}
DN_INLINE F32x8 narrow_register(F64 a) {
  return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(a.low.v)), _mm256_cvtpd_ps(a.high.v), 1);
}
DN_INLINE F64 widen_low(F32 a) { return widen_register(a.low); }
DN_INLINE F64 widen_high(F32 a) { return widen_register(a.high); }
DN_INLINE F32 narrow(F64 low, F64 high) { return pair_of(narrow_register(low), narrow_register(high)); }

DN_INLINE __m128i load8_u16(const uint16_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
DN_INLINE I32 load_u16(const uint16_t* p) {
  return pair_of(I32x8(_mm256_cvtepu16_epi32(load8_u16(p))), I32x8(_mm256_cvtepu16_epi32(load8_u16(p + 8))));
}
DN_INLINE void store_u16(uint16_t* p, I32 a) {
  // packus works within 128-bit halves: put the four quarters back in order.
  const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(a.low.v, a.high.v), 0xd8);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), packed);
}
DN_INLINE F32 load_half(const Half* p) {
  const uint16_t* b = reinterpret_cast<const uint16_t*>(p);
  return pair_of(F32x8(_mm256_cvtph_ps(load8_u16(b))), F32x8(_mm256_cvtph_ps(load8_u16(b + 8))));
}
DN_INLINE void store_half(Half* p, F32 a) {
  const int mode = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(a.low.v, mode));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p + 8), _mm256_cvtps_ph(a.high.v, mode));
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
