#include "backend/registry.h"

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>

#include "backend/launch.h"
#include "core/error.h"

namespace deepnet {

#if DEEPNET_HAS_PORTABLE
namespace portable {
Backend* make_backend();
}
#endif
#if DEEPNET_HAS_AVX2
namespace avx2 {
Backend* make_backend();
}
#endif
#if DEEPNET_HAS_AVX512
namespace avx512 {
Backend* make_backend();
}
#endif
#if DEEPNET_HAS_NEON
namespace neon {
Backend* make_backend();
}
#endif

thread_local Recorder* current_recorder = nullptr;

namespace {

constexpr int kMaxCudaDevices = 16;
Backend* cuda_backends[kMaxCudaDevices];
void (*cuda_loader)() = nullptr;
std::string why_no_cuda = "this build of deepnet has no CUDA backend";
Backend* active_cpu = nullptr;

Backend* choose_cpu() {
  if (const char* forced = std::getenv("DEEPNET_ISA"); forced && *forced) {
    if (Backend* b = cpu_backend(forced)) return b;
    throw RuntimeError(join("DEEPNET_ISA: '", forced, "' was not built or does not run on this processor"));
  }
  Backend* best = nullptr;
  for (const char* const* isa = built_isas(); *isa; ++isa)
    if (Backend* b = cpu_backend(*isa)) best = b;
  return best;
}

}  // namespace

const char* const* built_isas() {
  static const char* const names[] = {
#if DEEPNET_HAS_PORTABLE
      "portable",
#endif
#if DEEPNET_HAS_NEON
      "neon",
#endif
#if DEEPNET_HAS_AVX2
      "avx2",
#endif
#if DEEPNET_HAS_AVX512
      "avx512",
#endif
      nullptr};
  return names;
}

Backend* cpu_backend(const char* isa) {
#if DEEPNET_HAS_PORTABLE
  if (!std::strcmp(isa, "portable")) return portable::make_backend();
#endif
#if DEEPNET_HAS_AVX2
  if (!std::strcmp(isa, "avx2"))
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")
               ? avx2::make_backend()
               : nullptr;
#endif
#if DEEPNET_HAS_AVX512
  if (!std::strcmp(isa, "avx512"))
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512vl")
               ? avx512::make_backend()
               : nullptr;
#endif
#if DEEPNET_HAS_NEON
  if (!std::strcmp(isa, "neon")) return neon::make_backend();
#endif
  return nullptr;
}

Backend& active_cpu_backend() {
  if (!active_cpu) active_cpu = choose_cpu();
  return *active_cpu;
}

void register_cuda_backend(int index, Backend* b) { cuda_backends[index] = b; }
void set_cuda_loader(void (*loader)()) { cuda_loader = loader; }
void set_why_no_cuda(const char* why) { why_no_cuda = why; }

Backend& backend(Device device) {
  if (device.is_cpu()) [[likely]]
    return active_cpu ? *active_cpu : active_cpu_backend();
  if (device.index >= 0 && device.index < kMaxCudaDevices) {
    if (!cuda_backends[device.index] && cuda_loader) cuda_loader();
    if (Backend* b = cuda_backends[device.index]) return *b;
  }
  throw RuntimeError(join("device ", name(device), " is not available: ", why_no_cuda));
}

}  // namespace deepnet
