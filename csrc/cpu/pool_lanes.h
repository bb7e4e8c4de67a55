// Moves between lanes that pools need: neighbours apart and together again, window numbers to and from one byte.
#pragma once

#include "cpu/float_vectors.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

/// Where the vector that should begin at o does begin: a row of at least one vector has no tail, its last vector goes back
/// over what the one before wrote.
template <class V>
DN_INLINE int64_t whole_vector(int64_t o, int64_t n) {
  return n < V::lanes ? o : smaller(o, n - V::lanes);
}

template <class V>
struct Two {
  V first, second;
};

// deinterleave: lanes 0, 2, ... and 1, 3, ... of a followed by b. interleave is its inverse. load_bytes, store_bytes: the first
// n of 16 lanes as unsigned bytes.
#if defined(DEEPNET_ISA_AVX512)
DN_INLINE Two<F32> deinterleave(F32 a, F32 b) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_or_si512(even, _mm512_set1_epi32(1));
  return {_mm512_permutex2var_ps(a.v, even, b.v), _mm512_permutex2var_ps(a.v, odd, b.v)};
}
DN_INLINE Two<F32> interleave(F32 even, F32 odd) {
  const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i high = _mm512_or_si512(low, _mm512_set1_epi32(8));
  return {_mm512_permutex2var_ps(even.v, low, odd.v), _mm512_permutex2var_ps(even.v, high, odd.v)};
}
DN_INLINE I32 load_bytes(const uint8_t* p, int64_t n) { return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(first16(n), p)); }
DN_INLINE void store_bytes(uint8_t* p, I32 v, int64_t n) { _mm_mask_storeu_epi8(p, first16(n), _mm512_cvtepi32_epi8(v.v)); }
#elif defined(DEEPNET_ISA_AVX2)
DN_INLINE F32x8 even_lanes(F32x8 a, F32x8 b) {
  return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(_mm256_shuffle_ps(a.v, b.v, 0x88)), 0xd8));
}
DN_INLINE F32x8 odd_lanes(F32x8 a, F32x8 b) {
  return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(_mm256_shuffle_ps(a.v, b.v, 0xdd)), 0xd8));
}
DN_INLINE F32 interleave_registers(F32x8 even, F32x8 odd) {
  const __m256 a = _mm256_unpacklo_ps(even.v, odd.v), b = _mm256_unpackhi_ps(even.v, odd.v);
  return pair_of(F32x8(_mm256_permute2f128_ps(a, b, 0x20)), F32x8(_mm256_permute2f128_ps(a, b, 0x31)));
}
DN_INLINE Two<F32> deinterleave(F32 a, F32 b) {
  return {pair_of(even_lanes(a.low, a.high), even_lanes(b.low, b.high)),
          pair_of(odd_lanes(a.low, a.high), odd_lanes(b.low, b.high))};
}
DN_INLINE Two<F32> interleave(F32 even, F32 odd) {
  return {interleave_registers(even.low, odd.low), interleave_registers(even.high, odd.high)};
}
DN_INLINE I32 load_bytes(const uint8_t* p, int64_t n) {
  uint8_t part[16];
  if (n < 16) {
    for (int64_t i = 0; i < n; ++i) part[i] = p[i];
    p = part;
  }
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return pair_of(I32x8(_mm256_cvtepu8_epi32(bytes)), I32x8(_mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8))));
}
DN_INLINE void store_bytes(uint8_t* p, I32 v, int64_t n) {
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(v.low.v, v.high.v), 0xd8);
  const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  if (n == 16) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
  } else {
    uint8_t part[16];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(part), bytes);
    for (int64_t i = 0; i < n; ++i) p[i] = part[i];
  }
}
#else
DN_INLINE Two<F32> deinterleave(F32 a, F32 b) {
  float x[2 * F32::lanes], even[F32::lanes], odd[F32::lanes];
  store(x, a);
  store(x + F32::lanes, b);
  for (int i = 0; i < F32::lanes; ++i) {
    even[i] = x[2 * i];
    odd[i] = x[2 * i + 1];
  }
  return {load<F32>(even), load<F32>(odd)};
}
DN_INLINE Two<F32> interleave(F32 even, F32 odd) {
  float x[2 * F32::lanes], a[F32::lanes], b[F32::lanes];
  store(a, even);
  store(b, odd);
  for (int i = 0; i < F32::lanes; ++i) {
    x[2 * i] = a[i];
    x[2 * i + 1] = b[i];
  }
  return {load<F32>(x), load<F32>(x + F32::lanes)};
}
DN_INLINE I32 load_bytes(const uint8_t* p, int64_t n) {
  int32_t part[I32::lanes] = {};
  for (int64_t i = 0; i < n; ++i) part[i] = p[i];
  return load<I32>(part);
}
DN_INLINE void store_bytes(uint8_t* p, I32 v, int64_t n) {
  int32_t part[I32::lanes];
  store(part, v);
  for (int64_t i = 0; i < n; ++i) p[i] = uint8_t(part[i]);
}
#endif

/// even[i] = x[2 i], odd[i] = x[2 i + 1] for i < n.
template <class C>
DN_INLINE void split_pairs(const C* x, C* even, C* odd, int64_t n) {
  int64_t i = 0;
  if constexpr (sizeof(C) == 4) {
    for (; n >= F32::lanes && i < n; i += F32::lanes) {
      i = whole_vector<F32>(i, n);
      const Two<F32> h = deinterleave(load<F32>(x + 2 * i), load<F32>(x + 2 * i + F32::lanes));
      store(even + i, h.first);
      store(odd + i, h.second);
    }
  }
  for (; i < n; ++i) {
    even[i] = x[2 * i];
    odd[i] = x[2 * i + 1];
  }
}

/// x[2 i] = even[i], x[2 i + 1] = odd[i] for i < n.
template <class C>
DN_INLINE void join_pairs(const C* even, const C* odd, C* x, int64_t n) {
  int64_t i = 0;
  if constexpr (sizeof(C) == 4) {
    for (; n >= F32::lanes && i < n; i += F32::lanes) {
      i = whole_vector<F32>(i, n);
      const Two<F32> h = interleave(load<F32>(even + i), load<F32>(odd + i));
      store(x + 2 * i, h.first);
      store(x + 2 * i + F32::lanes, h.second);
    }
  }
  for (; i < n; ++i) {
    x[2 * i] = even[i];
    x[2 * i + 1] = odd[i];
  }
}

/// The first n window numbers at p.
template <class I, class W>
DN_INLINE I load_windows(const W* p, int64_t n) {
  if constexpr (sizeof(W) == 1 && I::lanes == 16) {
    return load_bytes(p, n);
  } else {
    scalar_of<I> part[I::lanes] = {};
    for (int64_t i = 0; i < n; ++i) part[i] = p[i];
    return load<I>(part);
  }
}
template <class I, class W>
DN_INLINE void store_windows(W* p, I v, int64_t n) {
  if constexpr (sizeof(W) == 1 && I::lanes == 16) {
    store_bytes(p, v, n);
  } else {
    scalar_of<I> part[I::lanes];
    store(part, v);
    for (int64_t i = 0; i < n; ++i) p[i] = W(part[i]);
  }
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
