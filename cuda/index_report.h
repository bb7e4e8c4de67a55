// Bad indices: the access is skipped, the first one found is told to the host, which raises at the next wait.
#pragma once

#include "device.h"
#include "runtime.h"

namespace deepnet::gpu {

DN_DEVICE bool index_valid(int64_t index, int64_t size, int kernel, IndexReport* report) {
  if (uint64_t(index) < uint64_t(size)) return true;
  if (atomicCAS(&report->state, 0, 1) == 0) {
    report->kernel = kernel;
    report->index = index;
    report->size = size;
    __threadfence_system();
  }
  return false;
}

}  // namespace deepnet::gpu
