#include "runtime.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "memory.h"

namespace deepnet::gpu {
namespace {

constexpr int kMaxDevices = 16;
constexpr const char* kIndexKernels[] = {"index_select", "index_put", "gather", "scatter", "cross_entropy"};

thread_local cudaStream_t streams[kMaxDevices] = {};

/// The latest kernel that was queued: the likely culprit of an error that shows only later.
std::atomic<const char*> last_kernel{"no kernel"};

bool blocking() {
  static const bool on = [] {
    const char* v = std::getenv("DEEPNET_CUDA_BLOCKING");
    return v && *v && *v != '0';
  }();
  return on;
}

}  // namespace

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();
  throw RuntimeError(
      join(what, ": CUDA error ", int(status), ": ", cudaGetErrorString(status),
           blocking() ? "" : " (kernels run later than their calls: DEEPNET_CUDA_BLOCKING=1 finds the right one)"));
}

Probe probe() {
  // cudaDriverGetVersion is the one call that succeeds, and says 0, where there is no driver.
  static const Probe result = [] {
    static char reason[256];
    int driver = 0, runtime = 0, count = 0;
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    if (driver == 0) {
      std::snprintf(reason, sizeof reason, "no NVIDIA driver is installed");
      return Probe{0, reason};
    }
    const cudaError_t status = cudaGetDeviceCount(&count);
    cudaGetLastError();
    if (status == cudaErrorInsufficientDriver || driver / 1000 < runtime / 1000) {
      std::snprintf(reason, sizeof reason,
                    "the NVIDIA driver supports CUDA %d.%d; CUDA %d.0 or newer is needed (driver 580 or newer)", driver / 1000,
                    driver % 1000 / 10, runtime / 1000);
      return Probe{0, reason};
    }
    if (status != cudaSuccess || count == 0) {
      std::snprintf(reason, sizeof reason, "%s",
                    status == cudaSuccess ? "the driver finds no NVIDIA GPU" : cudaGetErrorString(status));
      return Probe{0, reason};
    }
    return Probe{count < kMaxDevices ? count : kMaxDevices, nullptr};
  }();
  return result;
}

const DeviceFacts& device_facts(int device) {
  static DeviceFacts facts[kMaxDevices];
  static std::once_flag once[kMaxDevices];
  std::call_once(once[device], [device] {
    cudaDeviceProp p;
    check(cudaGetDeviceProperties(&p, device), "cudaGetDeviceProperties");
    DeviceFacts& f = facts[device];
    f.multiprocessors = p.multiProcessorCount;
    f.major = p.major;
    f.minor = p.minor;
    f.shared_per_block = int(p.sharedMemPerBlockOptin);
    f.total_memory = p.totalGlobalMem;
    std::snprintf(f.name, sizeof f.name, "%s", p.name);
  });
  return facts[device];
}

cudaStream_t current_stream(int device) { return streams[device]; }
void set_current_stream(int device, cudaStream_t stream) { streams[device] = stream; }

DeviceState& device_state(int device) {
  static DeviceState states[kMaxDevices];
  static std::once_flag once[kMaxDevices];
  std::call_once(once[device], [device] {
    int previous = 0;
    check(cudaGetDevice(&previous), "cudaGetDevice");
    check(cudaSetDevice(device), "cudaSetDevice");
    void* report = nullptr;
    check(cudaHostAlloc(&report, sizeof(IndexReport), cudaHostAllocPortable | cudaHostAllocMapped), "cudaHostAlloc");
    std::memset(report, 0, sizeof(IndexReport));
    states[device] = DeviceState{device, new DeviceMemory(device), static_cast<IndexReport*>(report)};
    check(cudaSetDevice(previous), "cudaSetDevice");
  });
  return states[device];
}

void wait(int device, cudaStream_t stream) {
  check(cudaStreamSynchronize(stream), last_kernel.load());
  IndexReport* report = device_state(device).report;
  if (*static_cast<volatile int*>(&report->state) == 0) [[likely]]
    return;
  const IndexReport r = *report;
  std::memset(report, 0, sizeof(IndexReport));
  throw IndexError(join(kIndexKernels[r.kernel], ": index ", r.index, " is out of range for size ", r.size));
}

Call::Call(int device, const char* name)
    : name_(name), state_(device_state(device)), facts_(device_facts(device)), stream_(current_stream(device)) {
  check(cudaGetDevice(&previous_), name);
  if (previous_ != device) check(cudaSetDevice(device), name);
}

Call::~Call() {
  for (int i = 0; i < scratch_count_; ++i) state_.memory->deallocate(scratch_[i]);
  if (previous_ != state_.device) cudaSetDevice(previous_);
}

unsigned Call::grid_for(int64_t n, int block) const {
  const int64_t most = int64_t(facts_.multiprocessors) * 32;  // some waves of full occupancy; the rest is strided over
  const int64_t blocks = (n + block - 1) / block;
  return unsigned(blocks < most ? blocks : most);
}

void* Call::scratch_bytes(size_t bytes) {
  if (scratch_count_ == kMaxScratch) throw RuntimeError(join(name_, ": too many scratch blocks in one call"));
  return scratch_[scratch_count_++] = state_.memory->allocate(bytes, stream_);
}

void Call::zero(void* p, size_t bytes) {
  if (bytes) finish(cudaMemsetAsync(p, 0, bytes, stream_));
}

void Call::finish(cudaError_t status) {
  last_kernel.store(name_, std::memory_order_relaxed);
  check(status, name_);
  if (blocking()) check(cudaStreamSynchronize(stream_), name_);
}

}  // namespace deepnet::gpu
