// Batch normalisation of (N, C, S): statistics over N and S for each channel.
//
//   xhat = (x - mean) * rstd; y = fma(xhat, weight, bias), or the one of them that is there
//   c1 = sum(dy) / (N S), c2 = sum(dy * xhat) / (N S), sums of products as chains of fma; k = rstd * weight
//   dx = k * fma(-xhat, c2, dy - c1) in training, else k * dy
#include "core/allocator.h"
#include "core/parallel.h"
#include "cpu/isa_backend.h"
#include "cpu/norm_rows.h"
#include "cpu/reduce_columns.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

// Channels that one task takes at most, so that what it reads of a sample is a few kilobytes that lie together.
constexpr int64_t kChannels = 16;
// Columns that one task takes where S = 1.
constexpr int64_t kFeatures = 64;

/// Samples whose sums make a chain, and the tree over those.
DN_INLINE int64_t samples_per_group(int64_t S) { return S >= 64 ? 1 : ceil_div(64, S); }

struct Sizes {
  int64_t N, C, S;
  DN_INLINE int64_t block() const { return larger(1, smaller(kChannels, smaller(ceil_div(1024, larger(S, 1)), C / 4))); }
};

/// K sums over each of channels [c0, c0 + count): out[c][k]. row(n, c) prepares a row of S positions and gives the step that
/// folds a vector of it into acc[0 .. K - 1].
template <class V, int K, class Row>
DN_INLINE void sum_channels(const Sizes& sizes, int64_t c0, int64_t count, Row row, scalar_of<V> (*out)[K]) {
  using S = scalar_of<V>;
  const Adding add;
  const int64_t group = samples_per_group(sizes.S);
  TreeFold<S, K> folds[kChannels];
  S chains[kChannels][K];
  for (int64_t n = 0; n < sizes.N; ++n) {
    const bool first = n % group == 0, last = (n + 1) % group == 0 || n + 1 == sizes.N;
    for (int64_t c = 0; c < count; ++c) {
      S sums[K];
      reduce_row<V, K>(0, sizes.S, add, row(n, c0 + c), sums);
      for (int k = 0; k < K; ++k) chains[c][k] = first ? sums[k] : chains[c][k] + sums[k];
      if (last) folds[c].push(chains[c], add);
    }
  }
  for (int64_t c = 0; c < count; ++c) folds[c].finish(out[c], add);
}

/// The same for x (N, C): K sums of columns [c0, c0 + count) by columns: out[k * count + c]. rows(n, rows) prepares rows.
template <class V, int K, class Prepare, class Step>
DN_INLINE void sum_features(int64_t N, int64_t count, Prepare prepare, Step step, scalar_of<V>* out) {
  Scratch scratch(size_t(columns_scratch(N, 64, K * count)) * sizeof(scalar_of<V>));
  reduce_columns<V, K>(0, N, 64, count, Adding{}, prepare, step, scratch.as<scalar_of<V>>(), out);
}

template <class T>
void stats_of_channels(const Sizes& sizes, const T* x, compute_of<T>* mean, compute_of<T>* var) {
  using S = compute_of<T>;
  using V = vector_of<S>;
  const S total = S(sizes.N * sizes.S);
  const int64_t block = sizes.block();
  parallel_for(ceil_div(sizes.C, block), grain_for(sizes.N * sizes.S * block), [&](int64_t begin, int64_t end) {
    Scratch buffer(is_narrow<T> ? size_t(sizes.S) * sizeof(S) : 0);
    for (int64_t c0 = begin * block; c0 < smaller(sizes.C, end * block); c0 += block) {
      const int64_t count = smaller(block, sizes.C - c0);
      S sums[kChannels][1], squares[kChannels][1];
      auto read = [&](int64_t n, int64_t c)
                      DN_FUSED { return read_row(x + (n * sizes.C + c) * sizes.S, sizes.S, buffer.as<S>()); };
      sum_channels<V, 1>(
          sizes, c0, count,
          [&](int64_t n, int64_t c) DN_FUSED {
            const S* row = read(n, c);
            return [=](auto at, V* acc) DN_FUSED { acc[0] = acc[0] + at(row); };
          },
          sums);
      for (int64_t c = 0; c < count; ++c) mean[c0 + c] = sums[c][0] / total;
      sum_channels<V, 1>(
          sizes, c0, count,
          [&](int64_t n, int64_t c) DN_FUSED {
            const S* row = read(n, c);
            const V m(mean[c]);
            return [=](auto at, V* acc) DN_FUSED {
              const V d = at(row) - m;
              acc[0] = fma(d, d, acc[0]);
            };
          },
          squares);
      for (int64_t c = 0; c < count; ++c) var[c0 + c] = squares[c][0] / total;
    }
  });
}

/// A block of rows of (N, C), columns from c0 on, as dense numbers.
template <class T>
DN_INLINE void read_block(const T* x, int64_t row, int64_t rows, int64_t C, int64_t c0, int64_t width, compute_of<T>* block) {
  for (int64_t j = 0; j < rows; ++j) read_row(x + (row + j) * C + c0, width, block + j * width);
}

template <class T>
void stats_of_features(int64_t N, int64_t C, const T* x, compute_of<T>* mean, compute_of<T>* var) {
  using S = compute_of<T>;
  using V = vector_of<S>;
  parallel_for(ceil_div(C, kFeatures), grain_for(N * kFeatures), [&](int64_t begin, int64_t end) {
    S block[kRowBlock * kFeatures];
    for (int64_t c0 = begin * kFeatures; c0 < smaller(C, end * kFeatures); c0 += kFeatures) {
      const int64_t count = smaller(kFeatures, C - c0);
      const S* rows = block;
      int64_t stride = count;
      if constexpr (!is_narrow<T>) {
        rows = x + c0;
        stride = C;
      }
      int64_t first = 0;
      auto prepare = [&](int64_t r, int64_t n) {
        if constexpr (is_narrow<T>) {
          read_block(x, r, n, C, c0, count, block);
          first = r;
        }
      };
      sum_features<V, 1>(
          N, count, prepare, [&](auto at, int64_t r, V* acc) DN_FUSED { acc[0] = acc[0] + at(rows + (r - first) * stride); },
          mean + c0);
      for (int64_t c = c0; c < c0 + count; ++c) mean[c] = mean[c] / S(N);
      first = 0;
      sum_features<V, 1>(
          N, count, prepare,
          [&](auto at, int64_t r, V* acc) DN_FUSED {
            const V d = at(rows + (r - first) * stride) - at(mean + c0);
            acc[0] = fma(d, d, acc[0]);
          },
          var + c0);
      for (int64_t c = c0; c < c0 + count; ++c) var[c] = var[c] / S(N);
    }
  });
}

template <class S>
void apply_row(const S* x, S* y, int64_t n, S mean, S rstd, const S* weight, const S* bias) {
  using V = vector_of<S>;
  const V m(mean), r(rstd);
  if (weight) {
    const V w(*weight), b(bias ? *bias : S(0));
    if (bias) {
      normalise_row(x, y, n, [&](auto, V v) DN_FUSED { return fma((v - m) * r, w, b); });
    } else {
      normalise_row(x, y, n, [&](auto, V v) DN_FUSED { return (v - m) * r * w; });
    }
  } else if (bias) {
    const V b(*bias);
    normalise_row(x, y, n, [&](auto, V v) DN_FUSED { return (v - m) * r + b; });
  } else {
    normalise_row(x, y, n, [&](auto, V v) DN_FUSED { return (v - m) * r; });
  }
}

template <class T>
void apply(const Sizes& sizes, const View& x, const compute_of<T>* mean, const compute_of<T>* rstd, const View& weight,
           const View& bias, const View& y) {
  using S = compute_of<T>;
  using V = vector_of<S>;
  Scratch parameters(size_t(2 * sizes.C) * sizeof(S));
  const S* w = read_parameter(weight, sizes.C, parameters.as<S>());
  const S* b = read_parameter(bias, sizes.C, parameters.as<S>() + sizes.C);
  const bool by_sample = sizes.S == 1;  // a row is one sample's channels, else one channel's positions
  const int64_t n = by_sample ? sizes.C : sizes.S, rows = by_sample ? sizes.N : sizes.N * sizes.C;
  parallel_for(rows, grain_for(n), [&](int64_t begin, int64_t end) {
    Scratch buffers(is_narrow<T> ? size_t(2 * n) * sizeof(S) : 0);
    for (int64_t r = begin; r < end; ++r) {
      const S* from = read_row(x.as<T>() + r * n, n, buffers.as<S>());
      S* to = row_target(y.as<T>() + r * n, buffers.as<S>() + n);
      if (by_sample) {
        normalise_row(from, to, n, [&](auto at, V v) DN_FUSED { return scale_and_shift((v - at(mean)) * at(rstd), at, w, b); });
      } else {
        const int64_t c = r % sizes.C;
        apply_row(from, to, n, mean[c], rstd[c], w ? w + c : nullptr, b ? b + c : nullptr);
      }
      write_row(y.as<T>() + r * n, to, n);
    }
  });
}

template <class T>
struct Backward {
  using S = compute_of<T>;
  using V = vector_of<S>;
  Sizes sizes;
  const T *dy, *x;
  const S *mean, *rstd, *weight;
  T* dx;
  T *dweight, *dbias;
  bool training;

  /// The sums are not needed where only dx is wanted and the statistics are constants.
  DN_INLINE bool wants_sums() const { return dweight || dbias || (dx && training); }
  DN_INLINE S k_of(int64_t c) const { return weight ? rstd[c] * weight[c] : rstd[c]; }

  void channels(int64_t c0, int64_t count, S* buffer) const {
    S sums[kChannels][2];
    if (wants_sums()) {
      sum_channels<V, 2>(
          sizes, c0, count,
          [&](int64_t n, int64_t c) DN_FUSED {
            const int64_t offset = (n * sizes.C + c) * sizes.S;
            const S* g = read_row(dy + offset, sizes.S, buffer);
            const S* row = read_row(x + offset, sizes.S, buffer + sizes.S);
            const V m(mean[c]), r(rstd[c]);
            return [=](auto at, V* acc) DN_FUSED {
              acc[0] = acc[0] + at(g);
              acc[1] = fma(at(g), (at(row) - m) * r, acc[1]);
            };
          },
          sums);
      for (int64_t c = 0; c < count; ++c) {
        if (dbias) assign(dbias[c0 + c], sums[c][0]);
        if (dweight) assign(dweight[c0 + c], sums[c][1]);
      }
    }
    if (!dx) return;
    const S total = S(sizes.N * sizes.S);
    for (int64_t n = 0; n < sizes.N; ++n)
      for (int64_t c = 0; c < count; ++c) {
        const int64_t offset = (n * sizes.C + c0 + c) * sizes.S;
        const S* g = read_row(dy + offset, sizes.S, buffer);
        S* to = row_target(dx + offset, buffer + 2 * sizes.S);
        const V k(k_of(c0 + c));
        if (training) {
          const S* row = read_row(x + offset, sizes.S, buffer + sizes.S);
          const V m(mean[c0 + c]), r(rstd[c0 + c]), c1(sums[c][0] / total), c2(sums[c][1] / total);
          for_row<V>(sizes.S, [&](auto at) DN_FUSED { at.put(to, k * fma(-((at(row) - m) * r), c2, at(g) - c1)); });
        } else {
          for_row<V>(sizes.S, [&](auto at) DN_FUSED { at.put(to, k * at(g)); });
        }
        write_row(dx + offset, to, sizes.S);
      }
  }

  void features(int64_t c0, int64_t count) const {
    const int64_t N = sizes.N, C = sizes.C;
    S g_block[kRowBlock * kFeatures], x_block[kRowBlock * kFeatures], k[kFeatures], sums[2 * kFeatures];
    const S *g_rows = g_block, *x_rows = x_block;
    int64_t stride = count, first = 0;
    if constexpr (!is_narrow<T>) {
      g_rows = dy + c0;
      x_rows = x + c0;
      stride = C;
    }
    auto prepare = [&](int64_t r, int64_t n) {
      if constexpr (is_narrow<T>) {
        read_block(dy, r, n, C, c0, count, g_block);
        read_block(x, r, n, C, c0, count, x_block);
        first = r;
      }
    };
    const S *m = mean + c0, *s = rstd + c0;
    if (wants_sums()) {
      sum_features<V, 2>(
          N, count, prepare,
          [&](auto at, int64_t r, V* acc) DN_FUSED {
            const int64_t offset = (r - first) * stride;
            acc[0] = acc[0] + at(g_rows + offset);
            acc[1] = fma(at(g_rows + offset), (at(x_rows + offset) - at(m)) * at(s), acc[1]);
          },
          sums);
      for (int64_t c = 0; c < count; ++c) {
        if (dbias) assign(dbias[c0 + c], sums[c]);
        if (dweight) assign(dweight[c0 + c], sums[count + c]);
      }
    }
    if (!dx) return;
    for (int64_t c = 0; c < count; ++c) {
      k[c] = k_of(c0 + c);
      sums[c] = sums[c] / S(N);
      sums[count + c] = sums[count + c] / S(N);
    }
    S out_buffer[kFeatures];
    for (int64_t n = 0; n < N; ++n) {
      const S* g = read_row(dy + n * C + c0, count, g_block);
      const S* row = read_row(x + n * C + c0, count, x_block);
      S* to = row_target(dx + n * C + c0, out_buffer);
      for_row<V>(count, [&](auto at) DN_FUSED {
        const V xhat = (at(row) - at(m)) * at(s);
        at.put(to, training ? at(k) * fma(-xhat, at(sums + count), at(g) - at(sums)) : at(k) * at(g));
      });
      write_row(dx + n * C + c0, to, count);
    }
  }

  void run() const {
    if (sizes.S == 1) {
      parallel_for(ceil_div(sizes.C, kFeatures), grain_for(sizes.N * kFeatures), [&](int64_t begin, int64_t end) {
        for (int64_t c0 = begin * kFeatures; c0 < smaller(sizes.C, end * kFeatures); c0 += kFeatures)
          features(c0, smaller(kFeatures, sizes.C - c0));
      });
      return;
    }
    const int64_t block = sizes.block();
    parallel_for(ceil_div(sizes.C, block), grain_for(sizes.N * sizes.S * block), [&](int64_t begin, int64_t end) {
      Scratch buffer(is_narrow<T> ? size_t(3 * sizes.S) * sizeof(S) : 0);
      for (int64_t c0 = begin * block; c0 < smaller(sizes.C, end * block); c0 += block)
        channels(c0, smaller(block, sizes.C - c0), buffer.template as<S>());
    });
  }
};

}  // namespace

void IsaBackend::batch_norm_stats(const View& x, const View& mean, const View& var) {
  const Sizes sizes{x.size(0), x.size(1), x.size(2)};
  visit_floats(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using S = compute_of<T>;
    if (sizes.S == 1) {
      stats_of_features(sizes.N, sizes.C, x.as<T>(), mean.as<S>(), var.as<S>());
    } else {
      stats_of_channels(sizes, x.as<T>(), mean.as<S>(), var.as<S>());
    }
  });
}

void IsaBackend::batch_norm_apply(const View& x, const View& mean, const View& rstd, const View& weight, const View& bias,
                                  const View& y) {
  visit_floats(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using S = compute_of<T>;
    apply<T>({x.size(0), x.size(1), x.size(2)}, x, mean.as<S>(), rstd.as<S>(), weight, bias, y);
  });
}

void IsaBackend::batch_norm_backward(const View& dy, const View& x, const View& mean, const View& rstd, const View& weight,
                                     const View& dx, const View& dweight, const View& dbias, bool training) {
  visit_floats(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using S = compute_of<T>;
    Scratch parameters(size_t(x.size(1)) * sizeof(S));
    const S* w = read_parameter(weight, x.size(1), parameters.template as<S>());
    const Backward<T> kernel{{x.size(0), x.size(1), x.size(2)},
                             dy.as<T>(),
                             x.as<T>(),
                             mean.as<S>(),
                             rstd.as<S>(),
                             w,
                             dx.as<T>(),
                             dweight.as<T>(),
                             dbias.as<T>(),
                             training};
    kernel.run();
  });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
