// Which backends there are.
#pragma once

#include "backend/backend.h"

namespace deepnet {

/// The CPU backend of an instruction set ("portable", "avx2", "avx512", "neon"); null where it was not built or this processor
/// cannot run it.
Backend* cpu_backend(const char* isa);
/// The names of the sets that were built, best last; null-terminated.
const char* const* built_isas();
/// The CPU backend in use: the best there is, or the one that DEEPNET_ISA names.
Backend& active_cpu_backend();
/// Makes b the backend of a CUDA device. `why` is what to tell those who ask for a device that has none.
void register_cuda_backend(int index, Backend* b);
void set_cuda_loader(void (*loader)());
void set_why_no_cuda(const char* why);

}  // namespace deepnet
