// The `rows` order of backend/backend.h on a GPU: a warp is the 32 lanes of a chunk, its shuffles the tree over lanes.
//
// An op has identity(), step(acc, x) and combine(a, b), and identities are exact, so a lane that got no element is as good as
// skipped.
#pragma once

#include "device.h"
#include "math/scalar.h"

namespace deepnet::gpu {

constexpr int64_t kChunk = 1024;

template <class S>
struct Pair {
  S a, b;
};

template <class S>
DN_DEVICE S exchange_xor(S v, int mask) {
  return __shfl_xor_sync(kAllLanes, v, mask);
}
template <class S>
DN_DEVICE Pair<S> exchange_xor(Pair<S> v, int mask) {
  return {exchange_xor(v.a, mask), exchange_xor(v.b, mask)};
}

/// The tree over the 32 lanes; every lane gets it.
template <class S, class Op>
DN_DEVICE S warp_tree(S acc, Op op) {
  const int lane = threadIdx.x & (kWarp - 1);
#pragma unroll
  for (int d = 1; d < kWarp; d *= 2) {
    const S other = exchange_xor(acc, d);
    acc = (lane & d) ? op.combine(other, acc) : op.combine(acc, other);
  }
  return acc;
}

/// Elements [begin, begin + n) of a row, n <= kChunk, by a whole warp; every lane gets the result.
template <class S, class Op, class Load>
DN_DEVICE S warp_chunk(int64_t begin, int64_t n, Op op, Load load) {
  S acc = op.identity();
#pragma unroll 4
  for (int i = threadIdx.x & (kWarp - 1); i < int(n); i += kWarp) acc = op.step(acc, load(begin + i));
  return warp_tree(acc, op);
}

/// What a block needs to fold a row: up to kSlots values at once, their groups of 32, and a binary counter for longer rows.
template <class S>
struct FoldMemory {
  static constexpr int kSlots = 1024, kLevels = 32;
  S slots[kSlots], groups[kWarp], levels[kLevels];
};

/// The tree over value(0), ..., value(n - 1) by a whole block; value is called by whole warps and must give every lane its
/// result. Every thread gets the tree's.
template <class S, class Op, class Value>
DN_DEVICE S block_tree(int64_t n, Op op, FoldMemory<S>& memory, Value value) {
  const int lane = threadIdx.x & (kWarp - 1), warp = threadIdx.x / kWarp, warps = blockDim.x / kWarp;
  const int64_t spans = ceil_div(n, FoldMemory<S>::kSlots);
  S result = op.identity();
  for (int64_t span = 0; span < spans; ++span) {
    const int64_t first = span * FoldMemory<S>::kSlots;
    const int count = int(smaller(FoldMemory<S>::kSlots, n - first));
    __syncthreads();
    for (int c = warp; c < count; c += warps) {
      const S v = value(first + c);
      if (lane == 0) memory.slots[c] = v;
    }
    __syncthreads();
    const int groups = (count + kWarp - 1) / kWarp;
    if (groups == 1) {
      result = warp_tree(lane < count ? memory.slots[lane] : op.identity(), op);
    } else {
      for (int g = warp; g < groups; g += warps) {
        const int i = g * kWarp + lane;
        const S v = warp_tree(i < count ? memory.slots[i] : op.identity(), op);
        if (lane == 0) memory.groups[g] = v;
      }
      __syncthreads();
      result = warp_tree(lane < groups ? memory.groups[lane] : op.identity(), op);
    }
    if (spans > 1 && threadIdx.x == 0) {  // a binary counter of pending subtrees
      int level = 0;
      for (int64_t c = span; c & 1; c >>= 1, ++level) result = op.combine(memory.levels[level], result);
      memory.levels[level] = result;
    }
  }
  if (spans > 1) {
    if (threadIdx.x == 0) {
      bool any = false;
      int level = 0;
      for (int64_t c = spans; c; c >>= 1, ++level) {
        if (!(c & 1)) continue;
        result = any ? op.combine(memory.levels[level], result) : memory.levels[level];
        any = true;
      }
      memory.groups[0] = result;
    }
    __syncthreads();
    result = memory.groups[0];
  }
  return result;
}

/// A row of n <= kChunk elements by a warp, eight rows to a block.
struct WarpTeam {
  static constexpr int kThreads = 256, kRowsPerBlock = kThreads / kWarp;
  template <class S>
  struct Memory {};

  static dim3 grid(int64_t rows) { return dim3(unsigned(ceil_div(rows, kRowsPerBlock))); }
  static DN_DEVICE int64_t row() { return int64_t(blockIdx.x) * kRowsPerBlock + threadIdx.x / kWarp; }
  static DN_DEVICE int rank() { return threadIdx.x & (kWarp - 1); }
  static DN_DEVICE int size() { return kWarp; }
  static DN_DEVICE void sync() { __syncwarp(); }
  template <class S, class Op, class Load>
  static DN_DEVICE S reduce(int64_t n, Op op, Memory<S>&, Load load) {
    return warp_chunk<S>(0, n, op, load);
  }
};

/// A row of any length by a block.
struct BlockTeam {
  static constexpr int kThreads = 256, kRowsPerBlock = 1;
  template <class S>
  using Memory = FoldMemory<S>;

  static dim3 grid(int64_t rows) { return dim3(unsigned(ceil_div(rows, kRowsPerBlock))); }
  static DN_DEVICE int64_t row() { return blockIdx.x; }
  static DN_DEVICE int rank() { return threadIdx.x; }
  static DN_DEVICE int size() { return kThreads; }
  static DN_DEVICE void sync() { __syncthreads(); }
  template <class S, class Op, class Load>
  static DN_DEVICE S reduce(int64_t n, Op op, Memory<S>& memory, Load load) {
    return block_tree(ceil_div(n, kChunk), op, memory,
                      [&](int64_t c) { return warp_chunk<S>(c * kChunk, smaller(kChunk, n - c * kChunk), op, load); });
  }
};

/// Calls f(WarpTeam{}) or f(BlockTeam{}), whichever suits rows of n.
template <class F>
void with_team(int64_t n, F&& f) {
  if (n <= kChunk)
    f(WarpTeam{});
  else
    f(BlockTeam{});
}

template <class S>
struct Adding {
  DN_DEVICE S identity() const { return S(-0.0); }
  DN_DEVICE S step(S acc, S x) const { return acc + x; }
  DN_DEVICE S combine(S a, S b) const { return a + b; }
};

/// Two sums at once.
template <class S>
struct AddingPairs {
  DN_DEVICE Pair<S> identity() const { return {S(-0.0), S(-0.0)}; }
  DN_DEVICE Pair<S> step(Pair<S> acc, Pair<S> x) const { return {acc.a + x.a, acc.b + x.b}; }
  DN_DEVICE Pair<S> combine(Pair<S> a, Pair<S> b) const { return {a.a + b.a, a.b + b.b}; }
};

/// Squares by chains of fma.
template <class S>
struct AddingSquares : Adding<S> {
  DN_DEVICE S step(S acc, S x) const { return fma(x, x, acc); }
};

/// The sum of a, and of a b by chains of fma.
template <class S>
struct AddingDot : AddingPairs<S> {
  DN_DEVICE Pair<S> step(Pair<S> acc, Pair<S> x) const { return {acc.a + x.a, fma(x.a, x.b, acc.b)}; }
};

/// NaN wins.
template <class S>
struct Largest {
  DN_DEVICE S identity() const { return S(-__builtin_inf()); }
  DN_DEVICE S combine(S a, S b) const { return a != a ? a : a > b ? a : b; }
  DN_DEVICE S step(S acc, S x) const { return combine(acc, x); }
};
template <class S>
struct Smallest {
  DN_DEVICE S identity() const { return S(__builtin_inf()); }
  DN_DEVICE S combine(S a, S b) const { return a != a ? a : a < b ? a : b; }
  DN_DEVICE S step(S acc, S x) const { return combine(acc, x); }
};

}  // namespace deepnet::gpu
