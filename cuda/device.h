// Words that every kernel file uses: element types on the device, division by constants, warp exchanges.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "core/dtype.h"
#include "core/view.h"

// The emulated toolkit of tests/cpp/emulator runs these kernels on the CPU; there a shared array of run-time size is a
// pointer that the emulator owns.
#if defined(DEEPNET_CUDA_EMULATED)
#define DN_DEVICE inline
#define DN_OUTLINED inline
#define DN_KERNEL inline
#define DN_DYNAMIC_SHARED(T, name) T* name = reinterpret_cast<T*>(emulator::dynamic_shared())
#else
#define DN_DEVICE __device__ __forceinline__
#define DN_OUTLINED __device__ __noinline__
#define DN_KERNEL __global__
#define DN_DYNAMIC_SHARED(T, name)                              \
  extern __shared__ __align__(16) unsigned char name##_bytes[]; \
  T* name = reinterpret_cast<T*>(name##_bytes)
#endif

namespace deepnet::gpu {

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xffffffffu;

/// What an element type is computed in.
template <class T>
struct ComputeType {
  using type = T;
};
template <>
struct ComputeType<Half> {
  using type = float;
};
template <>
struct ComputeType<BFloat16> {
  using type = float;
};
template <class T>
using Compute = typename ComputeType<T>::type;

DN_INLINE float half_to_float(uint16_t bits) {
#if defined(__CUDA_ARCH__)
  float f;
  asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(bits));
  return f;
#else
  return to_float(Half{bits});
#endif
}

DN_INLINE uint16_t float_to_half(float f) {
#if defined(__CUDA_ARCH__)
  uint16_t bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(f));
  return bits;
#else
  return to_half(f).bits;
#endif
}

DN_DEVICE float widen(float x) { return x; }
DN_DEVICE double widen(double x) { return x; }
DN_DEVICE float widen(Half x) { return half_to_float(x.bits); }
DN_DEVICE float widen(BFloat16 x) { return to_float(x); }

template <class T>
struct Narrow {
  static DN_DEVICE T from(Compute<T> x) { return x; }
};
template <>
struct Narrow<Half> {
  static DN_DEVICE Half from(float x) { return Half{float_to_half(x)}; }
};
template <>
struct Narrow<BFloat16> {
  static DN_DEVICE BFloat16 from(float x) { return to_bfloat16(x); }
};
template <class T>
DN_DEVICE T narrow(Compute<T> x) {
  return Narrow<T>::from(x);
}

/// Division by a number known at launch: q = n / d for 0 <= n < 2^31 (Granlund & Montgomery, PLDI 1994).
struct FastDiv {
  uint32_t divisor = 1, multiplier = 1, shift = 0;

  FastDiv() = default;
  explicit FastDiv(int64_t d) : divisor(uint32_t(d > 0 ? d : 1)) {
    while ((uint64_t(1) << shift) < divisor) ++shift;
    multiplier = uint32_t((uint64_t(1) << 32) * ((uint64_t(1) << shift) - divisor) / divisor + 1);
  }
  DN_DEVICE uint32_t divide(uint32_t n) const {
#if defined(__CUDA_ARCH__)
    return (__umulhi(n, multiplier) + n) >> shift;
#else
    return uint32_t(((uint64_t(n) * multiplier >> 32) + n) >> shift);
#endif
  }
  /// n / d, leaving n % d in n.
  DN_DEVICE uint32_t split(uint32_t& n) const {
    const uint32_t q = divide(n);
    n -= q * divisor;
    return q;
  }
};

/// a / b for a, b >= 0, in 32 bits where both fit: the 64-bit division takes some seventy instructions.
DN_INLINE int64_t quotient(int64_t a, int64_t b) { return ((a | b) >> 31) == 0 ? int64_t(uint32_t(a) / uint32_t(b)) : a / b; }

DN_INLINE int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
DN_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
DN_INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

DN_DEVICE int64_t thread_id() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }
DN_DEVICE int64_t thread_count() { return int64_t(gridDim.x) * blockDim.x; }

}  // namespace deepnet::gpu
