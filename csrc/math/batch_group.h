// How sums over a batch are cut, so that parts of the batch add up to the bits of the whole (docs/bits.md).
#pragma once

#include <cstdint>

#include "core/config.h"

namespace deepnet {

/// Positions in one group of a sum over samples of `positions` each: a sample where it has 64 or more, else the smallest power
/// of two of samples that has. So groups end where samples do, and a power of two of samples holds a power of two of groups.
DN_INLINE int64_t batch_group(int64_t positions) {
  if (positions < 1) return 64;
  int64_t samples = 1;
  while (samples * positions < 64) samples *= 2;
  return samples * positions;
}

}  // namespace deepnet
