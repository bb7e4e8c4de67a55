// Copies between any dtypes and strides. Axes are taken in the order in which the output lies in memory, so writes stream;
// where the input's fast axis is another one, tiles are transposed through a buffer in L1.
#include "cpu/copy.h"

#include <algorithm>
#include <cstring>

#include "core/convert.h"
#include "cpu/clones.h"
#include "cpu/cpu_backend.h"
#include "cpu/strided.h"
#include "cpu/transpose_tile.h"

namespace deepnet {
namespace {

template <class From, class To>
DN_ALSO_AVX2 void convert_dense(const From* x, To* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = convert<To>(x[i]);
}

template <class From, class To>
void copy_row(const void* from, int64_t from_stride, void* to, int64_t to_stride, int64_t n) {
  const From* x = static_cast<const From*>(from);
  To* y = static_cast<To*>(to);
  if (to_stride == 1 && from_stride == 1) {
    if constexpr (std::is_same_v<From, To>) {
      std::memcpy(y, x, size_t(n) * sizeof(To));
    } else {
      convert_dense(x, y, n);
    }
  } else if (to_stride == 1 && from_stride == 0) {
    std::fill_n(y, n, convert<To>(x[0]));
  } else {
    for (int64_t i = 0; i < n; ++i) y[i * to_stride] = convert<To>(x[i * from_stride]);
  }
}

using CopyRow = void (*)(const void*, int64_t, void*, int64_t, int64_t);

CopyRow row_function(DType from, DType to) {
  if (from == to) {  // only the size matters
    switch (itemsize(from)) {
      case 1:
        return copy_row<uint8_t, uint8_t>;
      case 2:
        return copy_row<int16_t, int16_t>;
      case 4:
        return copy_row<int32_t, int32_t>;
      default:
        return copy_row<int64_t, int64_t>;
    }
  }
  return visit(from, [&](auto f) -> CopyRow {
    return visit(to, [](auto t) -> CopyRow { return copy_row<typename decltype(f)::type, typename decltype(t)::type>; });
  });
}

// A shorter run of input is not worth a tile.
constexpr int64_t kShortRun = 8;

/// The axis, other than the last, along which the input is dense; -1 where there is none worth it or the last is dense.
int dense_axis(const StridedLoop<2>& loop) {
  const int last = loop.ndim - 1;
  if (loop.stride[1][last] != 1 || loop.stride[0][last] == 1 || loop.stride[0][last] == 0) return -1;
  for (int d = last - 1; d >= 0; --d)
    if (loop.stride[0][d] == 1 && loop.size[d] >= kShortRun) return d;
  return -1;
}

/// Asks for the lines of `runs` runs of memory that lie `step` bytes apart.
template <int kWrite>
inline void prefetch(const char* p, int64_t step, int64_t runs, int64_t bytes) {
  for (int64_t i = 0; i < runs; ++i)
    for (int64_t at = 0; at < bytes; at += 64) __builtin_prefetch(p + i * step + at, kWrite, 2);
}

/// y[i, j] = x[j, i] in tiles, over the other axes; `dense` is the input's fast axis.
template <class T>
void copy_transposed(const char* x, char* y, int64_t x_size, const StridedLoop<2>& loop, int dense, CopyRow copy) {
  constexpr int kTile = TransposeTile<T>::kSide;
  const int last = loop.ndim - 1;
  const int64_t rows = loop.size[dense], columns = loop.size[last];
  const int64_t x_step = loop.stride[0][last], y_step = loop.stride[1][dense];
  Shape outer_shape;
  Strides outer_strides[2];
  for (int d = 0; d < last; ++d) {
    if (d == dense) continue;
    outer_shape.push_back(loop.size[d]);
    for (int i = 0; i < 2; ++i) outer_strides[i].push_back(loop.stride[i][d]);
  }
  const StridedLoop<2> outer(outer_shape, outer_strides);
  const int64_t tile_rows = (rows + kTile - 1) / kTile;
  const int64_t bytes = kTile * columns * int64_t(sizeof(T));
  parallel_for(outer.total * tile_rows, std::max<int64_t>(1, kPieceBytes / bytes), [&](int64_t begin, int64_t end) {
    TransposeTile<T> tile;
    for (int64_t at = begin; at < end; ++at) {
      outer.walk(at / tile_rows, at / tile_rows + 1, [&](const int64_t (&offset)[2], int64_t) {
        const int64_t row = at % tile_rows * kTile, height = std::min<int64_t>(kTile, rows - row);
        const char* from = x + (offset[0] + row) * x_size;
        T* to = reinterpret_cast<T*>(y) + offset[1] + row * y_step;
        for (int64_t column = 0; column < columns; column += kTile) {
          const int64_t width = std::min<int64_t>(kTile, columns - column);
          // The next tile's lines, on either side, are on their way while this one is turned.
          const bool last_tile = column + kTile >= columns;
          const int64_t down = last_tile ? kTile : 0, right = last_tile ? -column : kTile;
          if (row + down + kTile <= rows && column + right + kTile <= columns) {
            prefetch<0>(from + ((column + right) * x_step + down) * x_size, x_step * x_size, kTile, kTile * x_size);
            prefetch<1>(reinterpret_cast<const char*>(to + column + right + down * y_step), y_step * int64_t(sizeof(T)), kTile,
                        kTile * int64_t(sizeof(T)));
          }
          for (int64_t j = 0; j < width; ++j) copy(from + (column + j) * x_step * x_size, 1, tile.in[j], 1, height);
          tile.transpose(to + column, y_step, height, width);
        }
      });
    }
  });
}

}  // namespace

void copy_view(const View& x, const View& y) {
  const StridedLoop<2> loop(y.shape, {x.strides, y.strides}, 1);
  if (loop.total == 0) return;
  const int64_t x_size = itemsize(x.dtype), y_size = itemsize(y.dtype);
  const char* from = x.as<const char>();
  char* to = y.as<char>();
  const CopyRow copy = row_function(x.dtype, y.dtype);
  if (const int dense = dense_axis(loop); dense >= 0) {
    switch (y_size) {
      case 1:
        return copy_transposed<uint8_t>(from, to, x_size, loop, dense, copy);
      case 2:
        return copy_transposed<uint16_t>(from, to, x_size, loop, dense, copy);
      case 4:
        return copy_transposed<uint32_t>(from, to, x_size, loop, dense, copy);
      default:
        return copy_transposed<uint64_t>(from, to, x_size, loop, dense, copy);
    }
  }
  loop.run(y_size, [&, x_step = loop.row_stride(0), y_step = loop.row_stride(1)](const int64_t (&offset)[2], int64_t count) {
    copy(from + offset[0] * x_size, x_step, to + offset[1] * y_size, y_step, count);
  });
}

void CpuBackend::copy(const View& x, const View& y) { copy_view(x, y); }

}  // namespace deepnet
