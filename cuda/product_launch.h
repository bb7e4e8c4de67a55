// Chooses tiles and slices for a product by its geometry and launches it.
#pragma once

#include "columns.h"
#include "mma_product.h"
#include "product.h"
#include "rows.h"
#include "runtime.h"

namespace deepnet::gpu {

/// Partial results (slices, outputs) added in order.
template <class S, class Out>
DN_KERNEL void add_slices(const S* partial, int slices, int64_t batch, int64_t M, int64_t N, Out out) {
  const int64_t total = batch * M * N;
  for (int64_t i = thread_id(); i < total; i += thread_count()) {
    S v = partial[i];
#pragma unroll 4
    for (int s = 1; s < slices; ++s) v = v + partial[s * total + i];
    const int64_t zm = quotient(i, N), z = quotient(zm, M);
    out.store(z, zm - z * M, i - zm * N, v);
  }
}

/// Partial results (slices, outputs), at most kTreeFan slices, combined by the tree.
template <class S, class Out>
DN_KERNEL void combine_slices(const S* partial, int64_t slices, int64_t batch, int64_t M, int64_t N, Out out) {
  const int64_t total = batch * M * N;
  for (int64_t i = thread_id(); i < total; i += thread_count()) {
    const S v = fan_in(partial, 0, slices, total, i, Adding<S>{});
    const int64_t zm = quotient(i, N), z = quotient(zm, M);
    out.store(z, zm - z * M, i - zm * N, v);
  }
}

inline int bit_width(int64_t n) {
  int bits = 0;
  for (; n > 0; n >>= 1) ++bits;
  return bits;
}

/// Cuts k so that `tiles` tiles fill the device, where the order of arithmetic allows it: a product of one group into single
/// blocks, a grouped one into aligned powers of two of groups.
inline ProductPlan plan_product(int64_t M, int64_t N, int64_t K, int64_t batch, int64_t group, int64_t tiles,
                                int multiprocessors) {
  ProductPlan p{M, N, K, batch, group > 0 && group < K ? group : larger(K, 1), 0, 0, 1, 0, false};
  const int64_t groups = ceil_div(larger(K, 1), p.group);
  if (groups == 1) {
    const int64_t blocks = ceil_div(K, kProductBlock);
    const bool cut = blocks > 1 && tiles * 2 <= multiprocessors;
    p.groups_per_slice = 1;
    p.slice = cut ? kProductBlock : larger(K, 1);
    p.slices = cut ? int(blocks) : 1;
  } else {
    // A quarter of the groups goes to each wave of blocks at most, and a slice holds 256 k's or more.
    int64_t per_slice = 1;
    while (per_slice < groups &&
           (per_slice * p.group < 256 || tiles * ceil_div(groups, per_slice) > 4 * int64_t(multiprocessors)))
      per_slice *= 2;
    p.groups_per_slice = per_slice;
    p.slice = per_slice * p.group;
    p.slices = int(ceil_div(groups, per_slice));
    p.levels = bit_width(smaller(per_slice, groups) - 1);
  }
  p.carries = smaller(p.group, p.slice) > kProductBlock;
  return p;
}

/// Adds or combines what a product's slices left.
template <class S, class Out>
void finish_product(Call& call, const S* partial, const ProductPlan& p, bool tree, Out out) {
  const int64_t outputs = p.batch * p.M * p.N;
  int64_t rows = p.slices;
  if (tree) {
    S* buffer = rows > kTreeFan ? call.scratch<S>(tree_rows(rows) * outputs) : nullptr;
    partial = tree_down(call, partial, buffer, rows, outputs, Adding<S>{});
    call.run_items(combine_slices<S, Out>, outputs, partial, rows, p.batch, p.M, p.N, out);
  } else {
    call.run_items(add_slices<S, Out>, outputs, partial, p.slices, p.batch, p.M, p.N, out);
  }
}

template <class T, class A, class B, class Out>
void run_tiles(Call& call, A a, B b, Out out, int64_t M, int64_t N, int64_t K, int64_t batch, int64_t group) {
  using S = typename T::S;
  const int64_t tiles = ceil_div(M, T::BM) * ceil_div(N, T::BN) * batch;
  const ProductPlan p = plan_product(M, N, K, batch, group, tiles, call.multiprocessors());
  const int64_t slots = p.levels + (p.carries ? 1 : 0);
  // Where sums wait in memory, as many blocks as run at once, so that the memory stays small and in the cache.
  const int64_t most = slots ? 2 * call.multiprocessors() : (int64_t(1) << 31) - 1;
  const int64_t blocks = smaller(tiles * p.slices, most);
  S* pending = slots ? call.scratch<S>(blocks * slots * T::TM * T::TN * T::kThreads) : nullptr;
  S* partial = p.slices > 1 ? call.scratch<S>(p.slices * batch * M * N) : nullptr;
  call.run(product_tiles<T, A, B, Out>, dim3(unsigned(blocks)), dim3(T::kThreads), 0, a, b, out, p, pending, partial);
  if (p.slices > 1) finish_product<S>(call, partial, p, p.group < K, out);
}

using LargeMmaTile = MmaTile<128, 128, 64, 32>;
using SmallMmaTile = MmaTile<64, 64, 32, 32>;

template <class T, class A, class B, class Out>
void run_mma_tiles(Call& call, A a, B b, Out out, int64_t M, int64_t N, int64_t K, int64_t batch) {
  const int64_t tiles = ceil_div(M, T::BM) * ceil_div(N, T::BN) * batch;
  // k is cut until the device is full, into parts of 256 or more.
  const int64_t wanted = larger(1, smaller(ceil_div(K, 256), 2 * call.multiprocessors() / larger(tiles, 1)));
  const int64_t slice = larger(T::BK, ceil_div(ceil_div(K, wanted), T::BK) * T::BK);
  const int slices = int(larger(1, ceil_div(K, slice)));
  float* partial = slices > 1 ? call.scratch<float>(slices * batch * M * N) : nullptr;
  call.run(mma_tiles<T, A, B, Out>, dim3(unsigned(tiles * slices)), dim3(T::kThreads), 0, a, b, out, M, N, K, slice, slices,
           batch, partial);
  if (slices > 1) call.run_items(add_slices<float, Out>, batch * M * N, partial, slices, batch, M, N, out);
}

template <class A, class B, class Out>
void run_mma(Call& call, A a, B b, Out out, int64_t M, int64_t N, int64_t K, int64_t batch) {
  if (ceil_div(M, 128) * ceil_div(N, 128) * batch * 2 >= call.multiprocessors() && M > 64 && N > 64)
    run_mma_tiles<LargeMmaTile>(call, a, b, out, M, N, K, batch);
  else
    run_mma_tiles<SmallMmaTile>(call, a, b, out, M, N, K, batch);
}

using LargeTile = Tile<float, 128, 128, 8, 8, 8>;
using MediumTile = Tile<float, 64, 64, 16, 4, 4>;
using SmallTile = Tile<float, 16, 64, 32, 4, 2>;
using DoubleTile = Tile<double, 64, 64, 16, 4, 4>;
using SmallDoubleTile = Tile<double, 16, 64, 32, 4, 2>;

/// y (M, N) = a b for each z < batch; one float type throughout.
template <class E, class A, class B, class Out>
void run_product(Call& call, A a, B b, Out out, int64_t M, int64_t N, int64_t K, int64_t batch, int64_t group) {
  if constexpr (sizeof(E) == 2) {
    run_mma(call, a, b, out, M, N, K, batch);
  } else if constexpr (sizeof(E) == 8) {
    if (M <= 16)
      run_tiles<SmallDoubleTile>(call, a, b, out, M, N, K, batch, group);
    else
      run_tiles<DoubleTile>(call, a, b, out, M, N, K, batch, group);
  } else {
    const int64_t large = ceil_div(M, 128) * ceil_div(N, 128) * batch;
    // Grouped products can be cut along k instead, so they keep large tiles for longer.
    const int64_t pieces = group > 0 && group < K ? larger(1, K / larger(group, 512)) : 1;
    if (M <= 16)
      run_tiles<SmallTile>(call, a, b, out, M, N, K, batch, group);
    else if (M > 64 && N > 64 && large * pieces >= call.multiprocessors())
      run_tiles<LargeTile>(call, a, b, out, M, N, K, batch, group);
    else
      run_tiles<MediumTile>(call, a, b, out, M, N, K, batch, group);
  }
}

}  // namespace deepnet::gpu
