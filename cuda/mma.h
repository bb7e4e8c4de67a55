// Tensor-core products of 16 x 16 by 16 x 8 float16 or bfloat16 elements into float32, and the loads that feed them. Where the
// instructions are missing (before sm_80, and in the emulator) shuffles do the same.
#pragma once

#include <type_traits>

#include "device.h"
#include "math/scalar.h"

namespace deepnet::gpu {

DN_DEVICE float low_half(Half, uint32_t pair) { return half_to_float(uint16_t(pair)); }
DN_DEVICE float low_half(BFloat16, uint32_t pair) { return bits_to_float(pair << 16); }
DN_DEVICE float high_half(Half, uint32_t pair) { return half_to_float(uint16_t(pair >> 16)); }
DN_DEVICE float high_half(BFloat16, uint32_t pair) { return bits_to_float(pair & 0xffff0000u); }

/// c += a b by a chain over k for each element, operands laid out over the warp as mma.m16n8k16 wants them.
template <class E>
DN_DEVICE void mma_by_shuffles(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  const int lane = threadIdx.x & 31, group = lane >> 2, column = 2 * (lane & 3);
  for (int k = 0; k < 16; ++k) {
    const int from_a = group * 4 + k % 8 / 2;
    const uint32_t upper = k < 8 ? a[0] : a[2], lower = k < 8 ? a[1] : a[3], b = k < 8 ? b0 : b1;
    const uint32_t ra = __shfl_sync(kAllLanes, upper, from_a), rb = __shfl_sync(kAllLanes, lower, from_a);
    const uint32_t left = __shfl_sync(kAllLanes, b, column * 4 + k % 8 / 2);
    const uint32_t right = __shfl_sync(kAllLanes, b, (column + 1) * 4 + k % 8 / 2);
    const bool odd = k & 1;
    const float a_up = odd ? high_half(E{}, ra) : low_half(E{}, ra), a_down = odd ? high_half(E{}, rb) : low_half(E{}, rb);
    const float b_left = odd ? high_half(E{}, left) : low_half(E{}, left);
    const float b_right = odd ? high_half(E{}, right) : low_half(E{}, right);
    c[0] = fma(a_up, b_left, c[0]);
    c[1] = fma(a_up, b_right, c[1]);
    c[2] = fma(a_down, b_left, c[2]);
    c[3] = fma(a_down, b_right, c[3]);
  }
}

template <class E>
DN_DEVICE void mma(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  if constexpr (std::is_same_v<E, Half>) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  } else {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  }
#else
  mma_by_shuffles<E>(c, a, b0, b1);
#endif
}

/// Four 8 x 8 matrices of 16-bit elements from shared memory: lane 8 j + i brings the address of row i of matrix j (16 bytes
/// aligned); r[j] of a lane holds elements (lane / 4, 2 (lane % 4)) and the next, of the transpose where kTranspose.
template <bool kTranspose>
DN_DEVICE void load_matrices(uint32_t (&r)[4], const uint16_t* row) {
#if !defined(DEEPNET_CUDA_EMULATED)
  const unsigned address = unsigned(__cvta_generic_to_shared(row));
  if constexpr (kTranspose) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address));
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address));
  }
#else
  const int lane = threadIdx.x & 31, i = lane >> 2, c = 2 * (lane & 3);
  for (int j = 0; j < 4; ++j) {
    uint16_t low, high;
    if constexpr (kTranspose) {
      low = __shfl_sync(kAllLanes, row, 8 * j + c)[i];
      high = __shfl_sync(kAllLanes, row, 8 * j + c + 1)[i];
    } else {
      const uint16_t* from = __shfl_sync(kAllLanes, row, 8 * j + i);
      low = from[c];
      high = from[c + 1];
    }
    r[j] = uint32_t(high) << 16 | low;
  }
#endif
}

}  // namespace deepnet::gpu
