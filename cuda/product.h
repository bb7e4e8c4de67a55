// Products as sums of tiles, in the order of backend/backend.h: k in blocks of 512, each output a chain of fused multiply-adds
// from zero; a group's first block is stored, the others are added in order; groups combine by the tree. Matrix products and
// convolutions differ only in where elements come from and where results go.
//
// An operand has `Element`, k_fast() (neighbouring threads should read neighbouring k's) and Rows<Fetch>, what a thread keeps
// of the elements that it fetches: start once, then get them at k after k. An output has store(z, m, n, value).
#pragma once

#include "device.h"
#include "math/scalar.h"

namespace deepnet::gpu {

constexpr int64_t kProductBlock = 512;

/// How a product's k (less than 2^31) is cut. A slice is the part of k that one block of threads takes; a product of several
/// slices leaves partial results (slices, batch, M, N).
struct ProductPlan {
  int64_t M, N, K, batch;
  int64_t group;             // K where the product is not grouped
  int64_t groups_per_slice;  // a power of two, or all
  int64_t slice;             // k's of a slice
  int slices;
  int levels;    // pending subtrees that a slice may hold
  bool carries;  // groups have more than one block
};

/// A tile of BM x BN outputs, BK k's at a time; each thread TM x TN of them, in pieces of VM x VN.
template <class S_, int BM_, int BN_, int BK_, int TM_, int TN_>
struct Tile {
  using S = S_;
  static constexpr int BM = BM_, BN = BN_, BK = BK_, TM = TM_, TN = TN_;
  static constexpr int kRows = BM / TM, kColumns = BN / TN, kThreads = kRows * kColumns;
  static constexpr int VM = TM < 4 ? TM : 4, VN = TN < 4 ? TN : 4;
  static constexpr int kPad = 4;  // keeps rows 16-byte aligned and spreads columns over the banks
};

template <class S, int n>
struct alignas(sizeof(S) * n < 16 ? sizeof(S) * n : 16) Pack {
  S v[n];
};

/// Which elements of a ROWS x BK tile a thread fetches: row0 + e * kRowStep at k0 where k is fast, else row0 at k0 + e *
/// kKStep, for e < kCount.
template <int ROWS_, int BK_, int THREADS_>
struct Fetch {
  static constexpr int ROWS = ROWS_, BK = BK_, THREADS = THREADS_;
  static constexpr int kCount = ROWS * BK / THREADS, kRowStep = THREADS / BK, kKStep = THREADS / ROWS;
  static_assert(THREADS % BK == 0 && THREADS % ROWS == 0, "");
  static DN_DEVICE int row0(bool k_fast) { return k_fast ? int(threadIdx.x) / BK : int(threadIdx.x) % ROWS; }
  static DN_DEVICE int k0(bool k_fast) { return k_fast ? int(threadIdx.x) % BK : int(threadIdx.x) / ROWS; }
};

/// Walks through the steps of a slice: [k, min(k + BK, block_end)).
struct Cursor {
  int k, block_end, group_end, end;
  DN_DEVICE Cursor(int begin, int end_, int group) : k(begin), end(end_) {
    group_end = first_of(begin + int64_t(group), end);
    block_end = first_of(begin + int64_t(kProductBlock), group_end);
  }
  static DN_DEVICE int first_of(int64_t a, int b) { return a < b ? int(a) : b; }
  /// Sets whether the step just done closed its block and its group.
  DN_DEVICE void advance(int step, int group, bool& closes_block, bool& closes_group) {
    k = first_of(int64_t(k) + step, block_end);
    closes_block = k == block_end;
    closes_group = k == group_end;
    if (closes_group) group_end = first_of(int64_t(group_end) + group, end);
    if (closes_block) block_end = first_of(k + int64_t(kProductBlock), group_end);
  }
};

/// The i'th tile: neighbours share rows of the left operand and stay near in the other.
DN_INLINE void tile_position(int64_t i, int64_t tiles_m, int64_t tiles_n, int64_t& m, int64_t& n) {
  constexpr int64_t kBand = 8;
  const int64_t per_band = kBand * tiles_n, band = quotient(i, per_band), inside = i - band * per_band;
  const int64_t height = smaller(kBand, tiles_m - band * kBand);
  n = quotient(inside, height);
  m = band * kBand + inside - n * height;
}

/// One tile of one slice of one z, and the k's that it sums over.
struct TilePlace {
  int64_t m0, n0, z, slice;
  int begin, end;
  DN_DEVICE void find(int64_t work, const ProductPlan& plan, int BM, int BN) {
    const int64_t tiles_m = ceil_div(plan.M, BM), tiles_n = ceil_div(plan.N, BN), tiles = tiles_m * tiles_n;
    const int64_t outer = quotient(work, tiles);
    int64_t tile_m, tile_n;
    tile_position(work - outer * tiles, tiles_m, tiles_n, tile_m, tile_n);
    z = quotient(outer, plan.slices);
    slice = outer - z * plan.slices;
    m0 = tile_m * BM;
    n0 = tile_n * BN;
    begin = int(slice * plan.slice);
    end = int(smaller(begin + plan.slice, plan.K));
  }
};

/// Blocks stride over all tiles of all slices of all z's; partial (slices, batch, M, N) where there are several slices. What
/// waits between blocks and groups lies thread by thread: pending (grid, slots, elements, threads).
template <class T, class A, class B, class Out>
DN_KERNEL void __launch_bounds__(T::kThreads, T::kThreads == 256 && sizeof(typename T::S) == 4 ? 2 : 1)
    product_tiles(A a, B b, Out out, ProductPlan plan, typename T::S* pending, typename T::S* partial) {
  using S = typename T::S;
  constexpr int kElements = T::TM * T::TN;
  alignas(16) __shared__ S as[2][T::BK][T::BM + T::kPad];
  alignas(16) __shared__ S bs[2][T::BK][T::BN + T::kPad];

  __shared__ TilePlace place;  // not in registers: sums need them all

  using FetchA = Fetch<T::BM, T::BK, T::kThreads>;
  using FetchB = Fetch<T::BN, T::BK, T::kThreads>;
  [[maybe_unused]] constexpr int kUnroll = T::TM * T::TN < 64 ? T::BK : 2;  // what is read ahead takes registers, too
  constexpr int kPitchA = T::BM + T::kPad, kPitchB = T::BN + T::kPad;
  const int slot_a = FetchA::k0(a.k_fast()) * kPitchA + FetchA::row0(a.k_fast());
  const int slot_b = FetchB::k0(b.k_fast()) * kPitchB + FetchB::row0(b.k_fast());
  const int ty = threadIdx.x / T::kColumns, tx = threadIdx.x % T::kColumns;
  S* const waiting =
      pending + int64_t(blockIdx.x) * (plan.levels + (plan.carries ? 1 : 0)) * kElements * T::kThreads + threadIdx.x;

  S next_a[FetchA::kCount], next_b[FetchB::kCount], acc[T::TM][T::TN];
  auto keep = [&](int stage) {
    S* to_a = &as[stage][0][0] + slot_a;
    S* to_b = &bs[stage][0][0] + slot_b;
#pragma unroll
    for (int e = 0; e < FetchA::kCount; ++e) to_a[e * (a.k_fast() ? FetchA::kRowStep : FetchA::kKStep * kPitchA)] = next_a[e];
#pragma unroll
    for (int e = 0; e < FetchB::kCount; ++e) to_b[e * (b.k_fast() ? FetchB::kRowStep : FetchB::kKStep * kPitchB)] = next_b[e];
  };
  auto add_slot = [&](int slot) {
    const S* from = waiting + int64_t(slot) * kElements * T::kThreads;
#pragma unroll
    for (int i = 0; i < T::TM; ++i)
#pragma unroll
      for (int j = 0; j < T::TN; ++j) acc[i][j] = from[(i * T::TN + j) * T::kThreads] + acc[i][j];
  };
  auto put_slot = [&](int slot) {
    S* to = waiting + int64_t(slot) * kElements * T::kThreads;
#pragma unroll
    for (int i = 0; i < T::TM; ++i)
#pragma unroll
      for (int j = 0; j < T::TN; ++j) {
        to[(i * T::TN + j) * T::kThreads] = acc[i][j];
        acc[i][j] = S(0);
      }
  };

  const int64_t tiles = ceil_div(plan.M, T::BM) * ceil_div(plan.N, T::BN);
  for (int64_t work = blockIdx.x; work < tiles * plan.slices * plan.batch; work += gridDim.x) {
    __syncthreads();
    if (threadIdx.x == 0) place.find(work, plan, T::BM, T::BN);
    __syncthreads();
    const int begin = place.begin, end = place.end, group = int(plan.group);

    typename A::template Rows<FetchA> rows_a;
    typename B::template Rows<FetchB> rows_b;
    rows_a.start(a, place.z, place.m0, plan.M);
    rows_b.start(b, place.z, place.n0, plan.N);
    // Beyond a block's end -0 * 0 is added, which leaves every sum as it is.
    auto load = [&](int k, int k_end) {
      rows_a.get(a, k, k_end, S(-0.0), next_a);
      rows_b.get(b, k, k_end, S(0), next_b);
    };
#pragma unroll
    for (int i = 0; i < T::TM; ++i)
#pragma unroll
      for (int j = 0; j < T::TN; ++j) acc[i][j] = S(0);

    Cursor cursor(begin, end, group);
    bool fresh_group = true;
    int groups = 0;  // closed so far
    int stage = 0;
    if (begin < end) {
      load(begin, cursor.block_end);
      keep(0);
    }
    __syncthreads();
    for (int k = begin; k < end;) {
      bool closes_block, closes_group;
      cursor.advance(T::BK, group, closes_block, closes_group);
      k = cursor.k;
      if (k < end) load(k, cursor.block_end);
#pragma unroll kUnroll
      for (int kk = 0; kk < T::BK; ++kk) {
        Pack<S, T::VM> fa[T::TM / T::VM];
        Pack<S, T::VN> fb[T::TN / T::VN];
#pragma unroll
        for (int p = 0; p < T::TM / T::VM; ++p)
          fa[p] = *reinterpret_cast<const Pack<S, T::VM>*>(&as[stage][kk][(p * T::kRows + ty) * T::VM]);
#pragma unroll
        for (int p = 0; p < T::TN / T::VN; ++p)
          fb[p] = *reinterpret_cast<const Pack<S, T::VN>*>(&bs[stage][kk][(p * T::kColumns + tx) * T::VN]);
#pragma unroll
        for (int i = 0; i < T::TM; ++i)
#pragma unroll
          for (int j = 0; j < T::TN; ++j) acc[i][j] = fma(fa[i / T::VM].v[i % T::VM], fb[j / T::VN].v[j % T::VN], acc[i][j]);
      }
      if (closes_block) {
        if (!fresh_group) add_slot(plan.levels);
        fresh_group = closes_group;
        if (!closes_group) {
          put_slot(plan.levels);
        } else {
          // A binary counter of pending subtrees; at the slice's end they are folded, smallest first.
          int level = 0;
          for (; groups >> level & 1; ++level) add_slot(level);
          ++groups;
          if (k < end) {
            put_slot(level);
          } else {
            for (++level; groups >> level; ++level)
              if (groups >> level & 1) add_slot(level);
          }
        }
      }
      if (k < end) keep(stage ^ 1);
      stage ^= 1;
      __syncthreads();
    }

#pragma unroll
    for (int i = 0; i < T::TM; ++i) {
      const int64_t m = place.m0 + (i / T::VM * T::kRows + ty) * T::VM + i % T::VM;
      if (m >= plan.M) continue;
#pragma unroll
      for (int j = 0; j < T::TN; ++j) {
        const int64_t n = place.n0 + (j / T::VN * T::kColumns + tx) * T::VN + j % T::VN;
        if (n >= plan.N) continue;
        if (plan.slices > 1)
          partial[((place.slice * plan.batch + place.z) * plan.M + m) * plan.N + n] = acc[i][j];
        else
          out.store(place.z, m, n, acc[i][j]);
      }
    }
  }
}

/// The one element of a thread that works alone.
struct FetchOne {
  static constexpr int kCount = 1, kRowStep = 0, kKStep = 0;
  static DN_DEVICE int row0(bool) { return 0; }
  static DN_DEVICE int k0(bool) { return 0; }
};

/// A thread for each output: for products too thin for tiles (depthwise convolutions). One group, one slice.
template <class S, class A, class B, class Out>
DN_KERNEL void product_threads(A a, B b, Out out, ProductPlan plan) {
  const int64_t total = plan.batch * plan.M * plan.N;
  for (int64_t i = thread_id(); i < total; i += thread_count()) {
    const int64_t zm = quotient(i, plan.N), n = i - zm * plan.N, z = quotient(zm, plan.M), m = zm - z * plan.M;
    typename A::template Rows<FetchOne> row_a;
    typename B::template Rows<FetchOne> row_b;
    row_a.start(a, z, m, plan.M);
    row_b.start(b, z, n, plan.N);
    S total_of_blocks = S(0);
    for (int first = 0; first < plan.K; first += kProductBlock) {
      const int last = int(smaller(first + kProductBlock, plan.K));
      S acc = S(0);
      for (int k = first; k < last; ++k) {
        typename A::Element x[1];
        typename B::Element w[1];
        row_a.get(a, k, last, typename A::Element{}, x);
        row_b.get(b, k, last, typename B::Element{}, w);
        acc = fma(widen(x[0]), widen(w[0]), acc);
      }
      total_of_blocks = first == 0 ? acc : total_of_blocks + acc;
    }
    out.store(z, m, n, total_of_blocks);
  }
}

}  // namespace deepnet::gpu
