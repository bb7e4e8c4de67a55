// Walks over the elements of several strided views of one shape. For files compiled once.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/parallel.h"
#include "core/view.h"

namespace deepnet {

/// Bytes below which a loop stays on the caller, and pieces of parallel loops end.
constexpr int64_t kPieceBytes = 32768;

/// The axes of N operands without those of size 1, and with those merged that lie behind one another in every operand.
/// Strides count elements. At least one axis remains; the last is the row.
template <int N>
struct StridedLoop {
  int ndim = 0;
  int64_t total = 1;
  int64_t size[kMaxDims];
  int64_t stride[N][kMaxDims];

  /// order_by: axes are put in the memory order of that operand first; -1 keeps the logical order.
  StridedLoop(const Shape& shape, const Strides (&strides)[N], int order_by = -1) {
    for (int d = 0; d < shape.n; ++d) {
      total *= shape.v[d];
      if (shape.v[d] == 1) continue;
      size[ndim] = shape.v[d];
      for (int i = 0; i < N; ++i) stride[i][ndim] = strides[i].v[d];
      ++ndim;
    }
    if (order_by >= 0) sort_axes(order_by);
    merge_axes();
    if (ndim == 0) {
      size[0] = 1;
      for (int i = 0; i < N; ++i) stride[i][0] = 0;
      ndim = 1;
    }
  }

  int64_t row() const { return size[ndim - 1]; }
  int64_t row_stride(int operand) const { return stride[operand][ndim - 1]; }

  /// Calls f(offsets, count) for the stretches of rows that make up elements [begin, end).
  template <class F>
  void walk(int64_t begin, int64_t end, F&& f) const {
    int64_t index[kMaxDims], offset[N] = {};
    int64_t rest = begin;
    for (int d = ndim - 1; d >= 0; --d) {
      index[d] = rest % size[d];
      rest /= size[d];
      for (int i = 0; i < N; ++i) offset[i] += index[d] * stride[i][d];
    }
    const int last = ndim - 1;
    for (int64_t at = begin; at < end;) {
      const int64_t count = std::min(size[last] - index[last], end - at);
      f(static_cast<const int64_t (&)[N]>(offset), count);
      at += count;
      if (at >= end) return;
      for (int i = 0; i < N; ++i) offset[i] -= index[last] * stride[i][last];
      index[last] = 0;
      for (int d = last - 1; d >= 0; --d) {
        for (int i = 0; i < N; ++i) offset[i] += stride[i][d];
        if (++index[d] < size[d]) break;
        for (int i = 0; i < N; ++i) offset[i] -= index[d] * stride[i][d];
        index[d] = 0;
      }
    }
  }

  /// The same over everything, in parallel.
  template <class F>
  void run(int64_t bytes_per_element, F&& f) const {
    parallel_for(total, kPieceBytes / bytes_per_element, [&](int64_t begin, int64_t end) { walk(begin, end, f); });
  }

 private:
  void sort_axes(int operand) {
    for (int a = 1; a < ndim; ++a)
      for (int b = a; b > 0 && stride[operand][b - 1] < stride[operand][b]; --b) {
        std::swap(size[b - 1], size[b]);
        for (int i = 0; i < N; ++i) std::swap(stride[i][b - 1], stride[i][b]);
      }
  }

  void merge_axes() {
    int out = 0;
    for (int d = 1; d < ndim; ++d) {
      bool behind = true;
      for (int i = 0; i < N; ++i) behind = behind && stride[i][out] == stride[i][d] * size[d];
      if (behind) {
        size[out] *= size[d];
      } else {
        size[++out] = size[d];
      }
      for (int i = 0; i < N; ++i) stride[i][out] = stride[i][d];
    }
    if (ndim > 0) ndim = out + 1;
  }
};

}  // namespace deepnet
