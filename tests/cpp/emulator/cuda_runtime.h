// Stands in for NVIDIA's header of this name, so that the kernels of cuda/ run on the CPU, with no GPU and no driver: every
// thread of a block is a coroutine, blocks run one after another. What it checks that a GPU would not: a barrier or a warp
// exchange that some thread never reaches, and lanes of a warp in different exchanges. With DEEPNET_EMULATOR_ORDER=reverse
// threads run in falling order, which shows a missing barrier as a different result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __shared__ static
#define __constant__ static
#define __launch_bounds__(...)
#define __align__(n) alignas(n)

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct uint3 {
  unsigned x, y, z;
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) double2 {
  double x, y;
};

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNotReady = 600
};
enum cudaMemcpyKind {
  cudaMemcpyHostToHost,
  cudaMemcpyHostToDevice,
  cudaMemcpyDeviceToHost,
  cudaMemcpyDeviceToDevice,
  cudaMemcpyDefault
};
enum {
  cudaHostAllocPortable = 1,
  cudaHostAllocMapped = 2,
  cudaEventDisableTiming = 2,
  cudaEventDefault = 0,
  cudaStreamNonBlocking = 1
};

namespace emulator {

struct Stream {
  int unused;
};
struct Event {
  double seconds;
};

/// Runs body once for every thread of every block.
cudaError_t run_grid(dim3 grid, dim3 block, size_t shared, void (*body)(void*), void* context);
template <class F>
cudaError_t run(dim3 grid, dim3 block, size_t shared, F&& body) {
  return run_grid(grid, block, shared, [](void* f) { (*static_cast<F*>(f))(); }, &body);
}
unsigned char* dynamic_shared();
void block_barrier();
/// Every lane of `mask` hands in `size` bytes and gets all lanes' back, lane i's at 16 i; `kind` must agree among lanes.
const unsigned char* exchange(unsigned mask, const void* value, size_t size, int kind);
unsigned lane();

template <class T>
T shuffle(unsigned mask, T value, unsigned from, int kind) {
  T result;
  std::memcpy(&result, exchange(mask, &value, sizeof(T), kind) + 16 * (from & 31), sizeof(T));
  return result;
}

}  // namespace emulator

using cudaStream_t = emulator::Stream*;
using cudaEvent_t = emulator::Event*;

struct cudaDeviceProp {
  char name[256];
  int multiProcessorCount, major, minor;
  size_t sharedMemPerBlockOptin, totalGlobalMem;
};

inline void __syncthreads() { emulator::block_barrier(); }
inline void __syncwarp(unsigned mask = 0xffffffffu) { emulator::exchange(mask, "", 1, 1); }
template <class T>
T __shfl_sync(unsigned mask, T v, int from) {
  return emulator::shuffle(mask, v, unsigned(from), 2);
}
template <class T>
T __shfl_down_sync(unsigned mask, T v, unsigned d) {
  const unsigned from = emulator::lane() + d;
  return emulator::shuffle(mask, v, from < 32 ? from : emulator::lane(), 3);
}
template <class T>
T __shfl_up_sync(unsigned mask, T v, unsigned d) {
  const unsigned lane = emulator::lane();
  return emulator::shuffle(mask, v, lane >= d ? lane - d : lane, 4);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T v, int m) {
  return emulator::shuffle(mask, v, emulator::lane() ^ unsigned(m), 5);
}
inline unsigned __ballot_sync(unsigned mask, bool p) {
  const unsigned char* all = emulator::exchange(mask, &p, 1, 6);
  unsigned result = 0;
  for (unsigned i = 0; i < 32; ++i)
    if ((mask >> i & 1) && all[16 * i]) result |= 1u << i;
  return result;
}
inline int __any_sync(unsigned mask, bool p) { return __ballot_sync(mask, p) != 0; }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline void __threadfence() {}
inline void __threadfence_system() {}
template <class T>
T __ldg(const T* p) {
  return *p;
}
inline int atomicCAS(int* p, int compare, int value) {
  const int old = *p;
  if (old == compare) *p = value;
  return old;
}
template <class T>
T atomicAdd(T* p, T v) {
  const T old = *p;
  *p = old + v;
  return old;
}

inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline const char* cudaGetErrorString(cudaError_t e) {
  return e == cudaErrorMemoryAllocation ? "out of memory" : "emulated error";
}
inline cudaError_t cudaDriverGetVersion(int* v) {
  *v = 13000;
  return cudaSuccess;
}
inline cudaError_t cudaRuntimeGetVersion(int* v) {
  *v = 13000;
  return cudaSuccess;
}
inline cudaError_t cudaGetDeviceCount(int* n) {
  *n = 1;
  return cudaSuccess;
}
inline cudaError_t cudaGetDevice(int* d) {
  *d = 0;
  return cudaSuccess;
}
inline cudaError_t cudaSetDevice(int d) { return d == 0 ? cudaSuccess : cudaErrorInvalidValue; }
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int) {
  std::strcpy(p->name, "emulated on the CPU");
  p->multiProcessorCount = 4;
  p->major = 8;
  p->minor = 0;
  p->sharedMemPerBlockOptin = 163 << 10;
  p->totalGlobalMem = size_t(8) << 30;
  return cudaSuccess;
}
inline cudaError_t cudaMalloc(void** p, size_t n) {
  *p = std::aligned_alloc(512, (n + 511) / 512 * 512);
  return *p ? cudaSuccess : cudaErrorMemoryAllocation;
}
inline cudaError_t cudaFree(void* p) {
  std::free(p);
  return cudaSuccess;
}
inline cudaError_t cudaHostAlloc(void** p, size_t n, unsigned) { return cudaMalloc(p, n); }
inline cudaError_t cudaFreeHost(void* p) { return cudaFree(p); }
inline cudaError_t cudaMemGetInfo(size_t* available, size_t* total) {
  *available = *total = size_t(8) << 30;
  return cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t n, cudaMemcpyKind, cudaStream_t) {
  std::memmove(to, from, n);
  return cudaSuccess;
}
inline cudaError_t cudaMemcpyPeerAsync(void* to, int, const void* from, int, size_t n, cudaStream_t) {
  std::memmove(to, from, n);
  return cudaSuccess;
}
inline cudaError_t cudaMemsetAsync(void* p, int v, size_t n, cudaStream_t) {
  std::memset(p, v, n);
  return cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* s, unsigned) {
  *s = new emulator::Stream;
  return cudaSuccess;
}
inline cudaError_t cudaStreamDestroy(cudaStream_t s) {
  delete s;
  return cudaSuccess;
}
inline cudaError_t cudaStreamQuery(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned = 0) { return cudaSuccess; }
inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t* e, unsigned) {
  *e = new emulator::Event{0};
  return cudaSuccess;
}
inline cudaError_t cudaEventDestroy(cudaEvent_t e) {
  delete e;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t);
inline cudaError_t cudaEventSynchronize(cudaEvent_t) { return cudaSuccess; }
inline cudaError_t cudaEventQuery(cudaEvent_t) { return cudaSuccess; }
inline cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t a, cudaEvent_t b) {
  *ms = float((b->seconds - a->seconds) * 1e3);
  return cudaSuccess;
}
