// Scaled dot-product attention, one tile of 64 queries at a time, keys in tiles of 64 in order.
//
//   score = (q · k) * scale + mask, q · k a chain of fma over d; keys that a query may not see score -inf
//   m' = max(m, scores of the tile), a = exp(m - m'), p = exp(score - m')   (0 in place of an m' of -inf)
//   l = fma(l, a, sum of p), a chain over s; o = o * a + p · v, p · v a chain of fma over s from zero, the product added last
//   out = o * (1 / l), or 0 where l = 0; lse = m + log(l)
#include "core/allocator.h"
#include "core/parallel.h"
#include "cpu/attention_tile.h"
#include "cpu/isa_backend.h"
#include "math/exp.h"
#include "math/log.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

/// The running softmax of a tile of queries; a vector holds the same thing of neighbouring queries.
template <class S>
struct Online {
  S *max, *sum, *factor;
};

/// scores[s * kSide + t], scaled dot products to be, become exponentials; `online` takes them in. diagonal: key s is hidden
/// from query t where s + shift > t.
template <class S>
DN_INLINE void fold_tile(S* scores, int64_t queries, int64_t keys, S scale, const S* mask, bool diagonal, int64_t shift,
                         const Online<S>& online) {
  using V = vector_of<S>;
  constexpr int64_t L = V::lanes;
  const V minus_inf(S(-__builtin_inf())), zero(S(0)), scales(scale);
  for (int64_t t = 0; t < queries; t += L) {
    const V index = lane_index<V>() + V(S(t));
    V most[4];
    for (int p = 0; p < 4; ++p) most[p] = minus_inf;
    const auto score = [&](int64_t s) DN_FUSED {
      V x = load<V>(scores + s * kSide + t) * scales;
      if (mask) x = x + load<V>(mask + s * kSide + t);
      if (diagonal) x = select(index < V(S(s + shift)), minus_inf, x);
      store(scores + s * kSide + t, x);
      return x;
    };
    int64_t s = 0;
    for (; s + 4 <= keys; s += 4)
      for (int p = 0; p < 4; ++p) most[p] = vmax(most[p], score(s + p));
    for (; s < keys; ++s) most[0] = vmax(most[0], score(s));
    const V before = load<V>(online.max + t);
    const V after = vmax(before, vmax(vmax(most[0], most[1]), vmax(most[2], most[3])));
    const V base = select(after == minus_inf, zero, after);
    V sum = zero;
    for (s = 0; s < keys; ++s) {
      const V p = math::exp(load<V>(scores + s * kSide + t) - base);
      store(scores + s * kSide + t, p);
      sum = sum + p;
    }
    const V factor = math::exp(before - base);
    store(online.max + t, after);
    store(online.factor + t, factor);
    store(online.sum + t, fma(load<V>(online.sum + t), factor, sum));
  }
}

/// The same for scores[t * kSide + s], with whole vectors of keys: for queries too few to fill a vector.
template <class S>
DN_INLINE void fold_few(S* scores, int64_t queries, int64_t keys, S scale, const S* mask, bool diagonal, int64_t shift,
                        const Online<S>& online) {
  using V = vector_of<S>;
  const S minus_inf = S(-__builtin_inf());
  const auto larger_of = [](V a, V b) DN_FUSED { return vmax(a, b); };
  for (int64_t t = 0; t < queries; ++t) {
    S* row = scores + t * kSide;
    // Lanes beyond the keys take no part.
    const V visible(S(diagonal ? smaller(t - shift, keys - 1) : keys - 1));
    V most(minus_inf);
    for (int64_t s = 0; s < keys; s += V::lanes) {
      V x = load<V>(row + s) * V(scale);
      if (mask) x = x + load<V>(mask + t * kSide + s);
      x = select(lane_index<V>() + V(S(s)) > visible, V(minus_inf), x);
      store(row + s, x);
      most = vmax(most, x);
    }
    const S before = online.max[t], after = vmax(before, reduce_tree(most, larger_of));
    const S base = after == minus_inf ? S(0) : after;
    for (int64_t s = 0; s < keys; s += V::lanes) store(row + s, math::exp(load<V>(row + s) - V(base)));
    S sum = 0;
    for (int64_t s = 0; s < keys; ++s) sum = sum + row[s];
    online.max[t] = after;
    online.factor[t] = math::exp(before - base);
    online.sum[t] = fma(online.sum[t], online.factor[t], sum);
  }
}

template <class T>
struct Forward {
  using S = compute_of<T>;
  using V = vector_of<S>;
  AttentionSizes<T> sizes;
  const T *q, *k, *v;
  View mask;
  T* out;
  View lse;

  int64_t scratch_size() const {
    const int64_t D = whole_vectors<S>(sizes.D), E = whole_vectors<S>(sizes.E);
    return kSide * (2 * D + 2 * kSide + 2 * E + 3) + 9 * 16;
  }

  void query_tile(int64_t b, int64_t t0, S* scratch) const {
    const int64_t D = sizes.D, E = sizes.E, nt = smaller(kSide, sizes.T_ - t0), width = whole_vectors<S>(E);
    // The scores' vectors run along the queries, or along the keys where there are few queries. The sums are the same.
    const bool few = nt <= V::lanes / 2;
    Arena<S> arena{scratch};
    S* turned = arena.take(kSide * whole_vectors<S>(D));  // the queries or the keys as (D, nt or ns)
    S* scores = arena.take(kSide * kSide);
    S* mask_tile = arena.take(kSide * kSide);
    S* sums = arena.take(kSide * width);  // (nt, E)
    S* buffer = arena.take(kSide * whole_vectors<S>(D));
    S* v_buffer = arena.take(kSide * width);
    const Online<S> online{arena.take(kSide), arena.take(kSide), arena.take(kSide)};
    const T* first_query = q + (b * sizes.T_ + t0) * D;
    if (!few) {
      const Rows<S> rows = padded_rows(first_query, nt, D, buffer);
      transpose_rows(rows.p, rows.stride, nt, D, turned);
    }
    for (int64_t t = 0; t < kSide; ++t) {
      online.max[t] = S(-__builtin_inf());
      online.sum[t] = S(0);
    }
    const int64_t tiles = sizes.key_tiles_before(t0 + nt);
    for (int64_t j = 0; j < tiles; ++j) {
      const int64_t s0 = j * kSide, ns = smaller(kSide, sizes.S_ - s0);
      const bool diagonal = sizes.causal && s0 + ns - 1 > t0;
      const S* added = mask.defined() ? mask_tile : nullptr;
      if (added) read_mask(mask, b, t0, nt, s0, ns, !few, mask_tile);
      const Rows<S> keys = padded_rows(k + (b * sizes.S_ + s0) * D, ns, D, buffer);
      if (few) {
        transpose_rows(keys.p, keys.stride, ns, D, turned);
        const Rows<S> queries = padded_rows(first_query, nt, D, buffer);
        tile_product(nt, whole_vectors<S>(ns), D, queries.p, queries.stride, 1, turned, kSide, scores, kSide, false);
        fold_few(scores, nt, ns, sizes.scale, added, diagonal, s0 - t0, online);
      } else {
        tile_product(ns, whole_vectors<S>(nt), D, keys.p, keys.stride, 1, turned, kSide, scores, kSide, false);
        fold_tile(scores, nt, ns, sizes.scale, added, diagonal, s0 - t0, online);
      }
      if (j > 0) rescale(sums, nt, width, online.factor);
      const Rows<S> values = padded_rows(v + (b * sizes.S_ + s0) * E, ns, E, v_buffer);
      const int64_t per_query = few ? kSide : 1, per_key = few ? 1 : kSide;
      tile_product(nt, width, ns, scores, per_query, per_key, values.p, values.stride, sums, width, j > 0);
    }
    if (tiles == 0) {
      for (int64_t i = 0; i < nt * width; ++i) sums[i] = S(0);
    }
    finish(b, t0, nt, width, sums, online);
  }

  DN_INLINE void rescale(S* sums, int64_t nt, int64_t width, const S* factor) const {
    for (int64_t t = 0; t < nt; ++t) {
      if (factor[t] == S(1)) continue;
      const V f(factor[t]);
      S* row = sums + t * width;
      for (int64_t e = 0; e < width; e += V::lanes) store(row + e, load<V>(row + e) * f);
    }
  }

  DN_INLINE void finish(int64_t b, int64_t t0, int64_t nt, int64_t width, S* sums, const Online<S>& online) const {
    for (int64_t t = 0; t < nt; ++t) {
      const S sum = online.sum[t];
      const V inverse(sum == S(0) ? S(0) : S(1) / sum);
      S* row = sums + t * width;
      T* to = out + (b * sizes.T_ + t0 + t) * sizes.E;
      S* target = row_target(to, row);
      for_row<V>(sizes.E, [&](auto at) DN_FUSED { at.put(target, at(row) * inverse); });
      write_row(to, target, sizes.E);
    }
    if (!lse.defined()) return;
    for_row<V>(nt, [&](auto at) DN_FUSED { at.put(online.sum, at(online.max) + math::log(at(online.sum))); });
    for (int64_t t = 0; t < nt; ++t) write_number(lse, b * lse.stride(0) + (t0 + t) * lse.stride(1), online.sum[t]);
  }
};

}  // namespace

void IsaBackend::attention_forward(const View& q, const View& k, const View& v, const View& mask, const View& out,
                                   const View& lse, double scale, bool causal) {
  visit_floats(q.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using S = compute_of<T>;
    const Forward<T> kernel{{q.size(1), k.size(1), q.size(2), v.size(2), S(scale), causal},
                            q.as<T>(),
                            k.as<T>(),
                            v.as<T>(),
                            mask,
                            out.as<T>(),
                            lse};
    const int64_t tiles = kernel.sizes.query_tiles();
    const int64_t work = smaller(kSide, q.size(1)) * k.size(1) * (q.size(2) + v.size(2)) / 16;
    parallel_for(q.size(0) * tiles, grain_for(work), [&](int64_t begin, int64_t end) {
      Scratch scratch(size_t(kernel.scratch_size()) * sizeof(S));
      for (int64_t task = begin; task < end; ++task)
        kernel.query_tile(task / tiles, task % tiles * kSide, scratch.template as<S>());
    });
  });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
