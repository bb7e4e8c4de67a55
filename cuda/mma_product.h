// Products of float16 and bfloat16 on tensor cores, accumulated in float32. The same bits from run to run; no promise across
// devices.
#pragma once

#include "mma.h"
#include "operands.h"
#include "product.h"
#include "runtime.h"

namespace deepnet::gpu {

/// A matrix of 16-bit elements whose k (kFastK) or rows lie side by side, read eight at a time where `aligned`.
template <class E_, bool kFastK>
struct VectorOperand {
  using Element = E_;
  const E_* data;
  int64_t sz, pitch;  // pitch: from row to row (kFastK), or from k to k
  bool aligned;       // every run of eight lies on 16 bytes
  static DN_DEVICE constexpr bool k_fast() { return kFastK; }
};

/// Shared memory of ROWS x 32 elements: rows of k's where kFastK, else k's of rows. The pads keep 16-byte alignment and lead
/// the eight rows of a matrix to different banks.
template <int ROWS, bool kFastK>
struct MmaTileMemory {
  static constexpr int BK = 32, kPitch = kFastK ? BK + 8 : ROWS + 8, kSize = kFastK ? ROWS * kPitch : BK * kPitch;
  static DN_DEVICE int at(int row, int k) { return kFastK ? row * kPitch + k : k * kPitch + row; }
};

/// Brings a tile of any operand to shared memory, element by element.
template <class Operand, int ROWS, int THREADS>
struct MmaLoader {
  using E = typename Operand::Element;
  using Memory = MmaTileMemory<ROWS, Operand::k_fast()>;
  using F = Fetch<ROWS, Memory::BK, THREADS>;
  static constexpr bool kFastK = Operand::k_fast();
  typename Operand::template Rows<F> rows;
  E next[F::kCount];

  DN_DEVICE void start(const Operand& o, int64_t z, int64_t first, int64_t limit) { rows.start(o, z, first, limit); }
  DN_DEVICE void fetch(const Operand& o, int k_first, int k_end) { rows.get(o, k_first, k_end, E{}, next); }
  DN_DEVICE void keep(uint16_t* memory) const {
    const int row = F::row0(kFastK), k = F::k0(kFastK);
#pragma unroll
    for (int e = 0; e < F::kCount; ++e)
      memory[kFastK ? Memory::at(row + e * F::kRowStep, k) : Memory::at(row, k + e * F::kKStep)] = next[e].bits;
  }
};

/// The same for runs of eight.
template <class E_, bool kFastK, int ROWS, int THREADS>
struct MmaLoader<VectorOperand<E_, kFastK>, ROWS, THREADS> {
  using Memory = MmaTileMemory<ROWS, kFastK>;
  static constexpr int kRuns = (kFastK ? Memory::BK : ROWS) / 8, kCount = ROWS * Memory::BK / 8 / THREADS;
  const E_* base;
  int64_t first_, limit_;
  uint4 next[kCount];

  // Run v of line l: k's of a row, or rows of a k.
  DN_DEVICE int run(int e) const { return (int(threadIdx.x) + e * THREADS) % kRuns * 8; }
  DN_DEVICE int line(int e) const { return (int(threadIdx.x) + e * THREADS) / kRuns; }
  DN_DEVICE void start(const VectorOperand<E_, kFastK>& o, int64_t z, int64_t first, int64_t limit) {
    base = o.data + z * o.sz;
    first_ = first;
    limit_ = limit;
  }
  DN_DEVICE void fetch(const VectorOperand<E_, kFastK>& o, int k_first, int k_end) {
#pragma unroll
    for (int e = 0; e < kCount; ++e) {
      const int64_t l = line(e) + (kFastK ? first_ : k_first), r = run(e) + (kFastK ? k_first : first_);
      const int64_t lines = kFastK ? limit_ : k_end, runs = kFastK ? k_end : limit_;
      const E_* p = base + l * o.pitch + r;
      uint4 v{0, 0, 0, 0};
      if (l < lines) {
        if (o.aligned && r + 8 <= runs) {
          v = *reinterpret_cast<const uint4*>(p);
        } else {
          uint32_t pair[4] = {0, 0, 0, 0};
#pragma unroll
          for (int i = 0; i < 8; ++i)
            if (r + i < runs) pair[i / 2] |= uint32_t(p[i].bits) << (i % 2 * 16);
          v = uint4{pair[0], pair[1], pair[2], pair[3]};
        }
      }
      next[e] = v;
    }
  }
  DN_DEVICE void keep(uint16_t* memory) const {
#pragma unroll
    for (int e = 0; e < kCount; ++e)
      *reinterpret_cast<uint4*>(memory + (kFastK ? Memory::at(line(e), run(e)) : Memory::at(run(e), line(e)))) = next[e];
  }
};

/// BM x BN outputs by warps of WM x WN.
template <int BM_, int BN_, int WM_, int WN_>
struct MmaTile {
  static constexpr int BM = BM_, BN = BN_, BK = 32, WM = WM_, WN = WN_;
  static constexpr int kWarpsN = BN / WN, kThreads = BM / WM * kWarpsN * kWarp;
};

template <class T, class A, class B, class Out>
DN_KERNEL void __launch_bounds__(T::kThreads)
    mma_tiles(A a, B b, Out out, int64_t M, int64_t N, int64_t K, int64_t slice, int slices, int64_t batch, float* partial) {
  using E = typename A::Element;
  using LoadA = MmaLoader<A, T::BM, T::kThreads>;
  using LoadB = MmaLoader<B, T::BN, T::kThreads>;
  using MemoryA = typename LoadA::Memory;
  using MemoryB = typename LoadB::Memory;
  constexpr bool kFastA = A::k_fast(), kFastB = B::k_fast();
  constexpr int kTilesM = T::WM / 16, kTilesN = T::WN / 8;
  alignas(16) __shared__ uint16_t as[2][MemoryA::kSize];
  alignas(16) __shared__ uint16_t bs[2][MemoryB::kSize];

  const int64_t tiles_m = ceil_div(M, T::BM), tiles_n = ceil_div(N, T::BN), tiles = tiles_m * tiles_n;
  const int64_t outer = quotient(blockIdx.x, tiles), z = quotient(outer, slices), part = outer - z * slices;
  int64_t tile_m, tile_n;
  tile_position(blockIdx.x - outer * tiles, tiles_m, tiles_n, tile_m, tile_n);
  const int64_t m0 = tile_m * T::BM, n0 = tile_n * T::BN;
  const int begin = int(part * slice), end = int(smaller(begin + slice, K));
  const int lane = threadIdx.x & 31, warp = threadIdx.x / kWarp;
  const int wm = warp / T::kWarpsN * T::WM, wn = warp % T::kWarpsN * T::WN;

  LoadA load_a;
  LoadB load_b;
  load_a.start(a, z, m0, M);
  load_b.start(b, z, n0, N);
  float acc[kTilesM][kTilesN][4] = {};

  if (begin < end) {
    load_a.fetch(a, begin, end);
    load_b.fetch(b, begin, end);
    load_a.keep(as[0]);
    load_b.keep(bs[0]);
  }
  __syncthreads();
  int stage = 0;
  for (int k = begin; k < end; k += T::BK) {
    const bool more = k + T::BK < end;
    if (more) {
      load_a.fetch(a, k + T::BK, end);
      load_b.fetch(b, k + T::BK, end);
    }
#pragma unroll
    for (int kk = 0; kk < T::BK; kk += 16) {
      uint32_t fa[kTilesM][4], fb[kTilesN / 2][4];
#pragma unroll
      for (int i = 0; i < kTilesM; ++i) {
        const int row = wm + i * 16 + (kFastA ? lane % 16 : lane / 8 % 2 * 8);
        const int at_k = kk + (kFastA ? lane / 16 * 8 : lane % 8 + lane / 16 * 8);
        load_matrices<!kFastA>(fa[i], as[stage] + MemoryA::at(row, at_k));
      }
#pragma unroll
      for (int j = 0; j < kTilesN / 2; ++j) {
        const int row = wn + j * 16 + (kFastB ? lane % 8 + lane / 16 * 8 : lane / 16 * 8);
        const int at_k = kk + (kFastB ? lane / 8 % 2 * 8 : lane % 16);
        load_matrices<!kFastB>(fb[j], bs[stage] + MemoryB::at(row, at_k));
      }
#pragma unroll
      for (int i = 0; i < kTilesM; ++i)
#pragma unroll
        for (int j = 0; j < kTilesN; ++j) mma<E>(acc[i][j], fa[i], fb[j / 2][j % 2 * 2], fb[j / 2][j % 2 * 2 + 1]);
    }
    if (more) {
      load_a.keep(as[stage ^ 1]);
      load_b.keep(bs[stage ^ 1]);
    }
    stage ^= 1;
    __syncthreads();
  }

#pragma unroll
  for (int i = 0; i < kTilesM; ++i)
#pragma unroll
    for (int j = 0; j < kTilesN; ++j)
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int64_t m = m0 + wm + i * 16 + lane / 4 + e / 2 * 8, n = n0 + wn + j * 8 + lane % 4 * 2 + e % 2;
        if (m >= M || n >= N) continue;
        if (slices > 1)
          partial[((part * batch + z) * M + m) * N + n] = acc[i][j][e];
        else
          out.store(z, m, n, acc[i][j][e]);
      }
}

}  // namespace deepnet::gpu
