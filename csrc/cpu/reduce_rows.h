// The `rows` order of backend.h, once for all kernels that reduce along the last axis.
//
// Identities are exact (x + -0.0 is x, also for -0.0), so a lane or level that got no element is as good as skipped.
#pragma once

#include "cpu/float_rows.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

constexpr int64_t kChunk = 1024;
constexpr int kChunkLanes = 32;
// Chunks that one task takes of a long row: a power of two, so that its result is a subtree of the tree over chunks.
constexpr int64_t kChunksPerTask = 16;

struct Adding {
  template <class V>
  DN_INLINE static V identity() {
    return V(scalar_of<V>(-0.0));
  }
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return a + b;
  }
};

/// The tree over values that arrive one after the other, N trees at once: a binary counter of pending subtrees.
template <class T, int N>
struct TreeFold {
  T pending[48][N];
  uint64_t count = 0;

  DN_INLINE TreeFold() {}
  template <class Combine>
  DN_INLINE void push(const T* value, Combine combine) {
    T v[N];
    for (int k = 0; k < N; ++k) v[k] = value[k];
    int level = 0;
    for (uint64_t c = count; c & 1; c >>= 1, ++level)
      for (int k = 0; k < N; ++k) v[k] = combine(pending[level][k], v[k]);
    for (int k = 0; k < N; ++k) pending[level][k] = v[k];
    ++count;
  }
  /// What all pushed values give, or the identity.
  template <class Combine>
  DN_INLINE void finish(T* out, Combine combine) const {
    for (int k = 0; k < N; ++k) out[k] = combine.template identity<T>();
    int level = 0;
    for (uint64_t c = count; c; c >>= 1, ++level) {
      if (!(c & 1)) continue;
      for (int k = 0; k < N; ++k) out[k] = combine(pending[level][k], out[k]);
    }
  }
};

/// One chunk, elements [begin, begin + n) with n <= kChunk: out[k] for N reductions at once. step(at, acc) folds the vector at
/// a position into acc[0 .. N - 1].
template <class V, int N, class Combine, class Step>
DN_INLINE void reduce_chunk(int64_t begin, int64_t n, Combine combine, Step step, scalar_of<V>* out) {
  constexpr int kVectors = kChunkLanes / V::lanes;
  V acc[kVectors][N];
  for (int p = 0; p < kVectors; ++p)
    for (int k = 0; k < N; ++k) acc[p][k] = Combine::template identity<V>();
  int64_t i = 0;
  for (; i + kChunkLanes <= n; i += kChunkLanes)
    for (int p = 0; p < kVectors; ++p) step(FullVector<V>{begin + i + p * V::lanes}, acc[p]);
  for (int p = 0; p < kVectors; ++p) {
    const int64_t left = n - i - p * V::lanes;
    if (left >= V::lanes) {
      step(FullVector<V>{begin + i + p * V::lanes}, acc[p]);
    } else if (left > 0) {
      V with[N];
      for (int k = 0; k < N; ++k) with[k] = acc[p][k];
      step(PartVector<V>{begin + i + p * V::lanes, left}, with);
      const mask_of<V> here = first_lanes<V>(left);
      for (int k = 0; k < N; ++k) acc[p][k] = select(here, with[k], acc[p][k]);
    }
  }
  for (int k = 0; k < N; ++k) {
    scalar_of<V> part[kVectors];
    for (int p = 0; p < kVectors; ++p) part[p] = reduce_tree(acc[p][k], combine);
    if constexpr (kVectors == 2) {
      out[k] = combine(part[0], part[1]);
    } else {
      out[k] = combine(combine(part[0], part[1]), combine(part[2], part[3]));
    }
  }
}

/// Elements [begin, end) of a row, begin a multiple of kChunk; nothing gives the identity.
template <class V, int N, class Combine, class Step>
DN_INLINE void reduce_row(int64_t begin, int64_t end, Combine combine, Step step, scalar_of<V>* out) {
  if (end - begin <= kChunk) return reduce_chunk<V, N>(begin, end - begin, combine, step, out);
  TreeFold<scalar_of<V>, N> fold;
  for (int64_t c = begin; c < end; c += kChunk) {
    scalar_of<V> chunk[N];
    reduce_chunk<V, N>(c, smaller(kChunk, end - c), combine, step, chunk);
    fold.push(chunk, combine);
  }
  fold.finish(out, combine);
}

/// The sum of `term(at)` over a row of n.
template <class V, class Term>
DN_INLINE scalar_of<V> sum_row(int64_t n, Term term) {
  scalar_of<V> total;
  reduce_row<V, 1>(0, n, Adding{}, [&](auto at, V* acc) DN_FUSED { acc[0] = acc[0] + term(at); }, &total);
  return total;
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
