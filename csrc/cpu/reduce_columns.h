// The `columns` order of backend.h, vectorised over the columns; and the `rows` order where the outputs lie side by side.
#pragma once

#include "cpu/reduce_rows.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

// Rows that pass over the accumulators at once, columns that one task takes at most, rows that it takes about.
constexpr int64_t kRowBlock = 16;
constexpr int64_t kColumnBlock = 512;
constexpr int64_t kRowsPerTask = 1024;

/// Rows of one task: a power of two of groups, so that its result is a subtree of the tree over groups.
DN_INLINE int64_t rows_per_task(int64_t group) {
  int64_t rows = group;
  while (rows < kRowsPerTask) rows *= 2;
  return rows;
}

/// The tree over rows of `width` scalars that arrive one after the other, in memory of levels(count) * width scalars.
template <class V>
struct ColumnFold {
  scalar_of<V>* pending;
  int64_t width;
  uint64_t count;

  DN_INLINE static int64_t levels(int64_t values) {
    int64_t n = 1;
    while (values > 1) {
      values >>= 1;
      ++n;
    }
    return n;
  }
  /// `row` is used up.
  template <class Combine>
  DN_INLINE void push(scalar_of<V>* row, Combine combine) {
    scalar_of<V>* level = pending;
    for (uint64_t c = count; c & 1; c >>= 1, level += width)
      for_row<V>(width, [&](auto at) DN_FUSED { at.put(row, combine(at(level), at(row))); });
    for_row<V>(width, [&](auto at) DN_FUSED { at.put(level, at(row)); });
    ++count;
  }
  template <class Combine>
  DN_INLINE void finish(scalar_of<V>* out, Combine combine) const {
    for_row<V>(width, [&](auto at) DN_FUSED { at.put(out, combine.template identity<V>()); });
    const scalar_of<V>* level = pending;
    for (uint64_t c = count; c; c >>= 1, level += width) {
      if (c & 1) for_row<V>(width, [&](auto at) DN_FUSED { at.put(out, combine(at(level), at(out))); });
    }
  }
};

/// Scalars of scratch that reduce_columns needs.
DN_INLINE int64_t columns_scratch(int64_t rows, int64_t group, int64_t width) {
  return width * (1 + ColumnFold<F32>::levels(ceil_div(rows, group)));
}

/// Rows [begin, end) of N matrices of `width` columns, begin a multiple of `group`: out[k * width + c]. step(at, r, acc) folds
/// row r at a position of columns into acc[0 .. N - 1]; prepare(r, n) is called before rows r .. r + n - 1 are read. scratch:
/// columns_scratch(end - begin, group, N * width) scalars.
template <class V, int N, class Combine, class Prepare, class Step>
DN_INLINE void reduce_columns(int64_t begin, int64_t end, int64_t group, int64_t width, Combine combine, Prepare prepare,
                              Step step, scalar_of<V>* scratch, scalar_of<V>* out) {
  scalar_of<V>* chain = scratch;
  ColumnFold<V> fold{scratch + N * width, N * width, 0};
  for (int64_t first = begin; first < end; first += group) {
    const int64_t last = smaller(first + group, end);
    for (int64_t r = first; r < last; r += kRowBlock) {
      const int64_t rows = smaller(kRowBlock, last - r);
      prepare(r, rows);
      for_row<V>(width, [&](auto at) DN_FUSED {
        V acc[N];
        for (int k = 0; k < N; ++k) acc[k] = r == first ? Combine::template identity<V>() : at(chain + k * width);
        if (rows == kRowBlock) {
#pragma GCC unroll 4
          for (int64_t j = 0; j < kRowBlock; ++j) step(at, r + j, acc);
        } else {
          for (int64_t j = 0; j < rows; ++j) step(at, r + j, acc);
        }
        for (int k = 0; k < N; ++k) at.put(chain + k * width, acc[k]);
      });
    }
    if (begin + group >= end) {  // one group
      for_row<V>(N * width, [&](auto at) DN_FUSED { at.put(out, at(chain)); });
      return;
    }
    fold.push(chain, combine);
  }
  fold.finish(out, combine);
}

/// Scalars of scratch that reduce_rows_across needs.
DN_INLINE int64_t across_scratch(int64_t elements, int64_t width) {
  return width * (kChunkLanes + ColumnFold<F32>::levels(ceil_div(elements, kChunk)));
}

/// The rows order for `width` rows whose elements i lie side by side at x + i * stride: elements [begin, end), begin a multiple
/// of kChunk. scratch: across_scratch(end - begin, width) scalars.
template <class V, class Combine, class Step>
DN_INLINE void reduce_rows_across(const scalar_of<V>* x, int64_t stride, int64_t begin, int64_t end, int64_t width,
                                  Combine combine, Step step, scalar_of<V>* scratch, scalar_of<V>* out) {
  ColumnFold<V> fold{scratch + kChunkLanes * width, width, 0};
  for (int64_t chunk = begin; chunk < end; chunk += kChunk) {
    const int64_t n = smaller(kChunk, end - chunk), lanes = smaller(kChunkLanes, n);
    for (int64_t i = 0; i < n; ++i) {
      scalar_of<V>* acc = scratch + i % kChunkLanes * width;
      const scalar_of<V>* row = x + (chunk + i) * stride;
      for_row<V>(width, [&](auto at) DN_FUSED {
        at.put(acc, step(i < kChunkLanes ? Combine::template identity<V>() : at(acc), at(row)));
      });
    }
    for (int64_t span = 1; span < lanes; span *= 2)
      for (int64_t l = 0; l + span < lanes; l += 2 * span) {
        scalar_of<V>*a = scratch + l * width, *b = scratch + (l + span) * width;
        for_row<V>(width, [&](auto at) DN_FUSED { at.put(a, combine(at(a), at(b))); });
      }
    fold.push(scratch, combine);
  }
  fold.finish(out, combine);
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
