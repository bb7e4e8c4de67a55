#include <cstring>

#include "core/allocator.h"
#include "core/error.h"
#include "cpu/cpu_backend.h"
#include "cpu/strided.h"

namespace deepnet {

void* CpuBackend::allocate(size_t bytes) { return default_pool().allocate(bytes); }

void CpuBackend::deallocate(void* p, size_t bytes) { default_pool().deallocate(p, bytes); }

void CpuBackend::copy_bytes(void* to, Device to_device, const void* from, Device from_device, size_t bytes) {
  if (!to_device.is_cpu() || !from_device.is_cpu())
    fail<RuntimeError>("copy_bytes", "the CPU backend copies within the CPU, not from ", deepnet::name(from_device), " to ",
                       deepnet::name(to_device));
  parallel_for(int64_t(bytes), kPieceBytes, [&](int64_t begin, int64_t end) {
    std::memcpy(static_cast<char*>(to) + begin, static_cast<const char*>(from) + begin, size_t(end - begin));
  });
}

void CpuBackend::synchronize() {}  // kernels have finished when they return

}  // namespace deepnet
