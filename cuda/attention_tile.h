// The pieces of attention, forward and backward: tiles of 64 queries by 64 keys, by a block of 256 threads, each of which owns
// 4 x 4 of a tile's scores and 4 rows by 4 columns of every 64 features.
#pragma once

#include "convert.h"
#include "math/exp.h"
#include "math/log.h"
#include "product.h"
#include "rows.h"
#include "runtime.h"

namespace deepnet::gpu {

constexpr int kSide = 64, kAttentionThreads = 256, kPitch = kSide + 4, kFeatureStep = 32, kRowStep = 16;

/// What every kernel of attention is told. mask (B, T, S) by strides, may be null; lse (B, T).
struct AttentionSizes {
  int64_t B, queries, keys, D, E;
  bool causal;
  const void* mask;
  DType mask_dtype;
  int64_t mask_b, mask_t, mask_s;
  void* lse;
  DType lse_dtype;
  int64_t lse_b, lse_t;

  AttentionSizes(const View& q, const View& k, const View& v, const View& mask_view, const View& lse_view, bool is_causal)
      : B(q.size(0)),
        queries(q.size(1)),
        keys(k.size(1)),
        D(q.size(2)),
        E(v.size(2)),
        causal(is_causal),
        mask(mask_view.data),
        mask_dtype(mask_view.dtype),
        mask_b(0),
        mask_t(0),
        mask_s(0),
        lse(lse_view.data),
        lse_dtype(lse_view.dtype),
        lse_b(0),
        lse_t(0) {
    if (mask) {
      mask_b = mask_view.stride(0);
      mask_t = mask_view.stride(1);
      mask_s = mask_view.stride(2);
    }
    if (lse) {
      lse_b = lse_view.stride(0);
      lse_t = lse_view.stride(1);
    }
  }
  int64_t query_tiles() const { return ceil_div(queries, kSide); }
  int64_t key_tiles() const { return ceil_div(keys, kSide); }
  /// Key tiles that queries before `end` see.
  DN_DEVICE int64_t key_tiles_before(int64_t end) const {
    const int64_t all = ceil_div(keys, kSide);
    return causal ? smaller(all, ceil_div(end, kSide)) : all;
  }
  /// A scaled dot product with its mask; -inf where query t may not see key s.
  template <class S>
  DN_DEVICE S score(S dot, S scale, int64_t b, int64_t t, int64_t s) const {
    S x = dot * scale;
    if (mask) x = x + load_any<S>(mask, mask_dtype, b * mask_b + t * mask_t + s * mask_s);
    return causal && s > t ? S(-__builtin_inf()) : x;
  }
};

/// Shared memory of a block: kParts times 64 features at once.
template <class S, int kParts>
struct TileMemory {
  S a[kFeatureStep][kPitch], b[kFeatureStep][kPitch];  // features by rows
  S w[kSide][kPitch];                                  // weights, by the row that is summed over
  S x[kRowStep][kParts * kSide + 4];                   // rows of features
  S row[4][kSide];
};

DN_DEVICE int own_row() { return int(threadIdx.x) / 16 * 4; }
DN_DEVICE int own_column() { return int(threadIdx.x) % 16 * 4; }

/// to[f][r] = rows[r][first + f], zeros beyond n rows and `features`.
template <class T, class S>
DN_DEVICE void load_turned(const T* rows, int64_t n, int64_t first, int64_t features, S (*to)[kPitch]) {
#pragma unroll
  for (int e = 0; e < kSide * kFeatureStep / kAttentionThreads; ++e) {
    const int i = int(threadIdx.x) + e * kAttentionThreads, f = i % kFeatureStep, r = i / kFeatureStep;
    to[f][r] = r < n && first + f < features ? widen(rows[r * features + first + f]) : S(0);
  }
}

/// dot[i][j] = a's row own_row() + i by b's row own_column() + j: a chain of fma over the features.
template <class T, class S, int kParts>
DN_DEVICE void dot_tile(const T* a, int64_t na, const T* b, int64_t nb, int64_t features, TileMemory<S, kParts>& memory,
                        S (&dot)[4][4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j) dot[i][j] = S(0);
  for (int64_t first = 0; first < features; first += kFeatureStep) {
    __syncthreads();
    load_turned(a, na, first, features, memory.a);
    load_turned(b, nb, first, features, memory.b);
    __syncthreads();
    const int count = int(smaller(kFeatureStep, features - first));
#pragma unroll 4
    for (int f = 0; f < count; ++f) {
      const Pack<S, 4> pa = *reinterpret_cast<const Pack<S, 4>*>(&memory.a[f][own_row()]);
      const Pack<S, 4> pb = *reinterpret_cast<const Pack<S, 4>*>(&memory.b[f][own_column()]);
#pragma unroll
      for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) dot[i][j] = fma(pa.v[i], pb.v[j], dot[i][j]);
    }
  }
}

/// sum[i][p][j] = over r < n: weight w[r][own_row() + i] by x[r][first + 64 p + own_column() + j], a chain of fma from zero.
template <class T, class S, int kParts>
DN_DEVICE void weigh_rows(const T* x, int64_t n, int64_t first, int64_t features, TileMemory<S, kParts>& memory,
                          S (&sum)[4][kParts][4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i)
#pragma unroll
    for (int p = 0; p < kParts; ++p)
#pragma unroll
      for (int j = 0; j < 4; ++j) sum[i][p][j] = S(0);
  for (int64_t r0 = 0; r0 < n; r0 += kRowStep) {
    __syncthreads();
#pragma unroll
    for (int e = 0; e < kRowStep * kParts * kSide / kAttentionThreads; ++e) {
      const int i = int(threadIdx.x) + e * kAttentionThreads, f = i % (kParts * kSide), r = i / (kParts * kSide);
      memory.x[r][f] = r0 + r < n && first + f < features ? widen(x[(r0 + r) * features + first + f]) : S(0);
    }
    __syncthreads();
    const int count = int(smaller(kRowStep, n - r0));
#pragma unroll 2
    for (int r = 0; r < count; ++r) {
      const Pack<S, 4> w = *reinterpret_cast<const Pack<S, 4>*>(&memory.w[r0 + r][own_row()]);
#pragma unroll
      for (int p = 0; p < kParts; ++p) {
        const Pack<S, 4> v = *reinterpret_cast<const Pack<S, 4>*>(&memory.x[r][p * kSide + own_column()]);
#pragma unroll
        for (int i = 0; i < 4; ++i)
#pragma unroll
          for (int j = 0; j < 4; ++j) sum[i][p][j] = fma(w.v[i], v.v[j], sum[i][p][j]);
      }
    }
  }
}

/// Features that a launch of kParts covers; wider operands take several launches, which compute the same scores.
template <class S, class F>
void with_parts(int64_t features, F&& f) {
  if (features <= kSide)
    f(std::integral_constant<int, 1>{});
  else
    f(std::integral_constant<int, 2>{});
}

}  // namespace deepnet::gpu
