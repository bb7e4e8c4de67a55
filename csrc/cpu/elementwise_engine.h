// How an elementwise operator walks over its operands: dimensions are merged, then taken in boxes of up to 1,024 elements.
// Operands that lie dense in a box and have the compute type are read and written where they are; the others pass through a
// block in L1.
#pragma once

#include "core/parallel.h"
#include "cpu/elementwise_gather.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

/// No operator has more operands.
constexpr int kMaxInputs = 5;
constexpr int64_t kBlock = 1024;
/// Elements below which work stays on the caller.
constexpr int64_t kElementGrain = 8192;
constexpr int64_t kTile = 64;  // columns of a tile whose rows run along another operand's memory

/// out[i] = op(in[0][i], in[1][i], ...) for i < n. out may be one of the inputs.
template <class T>
using ElementwiseKernel = void (*)(const T* const* in, T* out, int64_t n);

/// The dimensions of all operands; operand 0 is the output.
struct LoopDims {
  int ndim = 0;
  int64_t size[kMaxDims + 2];
  int64_t stride[kMaxInputs + 1][kMaxDims + 2];

  /// Sizes of 1 are dropped, the rest ordered as the output lies in memory, neighbours merged where all operands allow it.
  DN_INLINE LoopDims(const View* in, int count, const View& y) {
    for (int d = 0; d < y.shape.n; ++d) {
      if (y.shape.v[d] == 1) continue;
      int at = ndim++;
      for (; at > 0 && stride[0][at - 1] < y.strides.v[d]; --at) move(at - 1, at, count);
      size[at] = y.shape.v[d];
      stride[0][at] = y.strides.v[d];
      for (int k = 0; k < count; ++k) stride[k + 1][at] = in[k].strides.v[d];
    }
    int kept = 0;
    for (int d = 1; d < ndim; ++d) {
      bool merge = true;
      for (int k = 0; k <= count; ++k) merge = merge && stride[k][kept] == stride[k][d] * size[d];
      if (merge) {
        size[kept] *= size[d];
        for (int k = 0; k <= count; ++k) stride[k][kept] = stride[k][d];
      } else {
        move(d, ++kept, count);
      }
    }
    if (ndim > 0) ndim = kept + 1;
    while (ndim < 2) {  // a box has rows and columns
      for (int d = ndim; d > 0; --d) move(d - 1, d, count);
      ++ndim;
      size[0] = 1;
      for (int k = 0; k <= count; ++k) stride[k][0] = 0;
    }
  }

 private:
  DN_INLINE void move(int from, int to, int count) {
    size[to] = size[from];
    for (int k = 0; k <= count; ++k) stride[k][to] = stride[k][from];
  }
};

template <class T>
struct Operand {
  char* data;
  int64_t itemsize, row_stride, column_stride;
  bool same_type;
  Gather<T> gather;

  /// The operand's elements of a box lie behind one another.
  DN_INLINE bool dense(Box box) const {
    return same_type && (column_stride == 1 || box.columns == 1) && (box.rows == 1 || row_stride == box.columns);
  }
};

template <class T>
void elementwise_boxes(ElementwiseKernel<T> kernel, const View* in, int count, const View& y) {
  const LoopDims dims(in, count, y);
  const int inner = dims.ndim - 1;
  int rows_at = inner - 1;
  bool transposed = false;
  // An operand that is dense along another dimension wants tiles, so that every line of it is read once.
  for (int k = 0; k <= count && !transposed; ++k) {
    if (dims.stride[k][inner] == 0 || dims.stride[k][inner] == 1) continue;
    for (int d = 0; d < inner; ++d) {
      if (dims.stride[k][d] == 1 && dims.size[d] >= 8) {
        rows_at = d;
        transposed = true;
      }
    }
  }
  const int64_t width = dims.size[inner], height = dims.size[rows_at];
  Box largest;
  largest.columns = transposed ? (height < kTile ? kBlock / height : kTile) : kBlock;
  if (largest.columns > width) largest.columns = width;
  largest.rows = transposed || width < 256 ? kBlock / largest.columns : 1;
  if (largest.rows > height) largest.rows = height;
  const int64_t across = (width + largest.columns - 1) / largest.columns, down = (height + largest.rows - 1) / largest.rows;
  int64_t boxes = across * down;
  for (int d = 0; d < inner; ++d)
    if (d != rows_at) boxes *= dims.size[d];

  Operand<T> operands[kMaxInputs + 1];
  for (int k = 0; k <= count; ++k) {
    const View& v = k == 0 ? y : in[k - 1];
    operands[k] = {static_cast<char*>(v.data), itemsize(v.dtype),        dims.stride[k][rows_at],
                   dims.stride[k][inner],      v.dtype == dtype_of<T>(), gather_from<T>(v.dtype)};
  }
  const Scatter<T> scatter = scatter_to<T>(y.dtype);
  const int64_t elements = largest.rows * largest.columns;

  parallel_for(boxes, (kElementGrain + elements - 1) / elements, [&](int64_t begin, int64_t end) {
    alignas(64) T block[kMaxInputs + 1][kBlock];
    const T* sources[kMaxInputs];
    // What each block holds: broadcast operands are not gathered again.
    int64_t held_offset[kMaxInputs + 1];
    Box held[kMaxInputs + 1];
    for (int k = 1; k <= count; ++k) held[k] = {0, 0};
    for (int64_t b = begin; b < end; ++b) {
      int64_t rest = b, offset[kMaxInputs + 1];
      const int64_t column = rest % across * largest.columns;
      rest /= across;
      const int64_t row = rest % down * largest.rows;
      rest /= down;
      for (int k = 0; k <= count; ++k) offset[k] = row * operands[k].row_stride + column * operands[k].column_stride;
      for (int d = inner - 1; d >= 0 && rest > 0; --d) {
        if (d == rows_at) continue;
        const int64_t index = rest % dims.size[d];
        rest /= dims.size[d];
        for (int k = 0; k <= count; ++k) offset[k] += index * dims.stride[k][d];
      }
      const Box box = {height - row < largest.rows ? height - row : largest.rows,
                       width - column < largest.columns ? width - column : largest.columns};
      for (int k = 1; k <= count; ++k) {
        const Operand<T>& x = operands[k];
        const char* from = x.data + offset[k] * x.itemsize;
        if (x.dense(box)) {
          sources[k - 1] = reinterpret_cast<const T*>(from);
          continue;
        }
        sources[k - 1] = block[k];
        if (held[k].rows >= box.rows && held[k].columns == box.columns && held_offset[k] == offset[k]) continue;
        x.gather(from, x.row_stride, x.column_stride, box, block[k]);
        held[k] = box;
        held_offset[k] = offset[k];
      }
      const Operand<T>& out = operands[0];
      char* to = out.data + offset[0] * out.itemsize;
      if (out.dense(box)) {
        kernel(sources, reinterpret_cast<T*>(to), box.rows * box.columns);
      } else {
        kernel(sources, block[0], box.rows * box.columns);
        scatter(block[0], to, out.row_stride, out.column_stride, box);
      }
    }
  });
}

/// y = op(in[0], ..., in[count - 1]), computed in T.
template <class T>
void elementwise(ElementwiseKernel<T> kernel, const View* in, int count, const View& y) {
  const int64_t n = y.numel();
  if (n == 0) return;
  bool dense = y.dtype == dtype_of<T>() && y.contiguous();
  for (int k = 0; k < count && dense; ++k) dense = in[k].dtype == dtype_of<T>() && in[k].contiguous();
  if (!dense) return elementwise_boxes(kernel, in, count, y);
  parallel_for(n, kElementGrain, [&](int64_t begin, int64_t end) {
    const T* sources[kMaxInputs];
    for (int k = 0; k < count; ++k) sources[k] = in[k].as<const T>() + begin;
    kernel(sources, y.as<T>() + begin, end - begin);
  });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
