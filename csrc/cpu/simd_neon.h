// NEON (aarch64): a vector is four registers.
#pragma once

#include <arm_neon.h>

#include "core/dtype.h"
#include "cpu/simd_pair.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

struct M32x4 {
  using Scalar = bool;
  static constexpr int lanes = 4;
  uint32x4_t v;
  DN_INLINE friend M32x4 operator&(M32x4 a, M32x4 b) { return {vandq_u32(a.v, b.v)}; }
  DN_INLINE friend M32x4 operator|(M32x4 a, M32x4 b) { return {vorrq_u32(a.v, b.v)}; }
  DN_INLINE friend M32x4 operator^(M32x4 a, M32x4 b) { return {veorq_u32(a.v, b.v)}; }
  DN_INLINE friend M32x4 operator~(M32x4 a) { return {vmvnq_u32(a.v)}; }
  DN_INLINE friend bool any(M32x4 a) { return vmaxvq_u32(a.v) != 0; }
  DN_INLINE friend bool all(M32x4 a) { return vminvq_u32(a.v) != 0; }
};

struct M64x2 {
  using Scalar = bool;
  static constexpr int lanes = 2;
  uint64x2_t v;
  DN_INLINE friend M64x2 operator&(M64x2 a, M64x2 b) { return {vandq_u64(a.v, b.v)}; }
  DN_INLINE friend M64x2 operator|(M64x2 a, M64x2 b) { return {vorrq_u64(a.v, b.v)}; }
  DN_INLINE friend M64x2 operator^(M64x2 a, M64x2 b) { return {veorq_u64(a.v, b.v)}; }
  DN_INLINE friend M64x2 operator~(M64x2 a) { return {veorq_u64(a.v, vdupq_n_u64(~uint64_t(0)))}; }
  DN_INLINE friend bool any(M64x2 a) { return vmaxvq_u32(vreinterpretq_u32_u64(a.v)) != 0; }
  DN_INLINE friend bool all(M64x2 a) { return vminvq_u32(vreinterpretq_u32_u64(a.v)) != 0; }
};

/// The first n of N elements, the rest 0; and the way back.
template <class R, class T>
DN_INLINE R load_first(const T* p, int64_t n) {
  T buffer[R::lanes] = {};
  for (int i = 0; i < R::lanes; ++i)
    if (i < n) buffer[i] = p[i];
  return R::load(buffer);
}
template <class R, class T>
DN_INLINE void store_first(T* p, R v, int64_t n) {
  T buffer[R::lanes];
  v.store(buffer);
  for (int i = 0; i < R::lanes; ++i)
    if (i < n) p[i] = buffer[i];
}

struct I32x4 {
  using Scalar = int32_t;
  static constexpr int lanes = 4;
  int32x4_t v;
  DN_INLINE I32x4() {}
  DN_INLINE I32x4(int32x4_t x) : v(x) {}
  DN_INLINE I32x4(int32_t x) : v(vdupq_n_s32(x)) {}
  DN_INLINE static I32x4 load(const int32_t* p) { return vld1q_s32(p); }
  DN_INLINE static I32x4 load(const int32_t* p, int64_t n) { return load_first<I32x4>(p, n); }
  DN_INLINE void store(int32_t* p) const { vst1q_s32(p, v); }
  DN_INLINE void store(int32_t* p, int64_t n) const { store_first(p, *this, n); }
  DN_INLINE friend I32x4 operator+(I32x4 a, I32x4 b) { return vaddq_s32(a.v, b.v); }
  DN_INLINE friend I32x4 operator-(I32x4 a, I32x4 b) { return vsubq_s32(a.v, b.v); }
  DN_INLINE friend I32x4 operator*(I32x4 a, I32x4 b) { return vmulq_s32(a.v, b.v); }
  DN_INLINE friend I32x4 operator-(I32x4 a) { return vnegq_s32(a.v); }
  DN_INLINE friend I32x4 operator&(I32x4 a, I32x4 b) { return vandq_s32(a.v, b.v); }
  DN_INLINE friend I32x4 operator|(I32x4 a, I32x4 b) { return vorrq_s32(a.v, b.v); }
  DN_INLINE friend I32x4 operator^(I32x4 a, I32x4 b) { return veorq_s32(a.v, b.v); }
  DN_INLINE friend I32x4 operator~(I32x4 a) { return vmvnq_s32(a.v); }
  DN_INLINE friend M32x4 operator<(I32x4 a, I32x4 b) { return {vcltq_s32(a.v, b.v)}; }
  DN_INLINE friend M32x4 operator<=(I32x4 a, I32x4 b) { return {vcleq_s32(a.v, b.v)}; }
  DN_INLINE friend M32x4 operator>(I32x4 a, I32x4 b) { return {vcgtq_s32(a.v, b.v)}; }
  DN_INLINE friend M32x4 operator>=(I32x4 a, I32x4 b) { return {vcgeq_s32(a.v, b.v)}; }
  DN_INLINE friend M32x4 operator==(I32x4 a, I32x4 b) { return {vceqq_s32(a.v, b.v)}; }
  DN_INLINE friend M32x4 operator!=(I32x4 a, I32x4 b) { return ~(a == b); }
  DN_INLINE friend I32x4 select(M32x4 m, I32x4 a, I32x4 b) { return vbslq_s32(m.v, a.v, b.v); }
  template <int k>
  DN_INLINE friend I32x4 shl(I32x4 a) {
    return vshlq_n_s32(a.v, k);
  }
  template <int k>
  DN_INLINE friend I32x4 shr(I32x4 a) {
    return vshrq_n_s32(a.v, k);
  }
  template <int k>
  DN_INLINE friend I32x4 shr_logical(I32x4 a) {
    return vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(a.v), k));
  }
  DN_INLINE friend int32_t lane(I32x4 a, int i) {
    int32_t p[4];
    a.store(p);
    return p[i];
  }
};

struct I64x2 {
  using Scalar = int64_t;
  static constexpr int lanes = 2;
  int64x2_t v;
  DN_INLINE I64x2() {}
  DN_INLINE I64x2(int64x2_t x) : v(x) {}
  DN_INLINE I64x2(int64_t x) : v(vdupq_n_s64(x)) {}
  DN_INLINE static I64x2 load(const int64_t* p) { return vld1q_s64(p); }
  DN_INLINE static I64x2 load(const int64_t* p, int64_t n) { return load_first<I64x2>(p, n); }
  DN_INLINE void store(int64_t* p) const { vst1q_s64(p, v); }
  DN_INLINE void store(int64_t* p, int64_t n) const { store_first(p, *this, n); }
  DN_INLINE friend I64x2 operator+(I64x2 a, I64x2 b) { return vaddq_s64(a.v, b.v); }
  DN_INLINE friend I64x2 operator-(I64x2 a, I64x2 b) { return vsubq_s64(a.v, b.v); }
  DN_INLINE friend I64x2 operator-(I64x2 a) { return vnegq_s64(a.v); }
  DN_INLINE friend I64x2 operator&(I64x2 a, I64x2 b) { return vandq_s64(a.v, b.v); }
  DN_INLINE friend I64x2 operator|(I64x2 a, I64x2 b) { return vorrq_s64(a.v, b.v); }
  DN_INLINE friend I64x2 operator^(I64x2 a, I64x2 b) { return veorq_s64(a.v, b.v); }
  DN_INLINE friend I64x2 operator~(I64x2 a) { return veorq_s64(a.v, vdupq_n_s64(-1)); }
  DN_INLINE friend M64x2 operator<(I64x2 a, I64x2 b) { return {vcltq_s64(a.v, b.v)}; }
  DN_INLINE friend M64x2 operator<=(I64x2 a, I64x2 b) { return {vcleq_s64(a.v, b.v)}; }
  DN_INLINE friend M64x2 operator>(I64x2 a, I64x2 b) { return {vcgtq_s64(a.v, b.v)}; }
  DN_INLINE friend M64x2 operator>=(I64x2 a, I64x2 b) { return {vcgeq_s64(a.v, b.v)}; }
  DN_INLINE friend M64x2 operator==(I64x2 a, I64x2 b) { return {vceqq_s64(a.v, b.v)}; }
  DN_INLINE friend M64x2 operator!=(I64x2 a, I64x2 b) { return ~(a == b); }
  DN_INLINE friend I64x2 select(M64x2 m, I64x2 a, I64x2 b) { return vbslq_s64(m.v, a.v, b.v); }
  template <int k>
  DN_INLINE friend I64x2 shl(I64x2 a) {
    return vshlq_n_s64(a.v, k);
  }
  template <int k>
  DN_INLINE friend I64x2 shr(I64x2 a) {
    return vshrq_n_s64(a.v, k);
  }
  template <int k>
  DN_INLINE friend I64x2 shr_logical(I64x2 a) {
    return vreinterpretq_s64_u64(vshrq_n_u64(vreinterpretq_u64_s64(a.v), k));
  }
  DN_INLINE friend int64_t lane(I64x2 a, int i) {
    int64_t p[2];
    a.store(p);
    return p[i];
  }
};

struct F32x4 {
  using Scalar = float;
  static constexpr int lanes = 4;
  float32x4_t v;
  DN_INLINE F32x4() {}
  DN_INLINE F32x4(float32x4_t x) : v(x) {}
  DN_INLINE F32x4(float x) : v(vdupq_n_f32(x)) {}
  DN_INLINE static F32x4 load(const float* p) { return vld1q_f32(p); }
  DN_INLINE static F32x4 load(const float* p, int64_t n) { return load_first<F32x4>(p, n); }
  DN_INLINE void store(float* p) const { vst1q_f32(p, v); }
  DN_INLINE void store(float* p, int64_t n) const { store_first(p, *this, n); }
  DN_INLINE friend F32x4 operator+(F32x4 a, F32x4 b) { return vaddq_f32(a.v, b.v); }
  DN_INLINE friend F32x4 operator-(F32x4 a, F32x4 b) { return vsubq_f32(a.v, b.v); }
  DN_INLINE friend F32x4 operator*(F32x4 a, F32x4 b) { return vmulq_f32(a.v, b.v); }
  DN_INLINE friend F32x4 operator/(F32x4 a, F32x4 b) { return vdivq_f32(a.v, b.v); }
  DN_INLINE friend F32x4 operator-(F32x4 a) { return vnegq_f32(a.v); }
  DN_INLINE friend M32x4 operator<(F32x4 a, F32x4 b) { return {vcltq_f32(a.v, b.v)}; }
  DN_INLINE friend M32x4 operator<=(F32x4 a, F32x4 b) { return {vcleq_f32(a.v, b.v)}; }
  DN_INLINE friend M32x4 operator>(F32x4 a, F32x4 b) { return {vcgtq_f32(a.v, b.v)}; }
  DN_INLINE friend M32x4 operator>=(F32x4 a, F32x4 b) { return {vcgeq_f32(a.v, b.v)}; }
  DN_INLINE friend M32x4 operator==(F32x4 a, F32x4 b) { return {vceqq_f32(a.v, b.v)}; }
  DN_INLINE friend M32x4 operator!=(F32x4 a, F32x4 b) { return ~(a == b); }
  DN_INLINE friend F32x4 fma(F32x4 a, F32x4 b, F32x4 c) { return vfmaq_f32(c.v, a.v, b.v); }
  DN_INLINE friend F32x4 sqrt(F32x4 a) { return vsqrtq_f32(a.v); }
  DN_INLINE friend F32x4 abs(F32x4 a) { return vabsq_f32(a.v); }
  DN_INLINE friend F32x4 floor(F32x4 a) { return vrndmq_f32(a.v); }
  DN_INLINE friend F32x4 ceil(F32x4 a) { return vrndpq_f32(a.v); }
  DN_INLINE friend F32x4 trunc(F32x4 a) { return vrndq_f32(a.v); }
  DN_INLINE friend F32x4 rint(F32x4 a) { return vrndnq_f32(a.v); }
  DN_INLINE friend F32x4 select(M32x4 m, F32x4 a, F32x4 b) { return vbslq_f32(m.v, a.v, b.v); }
  // NEON's own minimum lets NaN win and orders zeros; these do as a comparison does.
  DN_INLINE friend F32x4 vmin(F32x4 a, F32x4 b) { return select(a < b, a, b); }
  DN_INLINE friend F32x4 vmax(F32x4 a, F32x4 b) { return select(a > b, a, b); }
  DN_INLINE friend I32x4 bits(F32x4 a) { return vreinterpretq_s32_f32(a.v); }
  DN_INLINE friend I32x4 to_int(F32x4 a) { return vcvtnq_s32_f32(a.v); }
  DN_INLINE friend float lane(F32x4 a, int i) {
    float p[4];
    a.store(p);
    return p[i];
  }
  template <int k>
  DN_INLINE friend F32x4 exchange(F32x4 a) {
    if constexpr (k == 1) return vrev64q_f32(a.v);
    if constexpr (k == 2) return vextq_f32(a.v, a.v, 2);
  }
};

struct F64x2 {
  using Scalar = double;
  static constexpr int lanes = 2;
  float64x2_t v;
  DN_INLINE F64x2() {}
  DN_INLINE F64x2(float64x2_t x) : v(x) {}
  DN_INLINE F64x2(double x) : v(vdupq_n_f64(x)) {}
  DN_INLINE static F64x2 load(const double* p) { return vld1q_f64(p); }
  DN_INLINE static F64x2 load(const double* p, int64_t n) { return load_first<F64x2>(p, n); }
  DN_INLINE void store(double* p) const { vst1q_f64(p, v); }
  DN_INLINE void store(double* p, int64_t n) const { store_first(p, *this, n); }
  DN_INLINE friend F64x2 operator+(F64x2 a, F64x2 b) { return vaddq_f64(a.v, b.v); }
  DN_INLINE friend F64x2 operator-(F64x2 a, F64x2 b) { return vsubq_f64(a.v, b.v); }
  DN_INLINE friend F64x2 operator*(F64x2 a, F64x2 b) { return vmulq_f64(a.v, b.v); }
  DN_INLINE friend F64x2 operator/(F64x2 a, F64x2 b) { return vdivq_f64(a.v, b.v); }
  DN_INLINE friend F64x2 operator-(F64x2 a) { return vnegq_f64(a.v); }
  DN_INLINE friend M64x2 operator<(F64x2 a, F64x2 b) { return {vcltq_f64(a.v, b.v)}; }
  DN_INLINE friend M64x2 operator<=(F64x2 a, F64x2 b) { return {vcleq_f64(a.v, b.v)}; }
  DN_INLINE friend M64x2 operator>(F64x2 a, F64x2 b) { return {vcgtq_f64(a.v, b.v)}; }
  DN_INLINE friend M64x2 operator>=(F64x2 a, F64x2 b) { return {vcgeq_f64(a.v, b.v)}; }
  DN_INLINE friend M64x2 operator==(F64x2 a, F64x2 b) { return {vceqq_f64(a.v, b.v)}; }
  DN_INLINE friend M64x2 operator!=(F64x2 a, F64x2 b) { return ~(a == b); }
  DN_INLINE friend F64x2 fma(F64x2 a, F64x2 b, F64x2 c) { return vfmaq_f64(c.v, a.v, b.v); }
  DN_INLINE friend F64x2 sqrt(F64x2 a) { return vsqrtq_f64(a.v); }
  DN_INLINE friend F64x2 abs(F64x2 a) { return vabsq_f64(a.v); }
  DN_INLINE friend F64x2 floor(F64x2 a) { return vrndmq_f64(a.v); }
  DN_INLINE friend F64x2 ceil(F64x2 a) { return vrndpq_f64(a.v); }
  DN_INLINE friend F64x2 trunc(F64x2 a) { return vrndq_f64(a.v); }
  DN_INLINE friend F64x2 rint(F64x2 a) { return vrndnq_f64(a.v); }
  DN_INLINE friend F64x2 select(M64x2 m, F64x2 a, F64x2 b) { return vbslq_f64(m.v, a.v, b.v); }
  DN_INLINE friend F64x2 vmin(F64x2 a, F64x2 b) { return select(a < b, a, b); }
  DN_INLINE friend F64x2 vmax(F64x2 a, F64x2 b) { return select(a > b, a, b); }
  DN_INLINE friend I64x2 bits(F64x2 a) { return vreinterpretq_s64_f64(a.v); }
  DN_INLINE friend I64x2 to_int(F64x2 a) { return vcvtnq_s64_f64(a.v); }
  DN_INLINE friend double lane(F64x2 a, int i) {
    double p[2];
    a.store(p);
    return p[i];
  }
  template <int k>
  DN_INLINE friend F64x2 exchange(F64x2 a) {
    return vextq_f64(a.v, a.v, 1);
  }
};

DN_INLINE F32x4 from_bits(I32x4 a) { return vreinterpretq_f32_s32(a.v); }
DN_INLINE F64x2 from_bits(I64x2 a) { return vreinterpretq_f64_s64(a.v); }
DN_INLINE F32x4 to_float(I32x4 a) { return vcvtq_f32_s32(a.v); }
DN_INLINE F64x2 to_float(I64x2 a) { return vcvtq_f64_s64(a.v); }
DN_INLINE F32x4 scale(F32x4 a, F32x4 n) {
  const I32x4 i = to_int(n), half = shr<1>(i);
  return a * from_bits(shl<23>(half + I32x4(127))) * from_bits(shl<23>(i - half + I32x4(127)));
}
DN_INLINE F64x2 scale(F64x2 a, F64x2 n) {
  const I64x2 i = to_int(n), half = shr<1>(i);
  return a * from_bits(shl<52>(half + I64x2(1023))) * from_bits(shl<52>(i - half + I64x2(1023)));
}

template <class R>
using Quad = Pair<Pair<R>>;
using F32 = Quad<F32x4>;
using F64 = Quad<F64x2>;
using I32 = Quad<I32x4>;
using I64 = Quad<I64x2>;
using M32 = Quad<M32x4>;
using M64 = Quad<M64x2>;

DN_INLINE F32 lookup16(const float* table, I32 i) {
  int32_t index[16];
  float r[16];
  i.store(index);
  for (int l = 0; l < 16; ++l) r[l] = table[index[l] & 15];
  return F32::load(r);
}
DN_INLINE F64 lookup16(const double* table, I64 i) {
  int64_t index[8];
  double r[8];
  i.store(index);
  for (int l = 0; l < 8; ++l) r[l] = table[index[l] & 15];
  return F64::load(r);
}
DN_INLINE Pair<F64x2> widen_register(F32x4 a) {
  return pair_of(F64x2(vcvt_f64_f32(vget_low_f32(a.v))), F64x2(vcvt_high_f64_f32(a.v)));
}
DN_INLINE F32x4 narrow_register(Pair<F64x2> a) { return vcvt_high_f32_f64(vcvt_f32_f64(a.low.v), a.high.v); }
DN_INLINE F64 widen_low(F32 a) { return pair_of(widen_register(a.low.low), widen_register(a.low.high)); }
DN_INLINE F64 widen_high(F32 a) { return pair_of(widen_register(a.high.low), widen_register(a.high.high)); }
DN_INLINE F32 narrow(F64 low, F64 high) {
  return pair_of(pair_of(narrow_register(low.low), narrow_register(low.high)),
                 pair_of(narrow_register(high.low), narrow_register(high.high)));
}
DN_INLINE I32x4 load4_u16(const uint16_t* p) { return vreinterpretq_s32_u32(vmovl_u16(vld1_u16(p))); }
DN_INLINE I32 load_u16(const uint16_t* p) {
  return pair_of(pair_of(load4_u16(p), load4_u16(p + 4)), pair_of(load4_u16(p + 8), load4_u16(p + 12)));
}
DN_INLINE void store4_u16(uint16_t* p, I32x4 a) { vst1_u16(p, vmovn_u32(vreinterpretq_u32_s32(a.v))); }
DN_INLINE void store_u16(uint16_t* p, I32 a) {
  store4_u16(p, a.low.low);
  store4_u16(p + 4, a.low.high);
  store4_u16(p + 8, a.high.low);
  store4_u16(p + 12, a.high.high);
}
DN_INLINE F32x4 load4_half(const Half* p) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(reinterpret_cast<const uint16_t*>(p))));
}
DN_INLINE F32 load_half(const Half* p) {
  return pair_of(pair_of(load4_half(p), load4_half(p + 4)), pair_of(load4_half(p + 8), load4_half(p + 12)));
}
DN_INLINE void store4_half(Half* p, F32x4 a) {
  vst1_u16(reinterpret_cast<uint16_t*>(p), vreinterpret_u16_f16(vcvt_f16_f32(a.v)));
}
DN_INLINE void store_half(Half* p, F32 a) {
  store4_half(p, a.low.low);
  store4_half(p + 4, a.low.high);
  store4_half(p + 8, a.high.low);
  store4_half(p + 12, a.high.high);
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
