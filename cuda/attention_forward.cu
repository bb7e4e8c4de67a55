// Scaled dot-product attention: a block for each tile of 64 queries, keys in tiles of 64 in order.
//
//   score = (q · k) * scale + mask, q · k a chain of fma over d; keys that a query may not see score -inf
//   m' = max(m, scores of the tile), a = exp(m - m'), p = exp(score - m')   (0 in place of an m' of -inf)
//   l = fma(l, a, sum of p), a chain over s; o = o * a + p · v, p · v a chain of fma over s from zero, the product added last
//   out = o * (1 / l), or 0 where l = 0; lse = m + log(l)
#include "attention_tile.h"
#include "cuda_backend.h"

namespace deepnet::gpu {
namespace {

template <class T, int kParts>
DN_KERNEL void __launch_bounds__(kAttentionThreads)
    attend(AttentionSizes z, const T* q, const T* k, const T* v, T* out, Compute<T> scale, int64_t first) {
  using S = Compute<T>;
  using Memory = TileMemory<S, kParts>;
  DN_DYNAMIC_SHARED(Memory, block);
  Memory& memory = *block;
  S *max = memory.row[0], *base = memory.row[1], *factor = memory.row[2], *total = memory.row[3];

  const int64_t tiles = ceil_div(z.queries, kSide), b = quotient(blockIdx.x, tiles), t0 = (blockIdx.x - b * tiles) * kSide;
  const int64_t nt = smaller(kSide, z.queries - t0);
  const int row = own_row(), column = own_column(), tid = threadIdx.x;
  const T* queries = q + (b * z.queries + t0) * z.D;
  if (tid < kSide) {
    max[tid] = S(-__builtin_inf());
    total[tid] = S(0);
  }
  S o[4][kParts][4] = {};
  const int64_t key_tiles = z.key_tiles_before(t0 + nt);
  for (int64_t tile = 0; tile < key_tiles; ++tile) {
    const int64_t s0 = tile * kSide, ns = smaller(kSide, z.keys - s0);
    S x[4][4];
    dot_tile(queries, nt, k + (b * z.keys + s0) * z.D, ns, z.D, memory, x);
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const bool here = row + i < nt && column + j < ns;
        x[i][j] = here ? z.score(x[i][j], scale, b, t0 + row + i, s0 + column + j) : S(-__builtin_inf());
        memory.w[column + j][row + i] = x[i][j];
      }
    __syncthreads();
    if (tid < kSide) {
      S most = S(-__builtin_inf());
      for (int s = 0; s < ns; ++s) most = vmax(most, memory.w[s][tid]);
      const S before = max[tid], after = vmax(before, most), m = after == S(-__builtin_inf()) ? S(0) : after;
      max[tid] = after;
      base[tid] = m;
      factor[tid] = math::exp(before - m);
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j) memory.w[column + j][row + i] = math::exp(x[i][j] - base[row + i]);
    __syncthreads();
    if (tid < kSide) {
      S sum = S(0);
      for (int s = 0; s < ns; ++s) sum = sum + memory.w[s][tid];
      total[tid] = fma(total[tid], factor[tid], sum);
    }
    S product[4][kParts][4];
    weigh_rows(v + (b * z.keys + s0) * z.E, ns, first, z.E, memory, product);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const S f = factor[row + i];
#pragma unroll
      for (int p = 0; p < kParts; ++p)
#pragma unroll
        for (int j = 0; j < 4; ++j) o[i][p][j] = tile == 0 ? product[i][p][j] : o[i][p][j] * f + product[i][p][j];
    }
    __syncthreads();  // before the next tile's scores take the place of these weights
  }
  __syncthreads();
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    if (row + i >= nt) continue;
    const S sum = total[row + i], inverse = sum == S(0) ? S(0) : S(1) / sum;
    T* to = out + (b * z.queries + t0 + row + i) * z.E;
#pragma unroll
    for (int p = 0; p < kParts; ++p)
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const int64_t e = first + p * kSide + column + j;
        if (e < z.E) to[e] = narrow<T>(o[i][p][j] * inverse);
      }
  }
  if (z.lse && first == 0 && tid < nt)
    store_any<S>(z.lse, z.lse_dtype, b * z.lse_b + (t0 + tid) * z.lse_t, max[tid] + math::log(total[tid]));
}

}  // namespace

void CudaBackend::attention_forward(const View& q, const View& k, const View& v, const View& mask, const View& out,
                                    const View& lse, double scale, bool causal) {
  Call call(device_, "attention");
  const AttentionSizes z(q, k, v, mask, lse, causal);
  const int64_t blocks = z.B * z.query_tiles();
  if (blocks == 0) return;
  visit_floats(q.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using S = Compute<T>;
    with_parts<S>(z.E, [&](auto parts) {
      constexpr int kParts = decltype(parts)::value;
      for (int64_t first = 0; first == 0 || first < z.E; first += kParts * kSide)
        call.run(attend<T, kParts>, dim3(unsigned(blocks)), dim3(kAttentionThreads), sizeof(TileMemory<S, kParts>), z,
                 q.as<T>(), k.as<T>(), v.as<T>(), out.as<T>(), S(scale), first);
    });
  });
}

}  // namespace deepnet::gpu
