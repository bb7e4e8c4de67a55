// A square of numbers turned in registers.
#pragma once

#include "cpu/simd.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

#if defined(DEEPNET_ISA_AVX512)
/// load(i) gives line i of a 16 x 16 square, store(j, v) takes column j.
template <class Load, class Store>
DN_INLINE void transpose16(Load load, Store store) {
  __m512 a[16], b[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) a[i] = load(i).v;
  // 2 x 2 squares, then 4 x 4 within 128 bits, then the 128-bit lanes.
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    b[i] = _mm512_unpacklo_ps(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_ps(a[i], a[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    const __m512d l0 = _mm512_castps_pd(b[i]), h0 = _mm512_castps_pd(b[i + 1]);
    const __m512d l1 = _mm512_castps_pd(b[i + 2]), h1 = _mm512_castps_pd(b[i + 3]);
    a[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(l0, l1));
    a[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(l0, l1));
    a[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(h0, h1));
    a[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(h0, h1));
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    b[i] = _mm512_shuffle_f32x4(a[i], a[i + 4], 0x88);
    b[i + 4] = _mm512_shuffle_f32x4(a[i], a[i + 4], 0xdd);
    b[i + 8] = _mm512_shuffle_f32x4(a[i + 8], a[i + 12], 0x88);
    b[i + 12] = _mm512_shuffle_f32x4(a[i + 8], a[i + 12], 0xdd);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    store(i, F32(_mm512_shuffle_f32x4(b[i], b[i + 8], 0x88)));
    store(i + 8, F32(_mm512_shuffle_f32x4(b[i], b[i + 8], 0xdd)));
  }
}
#elif defined(DEEPNET_ISA_AVX2)
DN_INLINE void transpose8(const __m256* a, __m256* out) {
  __m256 b[8], c[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    b[i] = _mm256_unpacklo_ps(a[i], a[i + 1]);
    b[i + 1] = _mm256_unpackhi_ps(a[i], a[i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    c[i] = _mm256_shuffle_ps(b[i], b[i + 2], 0x44);
    c[i + 1] = _mm256_shuffle_ps(b[i], b[i + 2], 0xee);
    c[i + 2] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0x44);
    c[i + 3] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    out[i] = _mm256_permute2f128_ps(c[i], c[i + 4], 0x20);
    out[i + 4] = _mm256_permute2f128_ps(c[i], c[i + 4], 0x31);
  }
}
template <class Load, class Store>
DN_INLINE void transpose16(Load load, Store store) {
#pragma GCC unroll 2
  for (int half = 0; half < 2; ++half) {
    __m256 low[8], high[8], a[8], b[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      const F32 upper = load(i), lower = load(i + 8);
      low[i] = half ? upper.high.v : upper.low.v;
      high[i] = half ? lower.high.v : lower.low.v;
    }
    transpose8(low, a);
    transpose8(high, b);
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      F32 v;
      v.low.v = a[i];
      v.high.v = b[i];
      store(half * 8 + i, v);
    }
  }
}
#else
template <class Load, class Store>
DN_INLINE void transpose16(Load load, Store store) {
  float a[16][16], b[16];
  for (int i = 0; i < 16; ++i) load(i).store(a[i]);
  for (int j = 0; j < 16; ++j) {
    for (int i = 0; i < 16; ++i) b[i] = a[i][j];
    store(j, F32::load(b));
  }
}
#endif

}  // namespace DEEPNET_ISA
}  // namespace deepnet
