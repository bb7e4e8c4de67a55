// What the pools share: which cells of a window lie inside, and rows split so that windows become plain vectors.
#pragma once

#include "backend/backend.h"
#include "core/allocator.h"
#include "core/parallel.h"
#include "cpu/float_vectors.h"
#include "cpu/pool_lanes.h"

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
  /// Windows of two neighbours each, side by side from the first cell on.
  DN_INLINE bool pairs() const { return kernel == 2 && stride == 2 && padding == 0 && dilation == 1 && 2 * out <= in; }
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
  /// Elements of memory that it needs.
  DN_INLINE static int64_t room(const PoolAxis& w) { return length(w) * w.stride + w.kernel; }

  DN_INLINE Phases(const PoolAxis& w, C* memory) : w_(w), length_(length(w)), memory_(memory) {
    offset_ = reinterpret_cast<int32_t*>(memory + length_ * w.stride);
    for (int64_t k = 0; k < w.kernel; ++k)
      offset_[k] = int32_t(k * w.dilation % w.stride * length_ + k * w.dilation / w.stride);
  }

  DN_INLINE C* at(int64_t k) const { return memory_ + offset_[k]; }

  DN_INLINE C* phase(int64_t r) const { return memory_ + r * length_; }
  DN_INLINE int64_t length() const { return length_; }

  DN_INLINE void fill(C value) const {
    for (int64_t i = 0; i < length_ * w_.stride; ++i) memory_[i] = value;
  }

  /// From a row of input. Cells outside keep what they hold.
  DN_INLINE void split(const C* row) const {
    const int64_t first = first_round(), end = end_round();
    const C* from = row + first * w_.stride - w_.padding;
    if (w_.stride == 1) {
      __builtin_memcpy(memory_ + first, from, size_t(end - first) * sizeof(C));
    } else if (w_.stride == 2) {
      split_pairs(from, memory_ + first, memory_ + length_ + first, end - first);
    } else {
      for (int64_t j = first; j < end; ++j, from += w_.stride)
        for (int64_t r = 0; r < w_.stride; ++r) memory_[r * length_ + j] = from[r];
    }
    for_edges(first, end, [&](int64_t cell, C& phase) DN_FUSED { phase = row[cell]; });
  }
  /// Into a row of input; cells that no window reaches become 0.
  DN_INLINE void join(C* row) const {
    const int64_t first = first_round(), end = end_round();
    C* to = row + first * w_.stride - w_.padding;
    if (w_.stride == 1) {
      __builtin_memcpy(to, memory_ + first, size_t(end - first) * sizeof(C));
    } else if (w_.stride == 2) {
      join_pairs(memory_ + first, memory_ + length_ + first, to, end - first);
    } else {
      for (int64_t j = first; j < end; ++j, to += w_.stride)
        for (int64_t r = 0; r < w_.stride; ++r) to[r] = memory_[r * length_ + j];
    }
    for_edges(first, end, [&](int64_t cell, C& phase) DN_FUSED { row[cell] = phase; });
    for (int64_t i = larger(0, length_ * w_.stride - w_.padding); i < w_.in; ++i) row[i] = C(0);
  }

 private:
  DN_INLINE static int64_t length(const PoolAxis& w) {
    return w.out + (w.kernel - 1) * w.dilation / w.stride + 1 + vector_of<C>::lanes;
  }
  /// The rounds of `stride` cells that lie wholly inside the row and the phases: [first, end). Round j begins at cell
  /// j * stride - padding.
  DN_INLINE int64_t first_round() const { return ceil_div(w_.padding, w_.stride); }
  DN_INLINE int64_t end_round() const { return larger(first_round(), smaller(length_, (w_.in + w_.padding) / w_.stride)); }

  /// The cells of the row that are not in rounds [first, end).
  template <class F>
  DN_INLINE void for_edges(int64_t first, int64_t end, F f) const {
    const int64_t last = smaller(w_.in + w_.padding, length_ * w_.stride);
    for (int64_t p = w_.padding; p < smaller(last, first * w_.stride); ++p)
      f(p - w_.padding, memory_[p % w_.stride * length_ + p / w_.stride]);
    for (int64_t p = larger(w_.padding, end * w_.stride); p < last; ++p)
      f(p - w_.padding, memory_[p % w_.stride * length_ + p / w_.stride]);
  }

  PoolAxis w_;
  int64_t length_;
  C* memory_;
  int32_t* offset_;
};

/// In parallel over the rows of (N, depth, height): calls f(memory, rows) for each piece, where rows(g) calls g(n, d, h) for
/// its rows. `work` is what a row costs, in elements; memory has `room` elements of C.
template <class C, class F>
DN_INLINE void for_pool_rows(int64_t count, int64_t depth, int64_t height, int64_t work, int64_t room, F f) {
  parallel_for(count * depth * height, grain_for(work), [&](int64_t begin, int64_t end) {
    const Scratch scratch(size_t(room) * sizeof(C));
    f(scratch.template as<C>(), [=](auto g) DN_FUSED {
      int64_t n = begin / (depth * height), d = begin / height % depth, h = begin % height;
      for (int64_t row = begin; row < end; ++row) {
        g(n, d, h);
        if (++h < height) continue;
        h = 0;
        if (++d < depth) continue;
        d = 0;
        ++n;
      }
    });
  });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
