// Philox (core/philox.h) for many counters at once: a 32-bit word in each 64-bit lane, whose upper half may hold anything,
// as the widening multiply reads only the lower.
#pragma once

#include "core/philox.h"
#include "cpu/simd.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

// widening_product: of the lanes' lower 32 bits, unsigned. store_in_turn: a[0], b[0], a[1], b[1], ...
#if defined(DEEPNET_ISA_AVX512)
DN_INLINE I64 widening_product(I64 a, I64 b) { return _mm512_mul_epu32(a.v, b.v); }
DN_INLINE void store_in_turn(int32_t* p, I64 a, I64 b) {
  _mm512_storeu_si512(p, _mm512_permutex2var_epi64(a.v, _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), b.v));
  _mm512_storeu_si512(p + 16, _mm512_permutex2var_epi64(a.v, _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15), b.v));
}
#elif defined(DEEPNET_ISA_AVX2)
DN_INLINE I64x4 widening_product(I64x4 a, I64x4 b) { return _mm256_mul_epu32(a.v, b.v); }
DN_INLINE void store_in_turn(int32_t* p, I64x4 a, I64x4 b) {
  const __m256i even = _mm256_unpacklo_epi64(a.v, b.v), odd = _mm256_unpackhi_epi64(a.v, b.v);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute2x128_si256(even, odd, 0x20));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 8), _mm256_permute2x128_si256(even, odd, 0x31));
}
#elif defined(DEEPNET_ISA_NEON)
DN_INLINE I64x2 widening_product(I64x2 a, I64x2 b) {
  return vreinterpretq_s64_u64(vmull_u32(vmovn_u64(vreinterpretq_u64_s64(a.v)), vmovn_u64(vreinterpretq_u64_s64(b.v))));
}
DN_INLINE void store_in_turn(int32_t* p, I64x2 a, I64x2 b) {
  vst1q_s32(p, vreinterpretq_s32_s64(vzip1q_s64(a.v, b.v)));
  vst1q_s32(p + 4, vreinterpretq_s32_s64(vzip2q_s64(a.v, b.v)));
}
#else
DN_INLINE I64 widening_product(I64 a, I64 b) {
  return I64::each([&](int i) { return int64_t(uint64_t(uint32_t(a.v[i])) * uint32_t(b.v[i])); });
}
DN_INLINE void store_in_turn(int32_t* p, I64 a, I64 b) {
  for (int i = 0; i < I64::lanes; ++i) {
    __builtin_memcpy(p + 4 * i, &a.v[i], 8);
    __builtin_memcpy(p + 4 * i + 2, &b.v[i], 8);
  }
}
#endif
#if defined(DEEPNET_ISA_AVX2) || defined(DEEPNET_ISA_NEON)
template <class R>
DN_INLINE Pair<R> widening_product(Pair<R> a, Pair<R> b) {
  return pair_of(widening_product(a.low, b.low), widening_product(a.high, b.high));
}
template <class R>
DN_INLINE void store_in_turn(int32_t* p, Pair<R> a, Pair<R> b) {
  store_in_turn(p, a.low, b.low);
  store_in_turn(p + 4 * R::lanes, a.high, b.high);
}
#endif

constexpr int kCounters = I64::lanes;
constexpr int kWordsPerCounters = 4 * kCounters;

/// The words of counters `counter`, ..., `counter` + kCounters - 1, in the order of a draw.
DN_INLINE void philox_words(uint64_t seed, uint64_t counter, int32_t* words) {
  const int64_t ramp[kCounters] = {0, 1, 2, 3, 4, 5, 6, 7};
  I64 c0 = load<I64>(ramp) + I64(int64_t(counter)), c1 = shr_logical<32>(c0), c2(int64_t(0)), c3(int64_t(0));
  uint32_t k0 = uint32_t(seed), k1 = uint32_t(seed >> 32);
  const I64 m0(int64_t(0xD2511F53u)), m2(int64_t(0xCD9E8D57u));
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    const I64 p0 = widening_product(c0, m0), p2 = widening_product(c2, m2);
    c0 = shr_logical<32>(p2) ^ c1 ^ I64(int64_t(k0));
    c2 = shr_logical<32>(p0) ^ c3 ^ I64(int64_t(k1));
    c1 = p2;
    c3 = p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  const I64 low(int64_t(0xffffffffu));
  store_in_turn(words, (c0 & low) | shl<32>(c1), (c2 & low) | shl<32>(c3));
}

/// At least `count` words from counter `counter` on; `words` has room for kWordsPerCounters more.
DN_INLINE void philox_fill(uint64_t seed, uint64_t counter, int64_t count, int32_t* words) {
  for (int64_t at = 0; at < count; at += kWordsPerCounters) philox_words(seed, counter + uint64_t(at / 4), words + at);
}

/// Uniform in [0, 1): 24 bits of each of 16 words.
DN_INLINE F32 unit_floats(const int32_t* words) {
  return to_float(shr_logical<8>(load<I32>(words))) * F32(5.9604644775390625e-8f);
}
/// Uniform in [0, 1): 53 bits of each of 8 pairs of words, the first of a pair being the high one.
DN_INLINE F64 unit_doubles(const int32_t* words) {
  int64_t pairs[kCounters];
  __builtin_memcpy(pairs, words, sizeof pairs);
  const I64 w = load<I64>(pairs);
  const F64 high = to_float(w & I64(int64_t(0xffffffffu))), low = to_float(shr_logical<43>(w));
  return (high * F64(2097152.0) + low) * F64(1.1102230246251565e-16);
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
