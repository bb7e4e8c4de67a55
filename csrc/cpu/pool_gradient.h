// The gradient of a pool's input, row by row: every cell gathers, in output order, from the windows that hold it.
#pragma once

#include "cpu/pool_rows.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

/// Rows of outputs with zeros on either side, kept while the next rows of input need them too. kChosen: an output counts
/// only for the cell whose number goes with it.
template <class C, bool kChosen>
class GradientRows {
 public:
  using V = vector_of<C>;
  using I = int_of<V>;
  using Index = scalar_of<I>;

  /// Elements of memory that it needs.
  DN_INLINE static int64_t room(const PoolShape& s) {
    return (width(s.w) * 2 + 4) * slots(s) + 2 * s.w.kernel + s.w.stride + 1 + Phases<C>::room(s.w);
  }

  DN_INLINE GradientRows(const PoolShape& s, C* memory)
      : s_(s),
        width_(width(s.w)),
        margin_(reach(s.w)),
        values_(memory),
        held_(reinterpret_cast<Index*>(memory + 2 * width_ * slots(s))),
        taken_(held_ + 2 * slots(s)),
        cells_(taken_ + 2 * slots(s)),
        start_(cells_ + 2 * s.w.kernel),
        phases_(s.w, reinterpret_cast<C*>(start_ + s.w.stride + 1)) {
    for (int64_t i = 0; i < width_ * slots(s); ++i) {
      values_[2 * i] = C(0);
      values_[2 * i + 1] = C(0);
    }
    for (int64_t i = 0; i < 2 * slots(s); ++i) held_[i] = -1;
    // The cells of a window that fall on each phase, last first: a cell meets windows from left to right as k falls.
    Index count = 0;
    for (int64_t r = 0; r < s.w.stride; ++r) {
      start_[r] = count;
      for (int64_t k = s.w.kernel - 1; k >= 0; --k) {
        if (k * s.w.dilation % s.w.stride != r) continue;
        cells_[2 * count] = Index(k);
        cells_[2 * count + 1] = Index(k * s.w.dilation / s.w.stride);
        ++count;
      }
    }
    start_[s.w.stride] = count;
    phases_.fill(C(0));
  }

  /// The gradient of input row (n, d, h) into `row`. fill(n, od, oh, values, numbers) writes the gradients of a row of
  /// outputs and, where kChosen, the numbers of the cells they belong to.
  template <class F>
  DN_INLINE void gather(int64_t n, int64_t d, int64_t h, C* row, F fill) {
    int64_t rows = 0;
    for (int64_t od = s_.d.first_window(d); od <= s_.d.last_window(d); ++od) {
      const int64_t kd = s_.d.place(od, d);
      if (kd < 0) continue;
      for (int64_t oh = s_.h.first_window(h); oh <= s_.h.last_window(h); ++oh) {
        const int64_t kh = s_.h.place(oh, h);
        if (kh < 0) continue;
        taken_[2 * rows] = Index(slot(n, od, oh, fill));
        taken_[2 * rows + 1] = Index((kd * s_.h.kernel + kh) * s_.w.kernel);
        ++rows;
      }
    }
    const int64_t reached = smaller(phases_.length() - V::lanes, ceil_div(s_.w.in + s_.w.padding, s_.w.stride));
    for (int64_t r = 0; r < s_.w.stride; ++r)
      for (int64_t j = 0; j < reached; j += V::lanes) store(phases_.phase(r) + j, sum(rows, r, j));
    phases_.join(row);
  }

 private:
  DN_INLINE static int64_t reach(const PoolAxis& a) { return (a.kernel - 1) * a.dilation / a.stride; }
  DN_INLINE static int64_t slots(const PoolShape& s) { return (reach(s.d) + 1) * (reach(s.h) + 1); }
  DN_INLINE static int64_t width(const PoolAxis& w) { return 2 * reach(w) + w.out + 1 + 2 * vector_of<C>::lanes; }

  DN_INLINE C* values(int64_t slot) const { return values_ + 2 * width_ * slot + margin_; }
  DN_INLINE Index* numbers(int64_t slot) const { return reinterpret_cast<Index*>(values(slot) + width_); }

  /// Where the row of outputs lies, filled.
  template <class F>
  DN_INLINE int64_t slot(int64_t n, int64_t od, int64_t oh, F& fill) {
    const int64_t row = (n * s_.d.out + od) * s_.h.out + oh;
    const int64_t slot = od % (reach(s_.d) + 1) * (reach(s_.h) + 1) + oh % (reach(s_.h) + 1);
    Index* held = held_ + 2 * slot;  // the row's number in two halves: it may exceed an Index
    const Index low = Index(row & 0x3fffffff), high = Index(row >> 30);
    if (held[0] != low || held[1] != high) {
      fill(n, od, oh, values(slot), numbers(slot));
      held[0] = low;
      held[1] = high;
    }
    return slot;
  }

  /// Positions j, j + 1, ... of phase r.
  DN_INLINE V sum(int64_t rows, int64_t r, int64_t j) const {
    V total = V(0);
    for (int64_t i = 0; i < rows; ++i) {
      const C* values = this->values(taken_[2 * i]) + j;
      for (Index c = start_[r]; c < start_[r + 1]; ++c) {
        const C* from = values - cells_[2 * c + 1];
        if constexpr (kChosen) {
          const I number = load<I>(reinterpret_cast<const Index*>(from + width_));
          total = total + select(number == I(taken_[2 * i + 1] + cells_[2 * c]), load<V>(from), V(0));
        } else {
          total = total + load<V>(from);
        }
      }
    }
    return total;
  }

  PoolShape s_;
  int64_t width_, margin_;
  C* values_;     // of each slot: gradients, then numbers
  Index* held_;   // of each slot: the number of the row in it
  Index* taken_;  // of each row that is gathered from: its slot, its first cell's number
  Index* cells_;  // of each k, by phase: k and how many windows further left it lies
  Index* start_;  // of each phase: where its cells begin
  Phases<C> phases_;
};

}  // namespace DEEPNET_ISA
}  // namespace deepnet
