// The gradients of scaled dot-product attention, tile by tile of 64 queries and 64 keys; the probabilities are recomputed.
//
//   p = exp(score - lse), scores as in the forward; dp = dout · v, a chain of fma over e
//   ds = (p * (dp - delta)) * scale, delta = sum(out * dout), a sum by rows of fma chains
//   dv: tiles of queries in order, each sum(p * dout) a chain of fma over t from zero, added; dk alike: sum(ds * q)
//   dq: tiles of keys in order, each sum(ds * k) a chain of fma over s from zero, added
#include "core/allocator.h"
#include "core/parallel.h"
#include "cpu/attention_tile.h"
#include "cpu/isa_backend.h"
#include "cpu/reduce_rows.h"
#include "math/exp.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

template <class T>
struct Backward {
  using S = compute_of<T>;
  using V = vector_of<S>;
  AttentionSizes<T> sizes;
  const T *q, *k, *v, *dout;
  View mask;
  const S *lse, *delta;  // (B, T); lse: 0 in place of -inf
  T *dq, *dk, *dv;       // null where not wanted

  /// The operands of one batch, and memory to work in.
  struct Work {
    int64_t b;
    Rows<S> q, k, v, dout;
    S *keys, *values;  // a tile of k and v, transposed: (D, keys), (E, keys)
    S *p, *ds;         // (queries, keys)
    S* mask;
    S *dk, *dv;  // (keys, D), (keys, E)
    S* dq;       // (queries, D), all of the batch's or one tile
  };

  int64_t scratch_size(int64_t dq_rows) const {
    const int64_t D = whole_vectors<S>(sizes.D), E = whole_vectors<S>(sizes.E);
    return padded_size<T>(sizes.T_ + sizes.S_, sizes.D) + padded_size<T>(sizes.T_ + sizes.S_, sizes.E) +
           kSide * (2 * D + 2 * E + 3 * kSide) + dq_rows * D + 13 * 16;
  }

  Work prepare(int64_t b, int64_t dq_rows, S* scratch) const {
    const int64_t T_ = sizes.T_, S_ = sizes.S_, D = sizes.D, E = sizes.E;
    const int64_t wide_d = whole_vectors<S>(D), wide_e = whole_vectors<S>(E);
    Arena<S> arena{scratch};
    Work w;
    w.b = b;
    w.q = padded_rows(q + b * T_ * D, T_, D, arena.take(padded_size<T>(T_, D)));
    w.k = padded_rows(k + b * S_ * D, S_, D, arena.take(padded_size<T>(S_, D)));
    w.v = padded_rows(v + b * S_ * E, S_, E, arena.take(padded_size<T>(S_, E)));
    w.dout = padded_rows(dout + b * T_ * E, T_, E, arena.take(padded_size<T>(T_, E)));
    w.keys = arena.take(kSide * wide_d);
    w.values = arena.take(kSide * wide_e);
    w.p = arena.take(kSide * kSide);
    w.ds = arena.take(kSide * kSide);
    w.mask = arena.take(kSide * kSide);
    w.dk = arena.take(kSide * wide_d);
    w.dv = arena.take(kSide * wide_e);
    w.dq = arena.take(dq_rows * wide_d);
    return w;
  }

  DN_INLINE void load_keys(const Work& w, int64_t s0, int64_t ns) const {
    transpose_rows(w.k.p + s0 * w.k.stride, w.k.stride, ns, sizes.D, w.keys);
    transpose_rows(w.v.p + s0 * w.v.stride, w.v.stride, ns, sizes.E, w.values);
  }

  /// w.p and w.ds of queries [t0, t0 + nt) and the keys that were loaded.
  void probabilities(const Work& w, int64_t t0, int64_t nt, int64_t s0, int64_t ns) const {
    const int64_t lanes = whole_vectors<S>(ns);
    tile_product(nt, lanes, sizes.D, w.q.p + t0 * w.q.stride, w.q.stride, 1, w.keys, kSide, w.p, kSide, false);
    tile_product(nt, lanes, sizes.E, w.dout.p + t0 * w.dout.stride, w.dout.stride, 1, w.values, kSide, w.ds, kSide, false);
    const bool masked = mask.defined(), diagonal = sizes.causal && s0 + ns - 1 > t0;
    if (masked) read_mask(mask, w.b, t0, nt, s0, ns, false, w.mask);
    const V scales(sizes.scale), minus_inf(S(-__builtin_inf()));
    for (int64_t t = 0; t < nt; ++t) {
      const V log_sum(lse[w.b * sizes.T_ + t0 + t]), d(delta[w.b * sizes.T_ + t0 + t]);
      const V last(S(t0 + t - s0));  // the last key that this query sees
      for (int64_t s = 0; s < ns; s += V::lanes) {
        S *p = w.p + t * kSide + s, *ds = w.ds + t * kSide + s;
        V x = load<V>(p) * scales;
        if (masked) x = x + load<V>(w.mask + t * kSide + s);
        if (diagonal) x = select(lane_index<V>() + V(S(s)) > last, minus_inf, x);
        x = math::exp(x - log_sum);
        store(p, x);
        store(ds, (x * (load<V>(ds) - d)) * scales);
      }
    }
  }

  DN_INLINE void write(const S* rows, int64_t stride, int64_t count, int64_t columns, T* to) const {
    for (int64_t r = 0; r < count; ++r)
      for (int64_t c = 0; c < columns; ++c) assign(to[r * columns + c], rows[r * stride + c]);
  }

  /// dk and dv of the keys from s0 on; with_dq: also their part of w.dq, all of the batch's.
  void key_tile(const Work& w, int64_t s0, bool with_dq) const {
    const int64_t D = sizes.D, E = sizes.E, wide_d = whole_vectors<S>(D), wide_e = whole_vectors<S>(E);
    const int64_t ns = smaller(kSide, sizes.S_ - s0), first = sizes.causal ? s0 : 0;
    load_keys(w, s0, ns);
    for (int64_t t0 = first; t0 < sizes.T_; t0 += kSide) {
      const int64_t nt = smaller(kSide, sizes.T_ - t0);
      const bool add = t0 > first;
      probabilities(w, t0, nt, s0, ns);
      if (dv) tile_product(ns, wide_e, nt, w.p, 1, kSide, w.dout.p + t0 * w.dout.stride, w.dout.stride, w.dv, wide_e, add);
      if (dk) tile_product(ns, wide_d, nt, w.ds, 1, kSide, w.q.p + t0 * w.q.stride, w.q.stride, w.dk, wide_d, add);
      if (with_dq) add_to_dq(w, nt, s0, ns, w.dq + t0 * wide_d);
    }
    if (first >= sizes.T_) {
      for (int64_t i = 0; i < ns * wide_d; ++i) w.dk[i] = S(0);
      for (int64_t i = 0; i < ns * wide_e; ++i) w.dv[i] = S(0);
    }
    if (dk) write(w.dk, wide_d, ns, D, dk + (w.b * sizes.S_ + s0) * D);
    if (dv) write(w.dv, wide_e, ns, E, dv + (w.b * sizes.S_ + s0) * E);
  }

  /// The part of the loaded keys in rows of dq.
  DN_INLINE void add_to_dq(const Work& w, int64_t nt, int64_t s0, int64_t ns, S* to) const {
    const int64_t wide_d = whole_vectors<S>(sizes.D);
    tile_product(nt, wide_d, ns, w.ds, kSide, 1, w.k.p + s0 * w.k.stride, w.k.stride, to, wide_d, s0 > 0);
  }

  /// dq of the queries from t0 on, alone.
  void query_tile(const Work& w, int64_t t0) const {
    const int64_t D = sizes.D, wide_d = whole_vectors<S>(D), nt = smaller(kSide, sizes.T_ - t0);
    const int64_t tiles = sizes.key_tiles_before(t0 + nt);
    for (int64_t j = 0; j < tiles; ++j) {
      const int64_t s0 = j * kSide, ns = smaller(kSide, sizes.S_ - s0);
      load_keys(w, s0, ns);
      probabilities(w, t0, nt, s0, ns);
      add_to_dq(w, nt, s0, ns, w.dq);
    }
    if (tiles == 0) {
      for (int64_t i = 0; i < nt * wide_d; ++i) w.dq[i] = S(0);
    }
    write(w.dq, wide_d, nt, D, dq + (w.b * sizes.T_ + t0) * D);
  }

  /// Everything of one batch in one pass over its tiles.
  void whole_batch(int64_t b, S* scratch) const {
    const int64_t wide_d = whole_vectors<S>(sizes.D);
    const Work w = prepare(b, sizes.T_, scratch);
    if (sizes.S_ == 0) {
      for (int64_t i = 0; i < sizes.T_ * wide_d; ++i) w.dq[i] = S(0);
    }
    for (int64_t s0 = 0; s0 < sizes.S_; s0 += kSide) key_tile(w, s0, dq != nullptr);
    if (dq) write(w.dq, wide_d, sizes.T_, sizes.D, dq + b * sizes.T_ * sizes.D);
  }
};

/// delta (rows), and lse (rows) with 0 for -inf: a query that sees nothing has only scores of -inf.
template <class T>
void prepare_rows(const View& out, const View& dout, const View& lse, int64_t T_, compute_of<T>* delta, compute_of<T>* base) {
  using S = compute_of<T>;
  using V = vector_of<S>;
  const int64_t E = out.size(2);
  parallel_for(out.size(0) * T_, grain_for(E), [&](int64_t begin, int64_t end) {
    Scratch buffer(is_narrow<T> ? size_t(2 * E) * sizeof(S) : 0);
    for (int64_t r = begin; r < end; ++r) {
      const S* y = read_row(out.as<T>() + r * E, E, buffer.as<S>());
      const S* dy = read_row(dout.as<T>() + r * E, E, buffer.as<S>() + E);
      reduce_row<V, 1>(0, E, Adding{}, [&](auto at, V* acc) DN_FUSED { acc[0] = fma(at(y), at(dy), acc[0]); }, delta + r);
      const S l = read_number<S>(lse, r / T_ * lse.stride(0) + r % T_ * lse.stride(1));
      base[r] = l == S(-__builtin_inf()) ? S(0) : l;
    }
  });
}

template <class T>
void backward(const View& q, const View& k, const View& v, const View& mask, const View& out, const View& lse, const View& dout,
              const View& dq, const View& dk, const View& dv, double scale, bool causal) {
  using S = compute_of<T>;
  const int64_t B = q.size(0), T_ = q.size(1), S_ = k.size(1), D = q.size(2), E = v.size(2);
  Scratch rows(size_t(2 * B * T_ + 1) * sizeof(S));
  S *delta = rows.as<S>(), *base = delta + B * T_;
  prepare_rows<T>(out, dout, lse, T_, delta, base);
  const Backward<T> kernel{{T_, S_, D, E, S(scale), causal},
                           q.as<T>(),
                           k.as<T>(),
                           v.as<T>(),
                           dout.as<T>(),
                           mask,
                           base,
                           delta,
                           dq.as<T>(),
                           dk.as<T>(),
                           dv.as<T>()};
  // One pass does two thirds of the work of two, but its tasks are whole batches; the sums are the same.
  if (num_threads() == 1 || B >= 2 * num_threads()) {
    parallel_for(B, grain_for(T_ * S_ * (D + E) / 8), [&](int64_t begin, int64_t end) {
      Scratch scratch(size_t(kernel.scratch_size(T_)) * sizeof(S));
      for (int64_t b = begin; b < end; ++b) kernel.whole_batch(b, scratch.as<S>());
    });
    return;
  }
  const int64_t key_tiles = dk.defined() || dv.defined() ? kernel.sizes.key_tiles() : 0;
  const int64_t query_tiles = dq.defined() ? kernel.sizes.query_tiles() : 0, tiles = key_tiles + query_tiles;
  parallel_for(B * tiles, grain_for(smaller(T_, kSide) * smaller(S_, kSide) * (D + E) / 8), [&](int64_t begin, int64_t end) {
    Scratch scratch(size_t(kernel.scratch_size(kSide)) * sizeof(S));
    for (int64_t task = begin; task < end; ++task) {
      const int64_t tile = task % tiles;
      const auto work = kernel.prepare(task / tiles, kSide, scratch.as<S>());
      if (tile < key_tiles) {
        kernel.key_tile(work, tile * kSide, false);
      } else {
        kernel.query_tile(work, (tile - key_tiles) * kSide);
      }
    }
  });
}

}  // namespace

void IsaBackend::attention_backward(const View& q, const View& k, const View& v, const View& mask, const View& out,
                                    const View& lse, const View& dout, const View& dq, const View& dk, const View& dv,
                                    double scale, bool causal) {
  visit_floats(q.dtype, [&](auto tag) {
    backward<typename decltype(tag)::type>(q, k, v, mask, out, lse, dout, dq, dk, dv, scale, causal);
  });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
