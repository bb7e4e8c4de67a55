// Max pooling, a row of outputs at a time. A row of input gives the greatest cell of every window's share of it, and where:
// rows of outputs whose windows overlap find it ready. A window takes the greatest of its rows'.
#include "cpu/isa_backend.h"
#include "cpu/pool_gradient.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

/// The greatest so far and its number.
template <class V>
struct Best {
  V value;
  int_of<V> index;

  /// A later cell wins where it is greater, or the first NaN.
  DN_INLINE void meet(V v, int_of<V> i) {
    const auto wins = ~(v <= value) & (value == value);
    value = select(wins, v, value);
    index = select(wins, i, index);
  }
};

/// What the last rows of input gave, for the windows of one output row each.
template <class T>
class RowMaxima {
 public:
  using C = compute_of<T>;
  using V = vector_of<T>;
  using I = int_of<V>;
  using Index = scalar_of<I>;

  DN_INLINE static int64_t padded(const PoolShape& s) { return ceil_div(s.w.out, V::lanes) * V::lanes; }
  DN_INLINE static int64_t slots(const PoolShape& s) { return s.d.kernel * s.h.kernel; }
  DN_INLINE static int64_t room(const PoolShape& s) {
    return (2 * padded(s) + 4) * slots(s) + padded(s) + s.w.in + Phases<C>::room(s.w);
  }

  DN_INLINE RowMaxima(const PoolShape& s, const T* x, C* memory)
      : s_(s),
        x_(x),
        padded_(padded(s)),
        values_(memory),
        first_(reinterpret_cast<Index*>(memory + 2 * padded_ * slots(s))),
        held_(first_ + padded_),
        taken_(held_ + 2 * slots(s)),
        row_(reinterpret_cast<C*>(taken_ + 2 * slots(s))),
        phases_(s.w, row_ + s.w.in) {
    for (int64_t o = 0; o < padded_; ++o) first_[o] = Index(s.w.begin(o));
    for (int64_t i = 0; i < 2 * slots(s); ++i) held_[i] = -1;
    phases_.fill(C(-__builtin_inf()));
  }

  /// The rows of input under output row (n, d, h), made ready in order.
  DN_INLINE void take(int64_t n, int64_t d, int64_t h) {
    const int64_t d_begin = s_.d.begin(d), d_end = s_.d.end(d), h_begin = s_.h.begin(h), h_end = s_.h.end(h);
    start_ = Index((d_begin * s_.h.kernel + h_begin) * s_.w.kernel);
    rows_ = 0;
    for (int64_t kd = d_begin; kd < d_end; ++kd)
      for (int64_t kh = h_begin; kh < h_end; ++kh) {
        taken_[2 * rows_] = Index(slot(n, d, h, kd, kh));
        taken_[2 * rows_ + 1] = Index((kd * s_.h.kernel + kh) * s_.w.kernel);
        ++rows_;
      }
  }

  /// The best of windows o, o + 1, ... over the rows taken.
  DN_INLINE Best<V> best(int64_t o) const {
    Best<V> best{V(C(-__builtin_inf())), load<I>(first_ + o) + I(start_)};
    for (int64_t r = 0; r < rows_; ++r) {
      const C* values = values_ + 2 * padded_ * taken_[2 * r] + o;
      best.meet(load<V>(values), load<I>(reinterpret_cast<const Index*>(values + padded_)) + I(taken_[2 * r + 1]));
    }
    return best;
  }

 private:
  /// The slot of the row at (kd, kh) of output row (n, d, h), filled.
  DN_INLINE int64_t slot(int64_t n, int64_t d, int64_t h, int64_t kd, int64_t kh) {
    const int64_t cell = s_.h.cell(h, kh), row = (n * s_.d.in + s_.d.cell(d, kd)) * s_.h.in + cell;
    // Rows of one window must not meet in a slot.
    const int64_t slot = kd * s_.h.kernel + (s_.h.dilation == 1 ? cell % s_.h.kernel : kh);
    Index* held = held_ + 2 * slot;  // the row's number in two halves: it may exceed an Index
    const Index low = Index(row & 0x3fffffff), high = Index(row >> 30);
    if (held[0] != low || held[1] != high) {
      fill(x_ + row * s_.w.in, values_ + 2 * padded_ * slot);
      held[0] = low;
      held[1] = high;
    }
    return slot;
  }

  DN_INLINE void fill(const T* from, C* values) {
    Index* indices = reinterpret_cast<Index*>(values + padded_);
    phases_.split(read_row(from, s_.w.in, row_));
    for (int64_t o = 0; o < padded_; o += V::lanes) {
      Best<V> best{V(C(-__builtin_inf())), load<I>(first_ + o)};
      for (int64_t k = 0; k < s_.w.kernel; ++k) best.meet(load<V>(phases_.at(k) + o), I(Index(k)));
      store(values + o, best.value);
      store(indices + o, best.index);
    }
  }

  PoolShape s_;
  const T* x_;
  int64_t padded_;
  C* values_;     // of each slot: values, then indices
  Index* first_;  // of each window: its first cell inside
  Index* held_;   // of each slot: the number of the row in it
  Index* taken_;  // of each row of the window: its slot, its first cell's number
  int64_t rows_ = 0;
  Index start_ = 0;
  C* row_;
  Phases<C> phases_;
};

template <class T, class W>
void forward(const View& x, const View& y, W* window, const PoolGeometry& g) {
  using V = vector_of<T>;
  const PoolShape s(x, y, g);
  for_pool_rows<compute_of<T>>(x.size(0), s.d.out, s.h.out, s.w.in * s.h.kernel * s.d.kernel, RowMaxima<T>::room(s),
                               [&](auto* memory, auto rows) {
                                 RowMaxima<T> maxima(s, x.as<const T>(), memory);
                                 rows([&](int64_t n, int64_t d, int64_t h) DN_FUSED {
                                   const int64_t at = ((n * s.d.out + d) * s.h.out + h) * s.w.out;
                                   maxima.take(n, d, h);
                                   for (int64_t next = 0; next < s.w.out; next += V::lanes) {
                                     const int64_t o = whole_vector<V>(next, s.w.out);
                                     const Best<V> best = maxima.best(o);
                                     const int64_t count = smaller(V::lanes, s.w.out - o);
                                     put(y.as<T>() + at + o, best.value, count);
                                     if (window) store_windows(window + at + o, best.index, count);
                                   }
                                 });
                               });
}

/// Windows of 2 x 2 side by side, in registers.
void forward_pairs(const View& x, const View& y, uint8_t* window, const PoolShape& s) {
  for_pool_rows<float>(x.size(0), 1, s.h.out, s.w.in * 2, 0, [&](float*, auto rows) {
    rows([&](int64_t n, int64_t, int64_t h) DN_FUSED {
      const float* top = x.as<const float>() + (n * s.h.in + 2 * h) * s.w.in;
      const float* bottom = top + s.w.in;
      const int64_t at = (n * s.h.out + h) * s.w.out;
      for (int64_t next = 0; next < s.w.out; next += 16) {
        const int64_t o = whole_vector<F32>(next, s.w.out);
        const int64_t count = smaller(16, s.w.out - o), left = smaller(16, 2 * count), right = 2 * count - left;
        const Two<F32> a = deinterleave(get(top + 2 * o, left), right ? get(top + 2 * o + 16, right) : F32(0.0f));
        const Two<F32> b = deinterleave(get(bottom + 2 * o, left), right ? get(bottom + 2 * o + 16, right) : F32(0.0f));
        Best<F32> best{a.first, I32(0)};
        best.meet(a.second, I32(1));
        best.meet(b.first, I32(2));
        best.meet(b.second, I32(3));
        put(y.as<float>() + at + o, best.value, count);
        if (window) store_bytes(window + at + o, best.index, count);
      }
    });
  });
}

template <class T, class W>
void backward(const View& dy, const W* window, const View& dx, const PoolGeometry& g) {
  using C = compute_of<T>;
  using V = vector_of<T>;
  using I = int_of<V>;
  const PoolShape s(dx, dy, g);
  const int64_t work = s.w.in * ceil_div(s.h.kernel, s.h.stride) * ceil_div(s.d.kernel, s.d.stride);
  const int64_t room = GradientRows<C, true>::room(s) + s.w.in;
  for_pool_rows<C>(dx.size(0), s.d.in, s.h.in, work, room, [&](C* memory, auto rows) {
    GradientRows<C, true> gradients(s, memory + s.w.in);
    rows([&](int64_t n, int64_t d, int64_t h) DN_FUSED {
      T* to = dx.as<T>() + ((n * s.d.in + d) * s.h.in + h) * s.w.in;
      C* row = row_target(to, memory);
      gradients.gather(n, d, h, row, [&](int64_t m, int64_t od, int64_t oh, C* values, scalar_of<I>* numbers) DN_FUSED {
        const int64_t at = ((m * s.d.out + od) * s.h.out + oh) * s.w.out;
        for (int64_t next = 0; next < s.w.out; next += V::lanes) {
          const int64_t o = whole_vector<V>(next, s.w.out), count = smaller(V::lanes, s.w.out - o);
          put(values + o, get(dy.as<const T>() + at + o, count), count);
          store(numbers + o, load_windows<I>(window + at + o, count), count);
        }
      });
      write_row(to, row, s.w.in);
    });
  });
}

void backward_pairs(const View& dy, const uint8_t* window, const View& dx, const PoolShape& s) {
  for_pool_rows<float>(dx.size(0), 1, s.h.in, s.w.in, 0, [&](float*, auto rows) {
    rows([&](int64_t n, int64_t, int64_t h) DN_FUSED {
      float* to = dx.as<float>() + (n * s.h.in + h) * s.w.in;
      int64_t done = 0;
      if (h < 2 * s.h.out) {
        const int64_t at = (n * s.h.out + h / 2) * s.w.out;
        const I32 left_cell(int32_t(h % 2 * 2)), right_cell = left_cell + I32(1);
        for (int64_t next = 0; next < s.w.out; next += 16) {
          const int64_t o = whole_vector<F32>(next, s.w.out);
          const int64_t count = smaller(16, s.w.out - o), left = smaller(16, 2 * count);
          const I32 chosen = load_bytes(window + at + o, count);
          // 0 + -0 is 0: a chain begins at 0.
          const F32 v = get(dy.as<const float>() + at + o, count) + F32(0.0f);
          const Two<F32> pair =
              interleave(select(chosen == left_cell, v, F32(0.0f)), select(chosen == right_cell, v, F32(0.0f)));
          put(to + 2 * o, pair.first, left);
          if (count > 8) put(to + 2 * o + 16, pair.second, 2 * count - left);
        }
        done = 2 * s.w.out;
      }
      for (int64_t i = done; i < s.w.in; ++i) to[i] = 0.0f;
    });
  });
}

/// One row of depth and 2 x 2 windows side by side, in float32.
DN_INLINE bool in_pairs(const PoolShape& s, DType dtype, DType window) {
  return dtype == DType::Float32 && window != DType::Int32 && s.d.in == 1 && s.d.kernel == 1 && s.d.padding == 0 &&
         s.d.out == 1 && s.h.pairs() && s.w.pairs();
}

}  // namespace

void IsaBackend::max_pool_forward(const View& x, const View& y, const View& window, const PoolGeometry& g) {
  const PoolShape s(x, y, g);
  if (in_pairs(s, x.dtype, window.dtype)) return forward_pairs(x, y, window.as<uint8_t>(), s);
  visit_floats(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (window.dtype == DType::Int32)
      forward<T>(x, y, window.as<int32_t>(), g);
    else
      forward<T>(x, y, window.as<uint8_t>(), g);
  });
}

void IsaBackend::max_pool_backward(const View& dy, const View& window, const View& dx, const PoolGeometry& g) {
  const PoolShape s(dx, dy, g);
  if (in_pairs(s, dy.dtype, window.dtype)) return backward_pairs(dy, window.as<const uint8_t>(), dx, s);
  visit_floats(dy.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (window.dtype == DType::Int32)
      backward<T>(dy, window.as<const int32_t>(), dx, g);
    else
      backward<T>(dy, window.as<const uint8_t>(), dx, g);
  });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
