// Random numbers from a counter: element i of a draw depends on the seed, the offset and i alone.
#include "math/random.h"
#include "core/parallel.h"
#include "cpu/float_rows.h"
#include "cpu/isa_backend.h"
#include "cpu/philox_block.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

// Elements whose words are made at once.
constexpr int64_t kDraw = 512;
constexpr int64_t kDrawsPerPiece = 16;

/// Room for the words of a draw of elements that take `kEach` words.
template <int kEach>
struct Words {
  alignas(64) int32_t words[kDraw * kEach + kWordsPerCounters];

  DN_INLINE void fill(const int64_t* state, int64_t first, int64_t count) {
    philox_fill(uint64_t(state[0]), uint64_t(state[1]) + uint64_t(first * kEach / 4), count * kEach, words);
  }
  DN_INLINE uint32_t operator[](int64_t i) const { return uint32_t(words[i]); }
};

/// Calls f(first, count) for draws of [0, n), in parallel.
template <class F>
DN_INLINE void for_draws(int64_t n, F f) {
  parallel_for(ceil_div(n, kDraw), kDrawsPerPiece, [&](int64_t begin, int64_t end) {
    for (int64_t d = begin; d < end; ++d) f(d * kDraw, smaller(kDraw, n - d * kDraw));
  });
}

DN_INLINE F32 unit_vector(const Words<1>& w, int64_t i) { return unit_floats(w.words + i); }
DN_INLINE F64 unit_vector(const Words<2>& w, int64_t i) { return unit_doubles(w.words + 2 * i); }

/// out[i] = f(u): V's precision decides how many words an element takes.
template <class V, class W, class F>
DN_INLINE void draw_each(const W& words, scalar_of<V>* out, int64_t n, F f) {
  for (int64_t i = 0; i < n; i += V::lanes) store(out + i, f(unit_vector(words, i)));
}

template <class V, class W>
DN_INLINE void draw_normal(const W& words, scalar_of<V>* out, int64_t n, V mean, V deviation) {
  constexpr int kLanes = V::lanes;
  scalar_of<V> u[2 * kLanes], even[kLanes], odd[kLanes];
  for (int64_t i = 0; i < n; i += 2 * kLanes) {
    store(u, unit_vector(words, i));
    store(u + kLanes, unit_vector(words, i + kLanes));
    for (int j = 0; j < kLanes; ++j) {
      even[j] = u[2 * j];
      odd[j] = u[2 * j + 1];
    }
    const math::NormalPair<V> z = math::box_muller(load<V>(even), load<V>(odd));
    store(even, mean + deviation * z.first);
    store(odd, mean + deviation * z.second);
    for (int j = 0; j < kLanes; ++j) {
      out[i + 2 * j] = even[j];
      out[i + 2 * j + 1] = odd[j];
    }
  }
}

/// A draw in C's precision into y of any dtype; `out` is the caller's row of kDraw, rounded up to whole vectors.
template <class C, class V, class W>
void draw(RandomOp op, const W& words, C* out, int64_t n, double a, double b) {
  switch (op) {
    case RandomOp::Uniform: {
      const V low = V(C(a)), width = V(C(b - a));
      return draw_each<V>(words, out, n, [=](V u) DN_FUSED { return math::uniform(u, low, width); });
    }
    case RandomOp::Normal:
      return draw_normal<V>(words, out, n, V(C(a)), V(C(b)));
    case RandomOp::Bernoulli:
      return draw_each<V>(words, out, n, [p = V(C(a))](V u) DN_FUSED { return math::bernoulli(u, p); });
    default:
      return draw_each<V>(words, out, n, [rate = V(C(a))](V u) DN_FUSED { return math::exponential(u, rate); });
  }
}

template <class T>
DN_INLINE void put_row(T* y, const compute_of<T>* row, int64_t n) {
  if constexpr (is_narrow<T>) {
    write_row(y, row, n);
  } else {
    __builtin_memcpy(y, row, size_t(n) * sizeof(T));
  }
}

template <class T>
void random_floats(RandomOp op, const int64_t* state, T* y, int64_t n, double a, double b) {
  using C = compute_of<T>;
  for_draws(n, [=](int64_t first, int64_t count) {
    Words<sizeof(C) / 4> words;
    alignas(64) C row[kDraw + 2 * vector_of<T>::lanes];
    words.fill(state, first, ceil_div(count, 64) * 64);
    draw<C, vector_of<T>>(op, words, row, count, a, b);
    put_row(y + first, row, count);
  });
}

/// Bernoulli into integers and bool, by float32 uniforms.
template <class T>
void random_flags(const int64_t* state, T* y, int64_t n, double p) {
  for_draws(n, [=](int64_t first, int64_t count) {
    Words<1> words;
    words.fill(state, first, count);
    for (int64_t i = 0; i < count; ++i) y[first + i] = T(uniform24(words[i]) < float(p));
  });
}

template <class T>
void random_integers(const int64_t* state, T* y, int64_t n, double a, double b) {
  const int64_t low = int64_t(a);
  const uint64_t range = uint64_t(b - a);
  for_draws(n, [=](int64_t first, int64_t count) {
    if (range <= uint64_t(1) << 32) {
      Words<1> words;
      words.fill(state, first, count);
      for (int64_t i = 0; i < count; ++i) y[first + i] = T(uint64_t(low) + math::scaled_word(words[i], range));
    } else {
      Words<2> words;
      words.fill(state, first, count);
      for (int64_t i = 0; i < count; ++i)
        y[first + i] = T(uint64_t(low) + math::scaled_words(words[2 * i], words[2 * i + 1], range));
    }
  });
}

template <class T>
DN_INLINE void random_whole(RandomOp op, const int64_t* state, T* y, int64_t n, double a, double b) {
  if (op == RandomOp::Bernoulli)
    random_flags(state, y, n, a);
  else
    random_integers(state, y, n, a, b);
}

}  // namespace

void IsaBackend::random(RandomOp op, const View& state, const View& y, double a, double b) {
  const int64_t* s = state.as<const int64_t>();
  const int64_t n = y.numel();
  switch (y.dtype) {
    case DType::Bool:
      return random_whole(op, s, y.as<bool>(), n, a, b);
    case DType::UInt8:
      return random_whole(op, s, y.as<uint8_t>(), n, a, b);
    case DType::Int8:
      return random_whole(op, s, y.as<int8_t>(), n, a, b);
    case DType::Int16:
      return random_whole(op, s, y.as<int16_t>(), n, a, b);
    case DType::Int32:
      return random_whole(op, s, y.as<int32_t>(), n, a, b);
    case DType::Int64:
      return random_whole(op, s, y.as<int64_t>(), n, a, b);
    default:
      visit_floats(y.dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        random_floats(op, s, y.as<T>(), n, a, b);
      });
  }
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
