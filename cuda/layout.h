// Shapes and strides as kernels take them: by value, with neighbouring dimensions merged where every operand allows it.
#pragma once

#include "device.h"

namespace deepnet::gpu {

/// The element at flat position i of a common shape, in each of N operands.
template <int N>
struct Layout {
  int dims = 0;
  bool small = false;  // 32-bit positions suffice
  int64_t total = 0;
  int64_t size[kMaxDims];
  FastDiv divide[kMaxDims];
  int64_t stride[N][kMaxDims];

  /// offset[k] = operand k's distance from its first element, in elements.
  DN_DEVICE void offsets(int64_t i, int64_t* offset) const {
#pragma unroll
    for (int k = 0; k < N; ++k) offset[k] = 0;
    if (small) {
      uint32_t rest = uint32_t(i);
      for (int d = dims - 1; d > 0; --d) {
        uint32_t at = rest;
        rest = divide[d].split(at);
#pragma unroll
        for (int k = 0; k < N; ++k) offset[k] += at * stride[k][d];
      }
#pragma unroll
      for (int k = 0; k < N; ++k) offset[k] += rest * stride[k][0];
    } else {
      int64_t rest = i;
      for (int d = dims - 1; d > 0; --d) {
        const int64_t q = rest / size[d], at = rest - q * size[d];
        rest = q;
#pragma unroll
        for (int k = 0; k < N; ++k) offset[k] += at * stride[k][d];
      }
#pragma unroll
      for (int k = 0; k < N; ++k) offset[k] += rest * stride[k][0];
    }
  }
  /// One dimension, and operand k walks through it by 1.
  bool flat(int k) const { return total <= 1 || (dims == 1 && stride[k][0] == 1); }
  /// One dimension, and operand k stays where it is.
  bool constant(int k) const { return total <= 1 || (dims == 1 && stride[k][0] == 0); }
};

/// The layout of operands of one shape. Where `reorder`, dimensions are sorted by the last operand's strides, so that
/// neighbouring threads write neighbours; otherwise positions stay row-major.
template <int N>
Layout<N> layout_of(const Shape& shape, const View* const (&operands)[N], bool reorder) {
  int order[kMaxDims], dims = 0;
  Layout<N> l;
  l.total = numel(shape);
  for (int d = 0; d < shape.n; ++d)
    if (shape.v[d] != 1) order[dims++] = d;
  if (reorder) {
    const Strides& s = operands[N - 1]->strides;
    for (int i = 1; i < dims; ++i)
      for (int j = i; j > 0 && s.v[order[j - 1]] < s.v[order[j]]; --j) {
        const int t = order[j];
        order[j] = order[j - 1];
        order[j - 1] = t;
      }
  }
  for (int i = 0; i < dims; ++i) {
    const int d = order[i];
    bool merges = l.dims > 0;
    for (int k = 0; merges && k < N; ++k) merges = l.stride[k][l.dims - 1] == operands[k]->strides.v[d] * shape.v[d];
    if (!merges) ++l.dims;
    const int at = l.dims - 1;
    l.size[at] = merges ? l.size[at] * shape.v[d] : shape.v[d];
    for (int k = 0; k < N; ++k) l.stride[k][at] = operands[k]->strides.v[d];
  }
  if (l.dims == 0) {  // one element
    l.dims = 1;
    l.size[0] = 1;
    for (int k = 0; k < N; ++k) l.stride[k][0] = 0;
  }
  l.small = l.total < (int64_t(1) << 31);
  if (l.small)
    for (int d = 0; d < l.dims; ++d) l.divide[d] = FastDiv(l.size[d]);
  return l;
}

}  // namespace deepnet::gpu
