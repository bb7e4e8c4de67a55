// AVX-512 (F, BW, DQ, VL): a vector is one zmm register, a mask one k register.
#pragma once

#include <immintrin.h>

#include "core/dtype.h"
#include "math/scalar.h"

// gcc's own headers read a deliberately undefined register (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

namespace deepnet {
inline namespace DEEPNET_ISA {

struct M32 {
  __mmask16 m;
  DN_INLINE friend M32 operator&(M32 a, M32 b) { return {__mmask16(a.m & b.m)}; }
  DN_INLINE friend M32 operator|(M32 a, M32 b) { return {__mmask16(a.m | b.m)}; }
  DN_INLINE friend M32 operator^(M32 a, M32 b) { return {__mmask16(a.m ^ b.m)}; }
  DN_INLINE friend M32 operator~(M32 a) { return {__mmask16(~a.m)}; }
  DN_INLINE friend bool any(M32 a) { return a.m != 0; }
  DN_INLINE friend bool all(M32 a) { return a.m == 0xffff; }
};

struct M64 {
  __mmask8 m;
  DN_INLINE friend M64 operator&(M64 a, M64 b) { return {__mmask8(a.m & b.m)}; }
  DN_INLINE friend M64 operator|(M64 a, M64 b) { return {__mmask8(a.m | b.m)}; }
  DN_INLINE friend M64 operator^(M64 a, M64 b) { return {__mmask8(a.m ^ b.m)}; }
  DN_INLINE friend M64 operator~(M64 a) { return {__mmask8(~a.m)}; }
  DN_INLINE friend bool any(M64 a) { return a.m != 0; }
  DN_INLINE friend bool all(M64 a) { return a.m == 0xff; }
};

DN_INLINE __mmask16 first16(int64_t n) { return __mmask16((uint32_t(1) << n) - 1); }
DN_INLINE __mmask8 first8(int64_t n) { return __mmask8((uint32_t(1) << n) - 1); }

struct I32 {
  using Scalar = int32_t;
  static constexpr int lanes = 16;
  __m512i v;
  DN_INLINE I32() {}
  DN_INLINE I32(__m512i x) : v(x) {}
  DN_INLINE I32(int32_t x) : v(_mm512_set1_epi32(x)) {}
  DN_INLINE static I32 load(const int32_t* p) { return _mm512_loadu_si512(p); }
  DN_INLINE static I32 load(const int32_t* p, int64_t n) { return _mm512_maskz_loadu_epi32(first16(n), p); }
  DN_INLINE void store(int32_t* p) const { _mm512_storeu_si512(p, v); }
  DN_INLINE void store(int32_t* p, int64_t n) const { _mm512_mask_storeu_epi32(p, first16(n), v); }
  DN_INLINE friend I32 operator+(I32 a, I32 b) { return _mm512_add_epi32(a.v, b.v); }
  DN_INLINE friend I32 operator-(I32 a, I32 b) { return _mm512_sub_epi32(a.v, b.v); }
  DN_INLINE friend I32 operator*(I32 a, I32 b) { return _mm512_mullo_epi32(a.v, b.v); }
  DN_INLINE friend I32 operator-(I32 a) { return _mm512_sub_epi32(_mm512_setzero_si512(), a.v); }
  DN_INLINE friend I32 operator&(I32 a, I32 b) { return _mm512_and_si512(a.v, b.v); }
  DN_INLINE friend I32 operator|(I32 a, I32 b) { return _mm512_or_si512(a.v, b.v); }
  DN_INLINE friend I32 operator^(I32 a, I32 b) { return _mm512_xor_si512(a.v, b.v); }
  DN_INLINE friend I32 operator~(I32 a) { return _mm512_ternarylogic_epi32(a.v, a.v, a.v, 0x55); }
  DN_INLINE friend M32 operator<(I32 a, I32 b) { return {_mm512_cmplt_epi32_mask(a.v, b.v)}; }
  DN_INLINE friend M32 operator<=(I32 a, I32 b) { return {_mm512_cmple_epi32_mask(a.v, b.v)}; }
  DN_INLINE friend M32 operator>(I32 a, I32 b) { return {_mm512_cmpgt_epi32_mask(a.v, b.v)}; }
  DN_INLINE friend M32 operator>=(I32 a, I32 b) { return {_mm512_cmpge_epi32_mask(a.v, b.v)}; }
  DN_INLINE friend M32 operator==(I32 a, I32 b) { return {_mm512_cmpeq_epi32_mask(a.v, b.v)}; }
  DN_INLINE friend M32 operator!=(I32 a, I32 b) { return {_mm512_cmpneq_epi32_mask(a.v, b.v)}; }
  DN_INLINE friend I32 select(M32 m, I32 a, I32 b) { return _mm512_mask_blend_epi32(m.m, b.v, a.v); }
  template <int k>
  DN_INLINE friend I32 shl(I32 a) {
    return _mm512_slli_epi32(a.v, k);
  }
  template <int k>
  DN_INLINE friend I32 shr(I32 a) {
    return _mm512_srai_epi32(a.v, k);
  }
  template <int k>
  DN_INLINE friend I32 shr_logical(I32 a) {
    return _mm512_srli_epi32(a.v, k);
  }
  DN_INLINE friend int32_t lane(I32 a, int i) {
    return _mm512_cvtsi512_si32(_mm512_permutexvar_epi32(_mm512_set1_epi32(i), a.v));
  }
};

struct I64 {
  using Scalar = int64_t;
  static constexpr int lanes = 8;
  __m512i v;
  DN_INLINE I64() {}
  DN_INLINE I64(__m512i x) : v(x) {}
  DN_INLINE I64(int64_t x) : v(_mm512_set1_epi64(x)) {}
  DN_INLINE static I64 load(const int64_t* p) { return _mm512_loadu_si512(p); }
  DN_INLINE static I64 load(const int64_t* p, int64_t n) { return _mm512_maskz_loadu_epi64(first8(n), p); }
  DN_INLINE void store(int64_t* p) const { _mm512_storeu_si512(p, v); }
  DN_INLINE void store(int64_t* p, int64_t n) const { _mm512_mask_storeu_epi64(p, first8(n), v); }
  DN_INLINE friend I64 operator+(I64 a, I64 b) { return _mm512_add_epi64(a.v, b.v); }
  DN_INLINE friend I64 operator-(I64 a, I64 b) { return _mm512_sub_epi64(a.v, b.v); }
  DN_INLINE friend I64 operator-(I64 a) { return _mm512_sub_epi64(_mm512_setzero_si512(), a.v); }
  DN_INLINE friend I64 operator&(I64 a, I64 b) { return _mm512_and_si512(a.v, b.v); }
  DN_INLINE friend I64 operator|(I64 a, I64 b) { return _mm512_or_si512(a.v, b.v); }
  DN_INLINE friend I64 operator^(I64 a, I64 b) { return _mm512_xor_si512(a.v, b.v); }
  DN_INLINE friend I64 operator~(I64 a) { return _mm512_ternarylogic_epi64(a.v, a.v, a.v, 0x55); }
  DN_INLINE friend M64 operator<(I64 a, I64 b) { return {_mm512_cmplt_epi64_mask(a.v, b.v)}; }
  DN_INLINE friend M64 operator<=(I64 a, I64 b) { return {_mm512_cmple_epi64_mask(a.v, b.v)}; }
  DN_INLINE friend M64 operator>(I64 a, I64 b) { return {_mm512_cmpgt_epi64_mask(a.v, b.v)}; }
  DN_INLINE friend M64 operator>=(I64 a, I64 b) { return {_mm512_cmpge_epi64_mask(a.v, b.v)}; }
  DN_INLINE friend M64 operator==(I64 a, I64 b) { return {_mm512_cmpeq_epi64_mask(a.v, b.v)}; }
  DN_INLINE friend M64 operator!=(I64 a, I64 b) { return {_mm512_cmpneq_epi64_mask(a.v, b.v)}; }
  DN_INLINE friend I64 select(M64 m, I64 a, I64 b) { return _mm512_mask_blend_epi64(m.m, b.v, a.v); }
  template <int k>
  DN_INLINE friend I64 shl(I64 a) {
    return _mm512_slli_epi64(a.v, k);
  }
  template <int k>
  DN_INLINE friend I64 shr(I64 a) {
    return _mm512_srai_epi64(a.v, k);
  }
  template <int k>
  DN_INLINE friend I64 shr_logical(I64 a) {
    return _mm512_srli_epi64(a.v, k);
  }
  DN_INLINE friend int64_t lane(I64 a, int i) {
    return _mm_cvtsi128_si64(_mm512_castsi512_si128(_mm512_permutexvar_epi64(_mm512_set1_epi64(i), a.v)));
  }
};

struct F32 {
  using Scalar = float;
  static constexpr int lanes = 16;
  __m512 v;
  DN_INLINE F32() {}
  DN_INLINE F32(__m512 x) : v(x) {}
  DN_INLINE F32(float x) : v(_mm512_set1_ps(x)) {}
  DN_INLINE static F32 load(const float* p) { return _mm512_loadu_ps(p); }
  DN_INLINE static F32 load(const float* p, int64_t n) { return _mm512_maskz_loadu_ps(first16(n), p); }
  DN_INLINE void store(float* p) const { _mm512_storeu_ps(p, v); }
  DN_INLINE void store(float* p, int64_t n) const { _mm512_mask_storeu_ps(p, first16(n), v); }
  DN_INLINE friend F32 operator+(F32 a, F32 b) { return _mm512_add_ps(a.v, b.v); }
  DN_INLINE friend F32 operator-(F32 a, F32 b) { return _mm512_sub_ps(a.v, b.v); }
  DN_INLINE friend F32 operator*(F32 a, F32 b) { return _mm512_mul_ps(a.v, b.v); }
  DN_INLINE friend F32 operator/(F32 a, F32 b) { return _mm512_div_ps(a.v, b.v); }
  DN_INLINE friend F32 operator-(F32 a) { return _mm512_xor_ps(a.v, _mm512_set1_ps(-0.0f)); }
  DN_INLINE friend M32 operator<(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
  DN_INLINE friend M32 operator<=(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
  DN_INLINE friend M32 operator>(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ)}; }
  DN_INLINE friend M32 operator>=(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ)}; }
  DN_INLINE friend M32 operator==(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
  DN_INLINE friend M32 operator!=(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_NEQ_UQ)}; }
  DN_INLINE friend F32 fma(F32 a, F32 b, F32 c) { return _mm512_fmadd_ps(a.v, b.v, c.v); }
  DN_INLINE friend F32 sqrt(F32 a) { return _mm512_sqrt_ps(a.v); }
  DN_INLINE friend F32 abs(F32 a) { return _mm512_abs_ps(a.v); }
  DN_INLINE friend F32 floor(F32 a) { return _mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
  DN_INLINE friend F32 ceil(F32 a) { return _mm512_roundscale_ps(a.v, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }
  DN_INLINE friend F32 trunc(F32 a) { return _mm512_roundscale_ps(a.v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
  DN_INLINE friend F32 rint(F32 a) { return _mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  DN_INLINE friend F32 vmin(F32 a, F32 b) { return _mm512_min_ps(a.v, b.v); }
  DN_INLINE friend F32 vmax(F32 a, F32 b) { return _mm512_max_ps(a.v, b.v); }
  DN_INLINE friend F32 scale(F32 a, F32 n) { return _mm512_scalef_ps(a.v, n.v); }
  DN_INLINE friend M32 isnan(F32 a) { return {_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q)}; }
  DN_INLINE friend F32 select(M32 m, F32 a, F32 b) { return _mm512_mask_blend_ps(m.m, b.v, a.v); }
  DN_INLINE friend I32 bits(F32 a) { return _mm512_castps_si512(a.v); }
  DN_INLINE friend I32 to_int(F32 a) { return _mm512_cvtps_epi32(a.v); }
  DN_INLINE friend float lane(F32 a, int i) { return _mm512_cvtss_f32(_mm512_permutexvar_ps(_mm512_set1_epi32(i), a.v)); }
  /// Lane i of the result is lane i ^ k.
  template <int k>
  DN_INLINE friend F32 exchange(F32 a) {
    if constexpr (k == 1) return _mm512_permute_ps(a.v, 0xb1);
    if constexpr (k == 2) return _mm512_permute_ps(a.v, 0x4e);
    if constexpr (k == 4) return _mm512_shuffle_f32x4(a.v, a.v, 0xb1);
    if constexpr (k == 8) return _mm512_shuffle_f32x4(a.v, a.v, 0x4e);
  }
};

struct F64 {
  using Scalar = double;
  static constexpr int lanes = 8;
  __m512d v;
  DN_INLINE F64() {}
  DN_INLINE F64(__m512d x) : v(x) {}
  DN_INLINE F64(double x) : v(_mm512_set1_pd(x)) {}
  DN_INLINE static F64 load(const double* p) { return _mm512_loadu_pd(p); }
  DN_INLINE static F64 load(const double* p, int64_t n) { return _mm512_maskz_loadu_pd(first8(n), p); }
  DN_INLINE void store(double* p) const { _mm512_storeu_pd(p, v); }
  DN_INLINE void store(double* p, int64_t n) const { _mm512_mask_storeu_pd(p, first8(n), v); }
  DN_INLINE friend F64 operator+(F64 a, F64 b) { return _mm512_add_pd(a.v, b.v); }
  DN_INLINE friend F64 operator-(F64 a, F64 b) { return _mm512_sub_pd(a.v, b.v); }
  DN_INLINE friend F64 operator*(F64 a, F64 b) { return _mm512_mul_pd(a.v, b.v); }
  DN_INLINE friend F64 operator/(F64 a, F64 b) { return _mm512_div_pd(a.v, b.v); }
  DN_INLINE friend F64 operator-(F64 a) { return _mm512_xor_pd(a.v, _mm512_set1_pd(-0.0)); }
  DN_INLINE friend M64 operator<(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_LT_OQ)}; }
  DN_INLINE friend M64 operator<=(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_LE_OQ)}; }
  DN_INLINE friend M64 operator>(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_GT_OQ)}; }
  DN_INLINE friend M64 operator>=(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_GE_OQ)}; }
  DN_INLINE friend M64 operator==(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_EQ_OQ)}; }
  DN_INLINE friend M64 operator!=(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_NEQ_UQ)}; }
  DN_INLINE friend F64 fma(F64 a, F64 b, F64 c) { return _mm512_fmadd_pd(a.v, b.v, c.v); }
  DN_INLINE friend F64 sqrt(F64 a) { return _mm512_sqrt_pd(a.v); }
  DN_INLINE friend F64 abs(F64 a) { return _mm512_abs_pd(a.v); }
  DN_INLINE friend F64 floor(F64 a) { return _mm512_roundscale_pd(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
  DN_INLINE friend F64 ceil(F64 a) { return _mm512_roundscale_pd(a.v, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }
  DN_INLINE friend F64 trunc(F64 a) { return _mm512_roundscale_pd(a.v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
  DN_INLINE friend F64 rint(F64 a) { return _mm512_roundscale_pd(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  DN_INLINE friend F64 vmin(F64 a, F64 b) { return _mm512_min_pd(a.v, b.v); }
  DN_INLINE friend F64 vmax(F64 a, F64 b) { return _mm512_max_pd(a.v, b.v); }
  DN_INLINE friend F64 scale(F64 a, F64 n) { return _mm512_scalef_pd(a.v, n.v); }
  DN_INLINE friend M64 isnan(F64 a) { return {_mm512_cmp_pd_mask(a.v, a.v, _CMP_UNORD_Q)}; }
  DN_INLINE friend F64 select(M64 m, F64 a, F64 b) { return _mm512_mask_blend_pd(m.m, b.v, a.v); }
  DN_INLINE friend I64 bits(F64 a) { return _mm512_castpd_si512(a.v); }
  DN_INLINE friend I64 to_int(F64 a) { return _mm512_cvtpd_epi64(a.v); }
  DN_INLINE friend double lane(F64 a, int i) { return _mm512_cvtsd_f64(_mm512_permutexvar_pd(_mm512_set1_epi64(i), a.v)); }
  template <int k>
  DN_INLINE friend F64 exchange(F64 a) {
    if constexpr (k == 1) return _mm512_permute_pd(a.v, 0x55);
    if constexpr (k == 2) return _mm512_permutex_pd(a.v, 0x4e);
    if constexpr (k == 4) return _mm512_shuffle_f64x2(a.v, a.v, 0x4e);
  }
};

DN_INLINE F32 from_bits(I32 a) { return _mm512_castsi512_ps(a.v); }
DN_INLINE F64 from_bits(I64 a) { return _mm512_castsi512_pd(a.v); }
DN_INLINE F32 to_float(I32 a) { return _mm512_cvtepi32_ps(a.v); }
DN_INLINE F64 to_float(I64 a) { return _mm512_cvtepi64_pd(a.v); }
DN_INLINE F32 lookup16(const float* table, I32 i) { return _mm512_permutexvar_ps(i.v, _mm512_loadu_ps(table)); }
DN_INLINE F64 lookup16(const double* table, I64 i) {
  return _mm512_permutex2var_pd(_mm512_loadu_pd(table), i.v, _mm512_loadu_pd(table + 8));
}
DN_INLINE F64 widen_low(F32 a) { return _mm512_cvtps_pd(_mm512_castps512_ps256(a.v)); }
DN_INLINE F64 widen_high(F32 a) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(a.v, 1)); }
DN_INLINE F32 narrow(F64 low, F64 high) {
  return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low.v)), _mm512_cvtpd_ps(high.v), 1);
}
DN_INLINE I32 load_u16(const uint16_t* p) {
  return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
DN_INLINE void store_u16(uint16_t* p, I32 a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(a.v)); }
DN_INLINE F32 load_half(const Half* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
DN_INLINE void store_half(Half* p, F32 a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
