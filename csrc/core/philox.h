// Philox4x32-10: a counter-based random generator (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011).
#pragma once

#include <cstdint>

#include "core/config.h"

namespace deepnet {

/// Four 32-bit words from (seed, counter). Element i of a draw takes word i mod 4 of counter offset + i div 4.
struct PhiloxWords {
  uint32_t w[4];
};

DN_INLINE PhiloxWords philox(uint64_t seed, uint64_t counter) {
  uint32_t c0 = uint32_t(counter), c1 = uint32_t(counter >> 32), c2 = 0, c3 = 0;
  uint32_t k0 = uint32_t(seed), k1 = uint32_t(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    uint64_t p0 = uint64_t(0xD2511F53u) * c0, p1 = uint64_t(0xCD9E8D57u) * c2;
    uint32_t n0 = uint32_t(p1 >> 32) ^ c1 ^ k0, n2 = uint32_t(p0 >> 32) ^ c3 ^ k1;
    c1 = uint32_t(p1);
    c3 = uint32_t(p0);
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

/// Uniform in [0, 1) with 24 bits: exact in float32.
DN_INLINE float uniform24(uint32_t word) { return float(word >> 8) * 5.9604644775390625e-8f; }

/// Uniform in [0, 1) with 53 bits from two words.
DN_INLINE double uniform53(uint32_t high, uint32_t low) {
  return double((uint64_t(high) << 32 | low) >> 11) * 1.1102230246251565e-16;
}

}  // namespace deepnet
