// What the kernels' files need of the CUDA runtime: checked calls, the current stream, launches that are named in errors.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "backend/backend.h"
#include "core/error.h"

namespace deepnet::gpu {

/// Throws RuntimeError with the driver's words where status is an error. `what` names the kernel or the call.
void check(cudaError_t status, const char* what);

/// How many devices there are; where there are none, why not. Never throws.
struct Probe {
  int devices;
  const char* why_not;
};
Probe probe();

/// What a kernel found wrong with an index; lies in pinned host memory. The first thread that sets `state` fills it in.
struct IndexReport {
  int state;
  int kernel;  // position in kIndexKernels
  int64_t index, size;
};
enum IndexKernel { kIndexSelect, kIndexPut, kGather, kScatter, kCrossEntropy };

/// Facts of a device that choose grid sizes.
struct DeviceFacts {
  int multiprocessors, major, minor, shared_per_block;
  size_t total_memory;
  char name[256];
};
const DeviceFacts& device_facts(int device);

/// The stream that this thread's kernels on a device are queued on; null is the default stream.
cudaStream_t current_stream(int device);
void set_current_stream(int device, cudaStream_t stream);

class DeviceMemory;

/// What belongs to one device for as long as the process lives.
struct DeviceState {
  int device;
  DeviceMemory* memory;
  IndexReport* report;
};
DeviceState& device_state(int device);

/// Waits for a stream, then raises what its kernels reported.
void wait(int device, cudaStream_t stream);

#if defined(DEEPNET_CUDA_EMULATED)
template <class... P>
cudaError_t start(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, cudaStream_t, P... args) {
  return emulator::run(grid, block, shared, [&] { kernel(args...); });
}
#else
template <class... P>
cudaError_t start(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, cudaStream_t stream, P... args) {
  constexpr size_t kStaticLimit = 48 << 10;  // more has to be asked for
  const void* entry = reinterpret_cast<const void*>(kernel);
  if (shared > kStaticLimit) {
    const cudaError_t status = cudaFuncSetAttribute(entry, cudaFuncAttributeMaxDynamicSharedMemorySize, int(shared));
    if (status != cudaSuccess) return status;
  }
  void* pointers[] = {&args..., nullptr};
  return cudaLaunchKernel(entry, grid, block, pointers, shared, stream);
}
#endif

/// One backend call: makes the device current, launches kernels on the thread's stream and names them in errors. Scratch
/// memory lives until the call ends: what is reused afterwards is reused on the same stream.
class Call {
 public:
  Call(int device, const char* name);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  template <class... P>
  void run(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, std::type_identity_t<P>... args) {
    finish(start<P...>(kernel, grid, block, shared, stream_, args...));
  }
  /// One thread for each of n items, or a grid that strides over them: kernels loop from thread_id() by thread_count().
  template <class... P>
  void run_items(void (*kernel)(P...), int64_t n, std::type_identity_t<P>... args) {
    if (n > 0) run(kernel, dim3(grid_for(n, kItemBlock)), dim3(kItemBlock), 0, args...);
  }
  /// Uninitialised device memory until the end of the call.
  template <class T>
  T* scratch(int64_t count) {
    return static_cast<T*>(scratch_bytes(size_t(count) * sizeof(T)));
  }
  void zero(void* p, size_t bytes);

  cudaStream_t stream() const { return stream_; }
  int multiprocessors() const { return facts_.multiprocessors; }
  IndexReport* report() const { return state_.report; }

  static constexpr int kItemBlock = 256;

 private:
  unsigned grid_for(int64_t n, int block) const;
  void* scratch_bytes(size_t bytes);
  void finish(cudaError_t status);

  static constexpr int kMaxScratch = 12;
  const char* name_;
  int previous_;
  DeviceState& state_;
  const DeviceFacts& facts_;
  cudaStream_t stream_;
  void* scratch_[kMaxScratch];
  int scratch_count_ = 0;
};

}  // namespace deepnet::gpu
