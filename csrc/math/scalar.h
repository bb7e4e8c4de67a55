// The arithmetic that a formula may use, for one number on the host or a GPU; cpu/simd.h says the same of vectors. Formulas
// written in these words give the same bits wherever they run.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#if !defined(__CUDA_ARCH__) && (defined(__SSE2__) || defined(__x86_64__))
#include <emmintrin.h>
#endif
#if defined(__CUDACC__)
#include <cmath>
#endif

#include "core/config.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

// Bits as a signed integer of the same width, and back.
DN_INLINE int32_t bits(float x) {
  int32_t b;
  memcpy(&b, &x, 4);
  return b;
}
DN_INLINE int64_t bits(double x) {
  int64_t b;
  memcpy(&b, &x, 8);
  return b;
}
DN_INLINE float from_bits(int32_t b) {
  float x;
  memcpy(&x, &b, 4);
  return x;
}
DN_INLINE double from_bits(int64_t b) {
  double x;
  memcpy(&x, &b, 8);
  return x;
}

#if defined(__CUDA_ARCH__)
DN_INLINE float fma(float a, float b, float c) { return __fmaf_rn(a, b, c); }
DN_INLINE double fma(double a, double b, double c) { return __fma_rn(a, b, c); }
DN_INLINE float sqrt(float x) { return __fsqrt_rn(x); }
DN_INLINE double sqrt(double x) { return __dsqrt_rn(x); }
DN_INLINE float floor(float x) { return ::floorf(x); }
DN_INLINE double floor(double x) { return ::floor(x); }
DN_INLINE float ceil(float x) { return ::ceilf(x); }
DN_INLINE double ceil(double x) { return ::ceil(x); }
DN_INLINE float trunc(float x) { return ::truncf(x); }
DN_INLINE double trunc(double x) { return ::trunc(x); }
DN_INLINE float rint(float x) { return ::rintf(x); }
DN_INLINE double rint(double x) { return ::rint(x); }
DN_INLINE int32_t to_int(float x) { return __float2int_rn(x); }
DN_INLINE int64_t to_int(double x) { return __double2ll_rn(x); }
#else
/// a * b + c, rounded once.
DN_INLINE float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
DN_INLINE double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
DN_INLINE float sqrt(float x) { return __builtin_sqrtf(x); }
DN_INLINE double sqrt(double x) { return __builtin_sqrt(x); }
DN_INLINE float floor(float x) { return __builtin_floorf(x); }
DN_INLINE double floor(double x) { return __builtin_floor(x); }
DN_INLINE float ceil(float x) { return __builtin_ceilf(x); }
DN_INLINE double ceil(double x) { return __builtin_ceil(x); }
DN_INLINE float trunc(float x) { return __builtin_truncf(x); }
DN_INLINE double trunc(double x) { return __builtin_trunc(x); }
/// Halves to even.
DN_INLINE float rint(float x) { return __builtin_rintf(x); }
DN_INLINE double rint(double x) { return __builtin_rint(x); }
/// The nearest integer, halves to even. Unspecified beyond 2^31 (float) and 2^51 (double).
#if defined(__SSE2__)
DN_INLINE int32_t to_int(float x) { return _mm_cvtss_si32(_mm_set_ss(x)); }
DN_INLINE int64_t to_int(double x) { return _mm_cvtsd_si64(_mm_set_sd(x)); }
#else
DN_INLINE int32_t to_int(float x) { return int32_t(__builtin_rintf(x)); }
DN_INLINE int64_t to_int(double x) { return int64_t(__builtin_rint(x)); }
#endif
#endif

DN_INLINE float abs(float x) { return from_bits(bits(x) & 0x7fffffff); }
DN_INLINE double abs(double x) { return from_bits(bits(x) & 0x7fffffffffffffff); }
DN_INLINE float to_float(int32_t x) { return float(x); }
/// |x| < 2^51.
DN_INLINE double to_float(int64_t x) { return double(x); }

DN_INLINE float vmin(float a, float b) { return a < b ? a : b; }
DN_INLINE double vmin(double a, double b) { return a < b ? a : b; }
DN_INLINE float vmax(float a, float b) { return a > b ? a : b; }
DN_INLINE double vmax(double a, double b) { return a > b ? a : b; }
DN_INLINE bool isnan(float x) { return x != x; }
DN_INLINE bool isnan(double x) { return x != x; }

DN_INLINE float select(bool m, float a, float b) { return m ? a : b; }
DN_INLINE double select(bool m, double a, double b) { return m ? a : b; }
DN_INLINE int32_t select(bool m, int32_t a, int32_t b) { return m ? a : b; }
DN_INLINE int64_t select(bool m, int64_t a, int64_t b) { return m ? a : b; }
DN_INLINE bool any(bool m) { return m; }
DN_INLINE bool all(bool m) { return m; }

template <int k>
DN_INLINE int32_t shl(int32_t x) {
  return int32_t(uint32_t(x) << k);
}
template <int k>
DN_INLINE int64_t shl(int64_t x) {
  return int64_t(uint64_t(x) << k);
}
template <int k>
DN_INLINE int32_t shr(int32_t x) {
  return x >> k;
}
template <int k>
DN_INLINE int64_t shr(int64_t x) {
  return x >> k;
}
template <int k>
DN_INLINE int32_t shr_logical(int32_t x) {
  return int32_t(uint32_t(x) >> k);
}
template <int k>
DN_INLINE int64_t shr_logical(int64_t x) {
  return int64_t(uint64_t(x) >> k);
}

/// x * 2^n for an integral n in [-252, 254] (double: [-2044, 2046]) and 2^-20 <= |x| <= 2^20 or so: rounded once.
DN_INLINE float scale(float x, float n) {
  const int32_t i = to_int(n), half = i >> 1;
  return x * from_bits((half + 127) << 23) * from_bits((i - half + 127) << 23);
}
DN_INLINE double scale(double x, double n) {
  const int64_t i = to_int(n), half = i >> 1;
  return x * from_bits((half + 1023) << 52) * from_bits((i - half + 1023) << 52);
}

/// table[i] for 0 <= i < 16; only the low four bits of i count.
DN_INLINE float lookup16(const float* table, int32_t i) { return table[i & 15]; }
DN_INLINE double lookup16(const double* table, int64_t i) { return table[i & 15]; }

/// f in double precision on a float: rounded once on the way out.
template <class F>
DN_INLINE float in_double(F f, float x) {
  return float(f(double(x)));
}
template <class F>
DN_INLINE float in_double(F f, float x, float y) {
  return float(f(double(x), double(y)));
}

/// f, which takes and gives numbers, on every lane.
template <class F>
DN_INLINE float each_lane(F f, float x) {
  return f(x);
}
template <class F>
DN_INLINE double each_lane(F f, double x) {
  return f(x);
}
template <class F>
DN_INLINE float each_lane(F f, float x, float y) {
  return f(x, y);
}
template <class F>
DN_INLINE double each_lane(F f, double x, double y) {
  return f(x, y);
}

/// Between a vector (here: a number) and memory.
template <class V>
DN_INLINE std::enable_if_t<std::is_arithmetic<V>::value, V> load_lanes(const V* p) {
  return *p;
}
template <class V>
DN_INLINE std::enable_if_t<std::is_arithmetic<V>::value> store_lanes(V* p, V x) {
  *p = x;
}

/// What a comparison of V gives; the integer vector of its width; its element type; how many elements.
template <class V>
using mask_of = decltype(std::declval<V>() < std::declval<V>());
template <class V>
using int_of = decltype(bits(std::declval<V>()));

template <class V, bool = std::is_arithmetic<V>::value>
struct Traits {
  using Scalar = V;
  static constexpr int kLanes = 1;
};
template <class V>
struct Traits<V, false> {
  using Scalar = typename V::Scalar;
  static constexpr int kLanes = V::lanes;
};
template <class V>
using scalar_of = typename Traits<V>::Scalar;
template <class V>
constexpr int lanes_of = Traits<V>::kLanes;

}  // namespace DEEPNET_ISA
}  // namespace deepnet
