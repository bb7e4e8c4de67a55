// The pieces of attention, forward and backward: tiles of 64 queries by 64 keys that stay in cache.
#pragma once

#include "cpu/float_rows.h"
#include "cpu/gemm_kernel.h"
#include "cpu/gemm_transpose.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

/// Queries and keys of a tile, and the distance between its rows in memory.
constexpr int64_t kSide = 64;

template <class S>
DN_INLINE int64_t whole_vectors(int64_t n) {
  return ceil_div(n, vector_of<S>::lanes) * vector_of<S>::lanes;
}

/// Hands out parts of a scratch block, each on a cache line of its own.
template <class S>
struct Arena {
  S* next;
  DN_INLINE S* take(int64_t n) {
    S* p = next;
    next += rounded(n);
    return p;
  }
  DN_INLINE static int64_t rounded(int64_t n) { return ceil_div(n, 16) * 16; }
};

/// Rows of numbers whose last vector may be read whole.
template <class S>
struct Rows {
  const S* p;
  int64_t stride;
};
/// Whether rows of `columns` elements can be read where they lie.
template <class T>
DN_INLINE bool in_place(int64_t columns) {
  return !is_narrow<T> && columns % vector_of<compute_of<T>>::lanes == 0;
}
/// Scalars that padded_rows needs.
template <class T>
DN_INLINE int64_t padded_size(int64_t rows, int64_t columns) {
  return in_place<T>(columns) ? 0 : rows * whole_vectors<compute_of<T>>(columns);
}
/// Dense rows at p: as they lie, or in `buffer`, zeros after their last column.
template <class T>
DN_INLINE Rows<compute_of<T>> padded_rows(const T* p, int64_t rows, int64_t columns, compute_of<T>* buffer) {
  using S = compute_of<T>;
  if constexpr (!is_narrow<T>) {
    if (in_place<T>(columns)) return {p, columns};
  }
  const int64_t stride = whole_vectors<S>(columns);
  for (int64_t r = 0; r < rows; ++r) {
    S* to = buffer + r * stride;
    if constexpr (is_narrow<T>) {
      read_row(p + r * columns, columns, to);
    } else {
      for (int64_t c = 0; c < columns; ++c) to[c] = p[r * columns + c];
    }
    for (int64_t c = columns; c < stride; ++c) to[c] = S(0);
  }
  return {buffer, stride};
}

/// y[c * kSide + r] = x[r * stride + c] for r < rows <= kSide, c < columns; zeros up to whole vectors of rows.
template <class S>
DN_INLINE void transpose_rows(const S* x, int64_t stride, int64_t rows, int64_t columns, S* y) {
  const int64_t height = whole_vectors<S>(rows);
  if constexpr (std::is_same<S, float>::value) {
    for (int64_t r = 0; r < height; r += 16)
      for (int64_t c = 0; c < columns; c += 16) {
        const int64_t n = smaller(16, columns - c);
        const float* from = x + r * stride + c;
        float* to = y + c * kSide + r;
        transpose16([&](int i) DN_FUSED { return r + i < rows ? F32::load(from + i * stride, n) : F32(0.0f); },
                    [&](int j, F32 v) DN_FUSED {
                      if (j < n) v.store(to + j * kSide);
                    });
      }
  } else {
    for (int64_t r = 0; r < height; ++r)
      for (int64_t c = 0; c < columns; ++c) y[c * kSide + r] = r < rows ? x[r * stride + c] : S(0);
  }
}

/// y (M, N) = a · b, or y + a · b: a(i, k) = a[i * a_row + k * a_k], b and y by rows; N counts whole vectors. Each product is
/// a chain of fma over k from zero, y added last.
template <class S>
DN_INLINE void tile_product(int64_t M, int64_t N, int64_t K, const S* a, int64_t a_row, int64_t a_k, const S* b, int64_t ldb,
                            S* y, int64_t ldy, bool add) {
  constexpr int64_t lanes = vector_of<S>::lanes;
  Tile<S> tile{};
  tile.step = a_k;
  tile.ldb = ldb;
  tile.k = K;
  tile.ld_partial = tile.ldy = ldy;
  tile.tail = lanes;
  for (int64_t c = 0, width; c < N; c += width) {
    width = smaller(N - c, kTileWidth<S>);
    const int vectors = int(width / lanes);
    const int64_t blocks = ceil_div(M, tile_rows(vectors));
    tile.b = b + c;
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t r0 = M * block / blocks, r1 = M * (block + 1) / blocks;
      for (int64_t r = r0; r < r1; ++r) tile.row[r - r0] = a + r * a_row;
      tile.y = y + r0 * ldy + c;
      tile.partial = add ? tile.y : nullptr;
      tile_kernel<S>(Reads::Step, int(r1 - r0), vectors)(tile);
    }
  }
}

/// What every kernel of attention is told.
template <class T>
struct AttentionSizes {
  int64_t T_, S_, D, E;  // queries, keys, features of both, features of the values
  compute_of<T> scale;
  bool causal;

  DN_INLINE int64_t query_tiles() const { return ceil_div(T_, kSide); }
  DN_INLINE int64_t key_tiles() const { return ceil_div(S_, kSide); }
  /// Key tiles that queries before `end` see.
  DN_INLINE int64_t key_tiles_before(int64_t end) const {
    return causal ? smaller(key_tiles(), ceil_div(end, kSide)) : key_tiles();
  }
};

/// The mask (B, T, S) of queries [t0, t0 + nt) and keys [s0, s0 + ns): tile[t * kSide + s], or tile[s * kSide + t] with whole
/// vectors of queries.
template <class S>
DN_INLINE void read_mask(const View& mask, int64_t b, int64_t t0, int64_t nt, int64_t s0, int64_t ns, bool transposed,
                         S* tile) {
  const int64_t st = mask.stride(1), ss = mask.stride(2);
  visit_floats(mask.dtype, [&](auto tag) {
    using M = typename decltype(tag)::type;
    const M* from = mask.as<M>() + b * mask.stride(0) + t0 * st + s0 * ss;
    if constexpr (std::is_same<M, S>::value) {
      if (transposed && ss == 1) return transpose_rows(from, st, nt, ns, tile);
    }
    const int64_t to_t = transposed ? 1 : kSide, to_s = transposed ? kSide : 1;
    for (int64_t t = 0; t < nt; ++t)
      for (int64_t s = 0; s < ns; ++s) tile[t * to_t + s * to_s] = S(widen(from[t * st + s * ss]));
  });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
