// A square of elements turned over in L1. For files compiled once.
#pragma once

#include <cstdint>
#include <cstring>

namespace deepnet {

/// in[j][i] becomes to[i][j]. Lines of memory are touched once on either side, whatever their distance: power-of-two strides
/// would otherwise evict one another.
template <class T>
struct TransposeTile {
  static constexpr int kSide = sizeof(T) == 1 ? 64 : sizeof(T) == 8 ? 16 : 32;
  alignas(64) T in[kSide][kSide];

  /// to[i * step + j] for i < height, j < width.
  void transpose(T* to, int64_t step, int64_t height, int64_t width) const {
    if (height == kSide && width == kSide) return whole(to, step);
    for (int64_t i = 0; i < height; ++i)
      for (int64_t j = 0; j < width; ++j) to[i * step + j] = in[j][i];
  }

 private:
  void whole(T* to, int64_t step) const {
    if constexpr (sizeof(T) == 4) {
      // 4x4 blocks in registers: interleave rows 0 with 2 and 1 with 3, then the results.
      typedef uint32_t V __attribute__((vector_size(16)));
      for (int i = 0; i < kSide; i += 4)
        for (int j = 0; j < kSide; j += 4) {
          V r[4];
          for (int k = 0; k < 4; ++k) memcpy(&r[k], &in[j + k][i], 16);
          const V a = __builtin_shufflevector(r[0], r[2], 0, 4, 1, 5), b = __builtin_shufflevector(r[1], r[3], 0, 4, 1, 5);
          const V c = __builtin_shufflevector(r[0], r[2], 2, 6, 3, 7), d = __builtin_shufflevector(r[1], r[3], 2, 6, 3, 7);
          const V out[4] = {__builtin_shufflevector(a, b, 0, 4, 1, 5), __builtin_shufflevector(a, b, 2, 6, 3, 7),
                            __builtin_shufflevector(c, d, 0, 4, 1, 5), __builtin_shufflevector(c, d, 2, 6, 3, 7)};
          for (int k = 0; k < 4; ++k) memcpy(to + (i + k) * step + j, &out[k], 16);
        }
    } else {
      for (int i = 0; i < kSide; ++i)
        for (int j = 0; j < kSide; ++j) to[i * step + j] = in[j][i];
    }
  }
};

}  // namespace deepnet
