// A product over patches: rows are positions, k runs over (channel, tap), columns are the target's channels. The forward
// convolution is one; the input gradient is one for each phase of the stride.
#pragma once

#include "cpu/conv_geometry.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

struct PatchProduct {
  Axis axes[3];
  int64_t samples, groups;
  Source source;
  int64_t source_group;  // channels of a group that k runs over
  void* target;
  DType dtype;
  int64_t target_group, target_cells;  // channels of a group, cells of a channel
  int64_t target_size[3];
  View bias;            // one number for each target channel, or undefined
  const int32_t* cuts;  // as in KPlan, or null

  DN_INLINE int64_t taps() const { return axes[0].taps * axes[1].taps * axes[2].taps; }
  DN_INLINE int64_t positions() const { return axes[0].count * axes[1].count * axes[2].count; }
};

/// Packs the weights of a product: columns j to j + n of a group, rows k0 to k1, as Operands want them. The first row goes
/// to `row` of the strips at `to`, which lie `strip` apart.
template <class T>
struct WeightPacker {
  virtual void pack(int64_t group, int64_t j, int64_t n, int64_t k0, int64_t k1, T* to, int64_t strip, int64_t row) const = 0;
};

template <class T>
void multiply_patches(const PatchProduct& p, const WeightPacker<T>& weights);

}  // namespace DEEPNET_ISA
}  // namespace deepnet
