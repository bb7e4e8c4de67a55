// What the pools share: which cells of a window lie inside, and rows split so that windows become plain vectors.
#pragma once

#include "backend/backend.h"
#include "core/allocator.h"
#include "core/parallel.h"
#include "cpu/float_vectors.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

/// One axis of a pool: output o looks at cells o * stride - padding + k * dilation, k < kernel.
struct PoolAxis {
  int64_t in, out, kernel, stride, padding, dilation;

  DN_INLINE PoolAxis(const Shape& x, const Shape& y, const PoolGeometry& g, int axis)
      : in(x.v[axis + 1]),
        out(y.v[axis + 1]),
        kernel(g.kernel[axis]),
        stride(g.stride[axis]),
        padding(g.padding[axis]),
        dilation(g.dilation[axis]) {}

  DN_INLINE int64_t cell(int64_t o, int64_t k) const { return o * stride - padding + k * dilation; }
  /// The k whose cells lie inside: [begin, end), none where end <= begin.
  DN_INLINE int64_t begin(int64_t o) const {
    const int64_t before = padding - o * stride;
    return before > 0 ? ceil_div(before, dilation) : 0;
  }
  DN_INLINE int64_t end(int64_t o) const {
    const int64_t room = in + padding - o * stride;
    return room > 0 ? smaller(kernel, ceil_div(room, dilation)) : 0;
  }
  /// The outputs whose windows may hold a cell: [first, last].
  DN_INLINE int64_t first_window(int64_t cell) const {
    const int64_t reach = cell + padding - (kernel - 1) * dilation;
    return reach > 0 ? ceil_div(reach, stride) : 0;
  }
  DN_INLINE int64_t last_window(int64_t cell) const { return smaller(out - 1, (cell + padding) / stride); }
  /// The k at which window o holds the cell; -1 where it does not.
  DN_INLINE int64_t place(int64_t o, int64_t cell) const {
    const int64_t distance = cell + padding - o * stride;
    return distance % dilation == 0 && distance / dilation < kernel ? distance / dilation : -1;
  }
};

struct PoolShape {
  PoolAxis d, h, w;
  DN_INLINE PoolShape(const View& x, const View& y, const PoolGeometry& g)
      : d(x.shape, y.shape, g, 0), h(x.shape, y.shape, g, 1), w(x.shape, y.shape, g, 2) {}
};

/// A row of input dealt out by position modulo the stride, padding in: cell k of window o is at(k)[o], so that neighbouring
/// windows read neighbouring elements. Room for whole vectors past the last window.
template <class C>
class Phases {
 public:
  DN_INLINE static int64_t length(const PoolAxis& w) {
    return w.out + (w.kernel - 1) * w.dilation / w.stride + 1 + vector_of<C>::lanes;
  }
  DN_INLINE static int64_t room(const PoolAxis& w) { return length(w) * w.stride; }

  DN_INLINE Phases(const PoolAxis& w, C* memory) : w_(w), length_(length(w)), memory_(memory) {}

  DN_INLINE C* at(int64_t k) const { return memory_ + k * w_.dilation % w_.stride * length_ + k * w_.dilation / w_.stride; }

  DN_INLINE void fill(C value) const {
    for (int64_t i = 0; i < length_ * w_.stride; ++i) memory_[i] = value;
  }

  /// From a row of input. Cells outside keep what they hold.
  DN_INLINE void split(const C* row) const {
    if (w_.stride == 1) {
      const int64_t begin = w_.padding, end = smaller(length_, w_.in + w_.padding);
      if (begin < end) __builtin_memcpy(memory_ + begin, row, size_t(end - begin) * sizeof(C));
    } else if (w_.stride == 2) {
      split_by(2, row);
    } else {
      split_by(w_.stride, row);
    }
  }
  /// Into a row of input.
  DN_INLINE void join(C* row) const {
    if (w_.stride == 1) {
      const int64_t end = smaller(length_ - w_.padding, w_.in);
      __builtin_memcpy(row, memory_ + w_.padding, size_t(end) * sizeof(C));
      clear(row, end);
    } else if (w_.stride == 2) {
      join_by(2, row);
    } else {
      join_by(w_.stride, row);
    }
  }

 private:
  /// The rounds of `stride` cells that lie wholly inside the row and the phases: [first, end). Round j begins at cell
  /// j * stride - padding.
  DN_INLINE int64_t first_round() const { return ceil_div(w_.padding, w_.stride); }
  DN_INLINE int64_t end_round() const { return larger(first_round(), smaller(length_, (w_.in + w_.padding) / w_.stride)); }

  DN_INLINE void split_by(int64_t stride, const C* row) const {
    const int64_t first = first_round(), end = end_round();
    const C* from = row + first * stride - w_.padding;
    for (int64_t j = first; j < end; ++j, from += stride)
      for (int64_t r = 0; r < stride; ++r) memory_[r * length_ + j] = from[r];
    for_edges(first, end, [&](int64_t cell, C& phase) DN_FUSED { phase = row[cell]; });
  }
  DN_INLINE void join_by(int64_t stride, C* row) const {
    const int64_t first = first_round(), end = end_round();
    C* to = row + first * stride - w_.padding;
    for (int64_t j = first; j < end; ++j, to += stride)
      for (int64_t r = 0; r < stride; ++r) to[r] = memory_[r * length_ + j];
    for_edges(first, end, [&](int64_t cell, C& phase) DN_FUSED { row[cell] = phase; });
    clear(row, length_ * stride - w_.padding);
  }
  /// The cells of the row that are not in rounds [first, end).
  template <class F>
  DN_INLINE void for_edges(int64_t first, int64_t end, F f) const {
    const int64_t last = smaller(w_.in + w_.padding, length_ * w_.stride);
    for (int64_t p = w_.padding; p < smaller(last, first * w_.stride); ++p)
      f(p - w_.padding, memory_[p % w_.stride * length_ + p / w_.stride]);
    for (int64_t p = larger(w_.padding, end * w_.stride); p < last; ++p)
      f(p - w_.padding, memory_[p % w_.stride * length_ + p / w_.stride]);
  }
  /// Cells from `begin` on that no window reaches.
  DN_INLINE void clear(C* row, int64_t begin) const {
    for (int64_t i = larger(begin, 0); i < w_.in; ++i) row[i] = C(0);
  }

  PoolAxis w_;
  int64_t length_;
  C* memory_;
};

/// Calls f(n, d, h) for the rows of (N, depth, height), in parallel; `work` is what a row costs, in elements, and each
/// piece brings f a buffer of `room` elements of C.
template <class C, class F>
DN_INLINE void for_pool_rows(int64_t count, int64_t depth, int64_t height, int64_t work, int64_t room, F f) {
  parallel_for(count * depth * height, grain_for(work), [&](int64_t begin, int64_t end) {
    const Scratch scratch(size_t(room) * sizeof(C));
    for (int64_t row = begin; row < end; ++row)
      f(row / (depth * height), row / height % depth, row % height, scratch.template as<C>());
  });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
