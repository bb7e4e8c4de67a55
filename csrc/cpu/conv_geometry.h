// What a convolution reads: positions along each axis, the source cells that each meets, and copies of those cells with the
// zeros around them.
#pragma once

#include "backend/backend.h"
#include "cpu/gemm_block.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

/// Sizes of a convolution. group_in, group_out: channels of one group.
struct ConvSizes {
  int64_t n, groups, group_in, group_out;
  int64_t in[3], kernel[3], out[3];
  int64_t in_cells, kernel_cells, out_cells;

  ConvSizes(const View& x, const View& w, const View& y, int64_t group_count);
};

/// One axis of a product over patches: position p in [0, count) and tap t in [0, taps) meet source cell p * step + first +
/// t * slope; outside [0, size) that cell is zero. Tap t is kernel cell kernel_first + t * kernel_step; the result for p
/// goes to target cell target_first + p * target_step.
struct Axis {
  int64_t count, step, size;
  int64_t taps, first, slope, kernel_first, kernel_step;
  int64_t target_first, target_step;

  DN_INLINE int64_t lowest() const { return slope < 0 ? first + (taps - 1) * slope : first; }
  DN_INLINE int64_t highest() const { return slope < 0 ? first : first + (taps - 1) * slope; }
  /// Source cells that `positions` neighbours span.
  DN_INLINE int64_t extent(int64_t positions) const { return (positions - 1) * step + highest() - lowest() + 1; }
  DN_INLINE bool inside() const { return lowest() >= 0 && (count - 1) * step + highest() < size; }
};

/// y[p] reads x[p * stride - padding + t * dilation].
Axis forward_axis(const ConvSizes& s, const ConvGeometry& g, int axis);
/// dx[phase + p * stride] reads dy where the kernel meets it: the taps with phase + padding - kernel cell * dilation a
/// multiple of the stride.
Axis input_grad_axis(const ConvSizes& s, const ConvGeometry& g, int axis, int64_t phase);

/// A box of positions: samples and a range of each axis.
struct Box {
  int64_t sample, samples;
  int64_t begin[3], count[3];
  DN_INLINE int64_t positions() const { return samples * count[0] * count[1] * count[2]; }
};

/// The source (N, channels, D, H, W) as a product reads it, in place or copied: strides in elements.
struct Region {
  int64_t sample, channel, depth, row;
  DN_INLINE int64_t cell(int64_t d, int64_t h, int64_t w) const { return d * depth + h * row + w; }
};

struct Source {
  const void* data;
  DType dtype;
  int64_t channels, cells;  // of a sample; of a channel
};

/// The region that holds every cell which a box of at most this size meets, for so many channels.
Region region_for(const Axis* axes, const int64_t* counts, int64_t channels);
template <class T>
void fill_region(const Source& source, const Axis* axes, const Box& box, int64_t channel, int64_t channels,
                 const Region& region, T* to);
/// offset[i] of the positions of the box, samples first.
void position_offsets(const Axis* axes, const Box& box, const Region& region, int32_t* offset);
/// offset[t] of the taps.
void tap_offsets(const Axis* axes, const Region& region, int32_t* offset);

}  // namespace DEEPNET_ISA
}  // namespace deepnet
