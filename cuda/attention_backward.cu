// The gradients of scaled dot-product attention; the probabilities are recomputed, tile by tile of 64 queries and 64 keys.
//
//   p = exp(score - lse), scores as in the forward; dp = dout · v, a chain of fma over e
//   ds = (p * (dp - delta)) * scale, delta = sum(out * dout), a sum by rows of fma chains
//   dv: tiles of queries in order, each sum(p * dout) a chain of fma over t from zero, added; dk alike: sum(ds * q)
//   dq: tiles of keys in order, each sum(ds * k) a chain of fma over s from zero, added
#include "attention_tile.h"
#include "cuda_backend.h"

namespace deepnet::gpu {
namespace {

template <class S>
struct RowDot : Adding<S> {
  DN_DEVICE S step(S acc, Pair<S> x) const { return fma(x.a, x.b, acc); }
};

/// delta and lse (B, T) dense; lse: 0 in place of -inf, where a query sees nothing.
template <class Team, class T>
DN_KERNEL void __launch_bounds__(Team::kThreads)
    prepare_rows(AttentionSizes z, const T* out, const T* dout, Compute<T>* delta, Compute<T>* base) {
  using S = Compute<T>;
  __shared__ typename Team::template Memory<S> memory;
  const int64_t r = Team::row();
  if (r >= z.B * z.queries) return;
  const T *y = out + r * z.E, *dy = dout + r * z.E;
  const S dot =
      Team::template reduce<S>(z.E, RowDot<S>{}, memory, [&](int64_t i) { return Pair<S>{widen(y[i]), widen(dy[i])}; });
  if (Team::rank() != 0) return;
  const int64_t b = quotient(r, z.queries);
  const S l = load_any<S>(z.lse, z.lse_dtype, b * z.lse_b + (r - b * z.queries) * z.lse_t);
  delta[r] = dot;
  base[r] = l == S(-__builtin_inf()) ? S(0) : l;
}

enum Wanted { kQueries, kKeys, kValues };

template <class T>
struct Operands {
  const T *q, *k, *v, *dout;
  const Compute<T>*delta, *base;
  Compute<T> scale;
};

/// The weights of one tile, in memory.w by the row that is summed over: p for the values, else ds.
template <Wanted kWanted, class T, class S, int kParts>
DN_DEVICE void weights(const AttentionSizes& z, const Operands<T>& in, int64_t b, int64_t t0, int64_t s0,
                       TileMemory<S, kParts>& memory) {
  const int64_t nt = smaller(kSide, z.queries - t0), ns = smaller(kSide, z.keys - s0);
  const int row = own_row(), column = own_column();
  S x[4][4], dp[4][4];
  dot_tile(in.q + (b * z.queries + t0) * z.D, nt, in.k + (b * z.keys + s0) * z.D, ns, z.D, memory, x);
  if constexpr (kWanted != kValues)
    dot_tile(in.dout + (b * z.queries + t0) * z.E, nt, in.v + (b * z.keys + s0) * z.E, ns, z.E, memory, dp);
#pragma unroll
  for (int i = 0; i < 4; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      S w = S(0);
      if (row + i < nt && column + j < ns) {
        const int64_t t = t0 + row + i;
        w = math::exp(z.score(x[i][j], in.scale, b, t, s0 + column + j) - in.base[b * z.queries + t]);
        if constexpr (kWanted != kValues) w = (w * (dp[i][j] - in.delta[b * z.queries + t])) * in.scale;
      }
      if constexpr (kWanted == kQueries)
        memory.w[column + j][row + i] = w;
      else
        memory.w[row + i][column + j] = w;
    }
}

/// One of dq, dk, dv: a block for each tile of its rows, which walks over the tiles of the other side.
template <Wanted kWanted, class T, int kParts>
DN_KERNEL void __launch_bounds__(kAttentionThreads) gradient(AttentionSizes z, Operands<T> in, T* out, int64_t first) {
  using S = Compute<T>;
  using Memory = TileMemory<S, kParts>;
  DN_DYNAMIC_SHARED(Memory, block);
  Memory& memory = *block;
  const int64_t own = kWanted == kQueries ? z.queries : z.keys, features = kWanted == kValues ? z.E : z.D;
  const int64_t tiles = ceil_div(own, kSide), b = quotient(blockIdx.x, tiles), r0 = (blockIdx.x - b * tiles) * kSide;
  const int64_t n = smaller(kSide, own - r0);
  const int64_t begin = kWanted != kQueries && z.causal ? r0 / kSide : 0;
  const int64_t end = kWanted == kQueries ? z.key_tiles_before(r0 + n) : ceil_div(z.queries, kSide);
  S sum[4][kParts][4] = {};
  for (int64_t tile = begin; tile < end; ++tile) {
    const int64_t other = tile * kSide;
    const int64_t count = smaller(kSide, (kWanted == kQueries ? z.keys : z.queries) - other);
    weights<kWanted>(z, in, b, kWanted == kQueries ? r0 : other, kWanted == kQueries ? other : r0, memory);
    const T* rows = kWanted == kQueries ? in.k + (b * z.keys + other) * z.D
                    : kWanted == kKeys  ? in.q + (b * z.queries + other) * z.D
                                        : in.dout + (b * z.queries + other) * z.E;
    S product[4][kParts][4];
    weigh_rows(rows, count, first, features, memory, product);
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int p = 0; p < kParts; ++p)
#pragma unroll
        for (int j = 0; j < 4; ++j) sum[i][p][j] = tile == begin ? product[i][p][j] : sum[i][p][j] + product[i][p][j];
    __syncthreads();  // before the next tile's weights take the place of these
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    if (own_row() + i >= n) continue;
    T* to = out + (b * own + r0 + own_row() + i) * features;
#pragma unroll
    for (int p = 0; p < kParts; ++p)
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const int64_t f = first + p * kSide + own_column() + j;
        if (f < features) to[f] = narrow<T>(sum[i][p][j]);
      }
  }
}

template <Wanted kWanted, class T>
void run_gradient(Call& call, const AttentionSizes& z, const Operands<T>& in, const View& out) {
  using S = Compute<T>;
  if (!out.defined() || out.numel() == 0) return;
  const int64_t blocks = z.B * (kWanted == kQueries ? z.query_tiles() : z.key_tiles()), features = out.size(2);
  with_parts<S>(features, [&](auto parts) {
    constexpr int kParts = decltype(parts)::value;
    for (int64_t first = 0; first < features; first += kParts * kSide)
      call.run(gradient<kWanted, T, kParts>, dim3(unsigned(blocks)), dim3(kAttentionThreads), sizeof(TileMemory<S, kParts>), z,
               in, out.as<T>(), first);
  });
}

}  // namespace

void CudaBackend::attention_backward(const View& q, const View& k, const View& v, const View& mask, const View& out,
                                     const View& lse, const View& dout, const View& dq, const View& dk, const View& dv,
                                     double scale, bool causal) {
  Call call(device_, "attention_backward");
  const AttentionSizes z(q, k, v, mask, lse, causal);
  visit_floats(q.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using S = Compute<T>;
    const int64_t rows = z.B * z.queries;
    S *delta = call.scratch<S>(larger(rows, 1)), *base = call.scratch<S>(larger(rows, 1));
    if (rows > 0) {
      with_team(z.E, [&](auto team) {
        using Team = decltype(team);
        call.run(prepare_rows<Team, T>, Team::grid(rows), dim3(Team::kThreads), 0, z, out.as<T>(), dout.as<T>(), delta, base);
      });
    }
    const Operands<T> in{q.as<T>(), k.as<T>(), v.as<T>(), dout.as<T>(), delta, base, S(scale)};
    run_gradient<kQueries, T>(call, z, in, dq);
    run_gradient<kKeys, T>(call, z, in, dk);
    run_gradient<kValues, T>(call, z, in, dv);
  });
}

}  // namespace deepnet::gpu
