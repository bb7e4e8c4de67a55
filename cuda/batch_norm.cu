// Batch normalisation of (N, C, S): statistics over N and S for each channel.
//
//   xhat = (x - mean) * rstd; y = fma(xhat, weight, bias), or the one of them that is there
//   c1 = sum(dy) / (N S), c2 = sum(dy * xhat) / (N S), sums of products as chains of fma; k = rstd * weight
//   dx = k * fma(-xhat, c2, dy - c1) in training, else k * dy
#include "columns.h"
#include "convert.h"
#include "cuda_backend.h"
#include "norm_rows.h"
#include "rows.h"
#include "runtime.h"

namespace deepnet::gpu {
namespace {

// What is summed over a channel: the element at flat position `at` of channel c.
template <class T>
struct Values {
  using Sum = Compute<T>;
  using Op = Adding<Sum>;
  const T* x;
  DN_DEVICE Sum operator()(int64_t at, int64_t) const { return widen(x[at]); }
};
template <class T>
struct Deviations {
  using Sum = Compute<T>;
  using Op = AddingSquares<Sum>;
  const T* x;
  const Sum* mean;
  DN_DEVICE Sum operator()(int64_t at, int64_t c) const { return widen(x[at]) - mean[c]; }
};
template <class T>
struct Gradients {
  using Sum = Pair<Compute<T>>;
  using Op = AddingDot<Compute<T>>;
  const T *dy, *x;
  const Compute<T>*mean, *rstd;
  DN_DEVICE Sum operator()(int64_t at, int64_t c) const { return {widen(dy[at]), (widen(x[at]) - mean[c]) * rstd[c]}; }
};

/// sums (N, C): each row of S positions by rows.
template <class Team, class Source>
DN_KERNEL void __launch_bounds__(Team::kThreads)
    sum_rows(Source source, typename Source::Sum* sums, int64_t rows, int64_t C, int64_t S) {
  using Sum = typename Source::Sum;
  __shared__ typename Team::template Memory<Sum> memory;
  const int64_t row = Team::row();
  if (row >= rows) return;
  const int64_t c = row - quotient(row, C) * C;
  const Sum v = Team::template reduce<Sum>(S, typename Source::Op{}, memory, [&](int64_t i) { return source(row * S + i, c); });
  if (Team::rank() == 0) sums[row] = v;
}

/// Sums of samples chained in groups: (N, C) to (ceil(N / group), C).
template <class Sum, class Op>
DN_KERNEL void chain_samples(const Sum* sums, Sum* chains, int64_t N, int64_t C, int64_t group, Op op) {
  const int64_t total = ceil_div(N, group) * C;
  for (int64_t i = thread_id(); i < total; i += thread_count()) {
    const int64_t g = quotient(i, C), c = i - g * C, last = smaller(N, (g + 1) * group);
    Sum acc = op.identity();
    for (int64_t n = g * group; n < last; ++n) acc = op.combine(acc, sums[n * C + c]);
    chains[i] = acc;
  }
}

/// S = 1: columns of (N, C) in groups of 64.
template <class Source>
DN_KERNEL void chain_columns(Source source, typename Source::Sum* chains, int64_t N, int64_t C, int64_t group) {
  const typename Source::Op op;
  const int64_t total = ceil_div(N, group) * C;
  for (int64_t i = thread_id(); i < total; i += thread_count()) {
    const int64_t g = quotient(i, C), c = i - g * C, last = smaller(N, (g + 1) * group);
    typename Source::Sum acc = op.identity();
#pragma unroll 4
    for (int64_t n = g * group; n < last; ++n) acc = op.step(acc, source(n * C + c, c));
    chains[i] = acc;
  }
}

/// finish(c, sum) for the tree over n rows of partial sums, at most kTreeFan.
template <class Sum, class Op, class Finish>
DN_KERNEL void finish_channels(const Sum* in, int64_t n, int64_t C, Op op, Finish finish) {
  for (int64_t c = thread_id(); c < C; c += thread_count()) finish(c, fan_in(in, 0, n, C, c, op));
}

struct Sizes {
  int64_t N, C, S;
  explicit Sizes(const View& x) : N(x.size(0)), C(x.size(1)), S(x.size(2)) {}
  int64_t total() const { return N * C * S; }
};

template <class Source, class Finish>
void sum_channels(Call& call, const Sizes& z, Source source, Finish finish) {
  using Sum = typename Source::Sum;
  using Op = typename Source::Op;
  Sum* sums = call.scratch<Sum>(z.N * z.C);
  const Sum* partial = sums;
  int64_t n = z.N;
  if (z.S == 1) {
    n = ceil_div(z.N, 64);
    call.run_items(chain_columns<Source>, n * z.C, source, sums, z.N, z.C, 64);
  } else {
    with_team(z.S, [&](auto team) {
      using Team = decltype(team);
      call.run(sum_rows<Team, Source>, Team::grid(z.N * z.C), dim3(Team::kThreads), 0, source, sums, z.N * z.C, z.C, z.S);
    });
    if (z.S < 64) {
      const int64_t group = ceil_div(64, z.S);
      n = ceil_div(z.N, group);
      Sum* chains = call.scratch<Sum>(n * z.C);
      call.run_items(chain_samples<Sum, Op>, n * z.C, sums, chains, z.N, z.C, group, Op{});
      partial = chains;
    }
  }
  Sum* buffer = n > kTreeFan ? call.scratch<Sum>(tree_rows(n) * z.C) : nullptr;
  partial = tree_down(call, partial, buffer, n, z.C, Op{});
  call.run_items(finish_channels<Sum, Op, Finish>, z.C, partial, n, z.C, Op{}, finish);
}

template <class S>
struct StoreMean {
  S* out;
  S total;
  DN_DEVICE void operator()(int64_t c, S sum) const { out[c] = sum / total; }
};

/// c1 and c2 of each channel, and the parameters' gradients.
template <class T>
struct StoreGradients {
  Pair<Compute<T>>* means;
  T *dweight, *dbias;
  Compute<T> total;
  DN_DEVICE void operator()(int64_t c, Pair<Compute<T>> sums) const {
    means[c] = {sums.a / total, sums.b / total};
    if (dbias) dbias[c] = narrow<T>(sums.a);
    if (dweight) dweight[c] = narrow<T>(sums.b);
  }
};

DN_DEVICE int64_t channel_of(int64_t i, int64_t C, int64_t S) {
  const int64_t row = quotient(i, S);
  return row - quotient(row, C) * C;
}

template <class T>
DN_KERNEL void apply_elements(const T* x, const Compute<T>* mean, const Compute<T>* rstd, Numbers weight, Numbers bias, T* y,
                              int64_t total, int64_t C, int64_t S) {
  for (int64_t i = thread_id(); i < total; i += thread_count()) {
    const int64_t c = channel_of(i, C, S);
    y[i] = narrow<T>(scale_and_shift((widen(x[i]) - mean[c]) * rstd[c], weight, bias, c));
  }
}

template <class T>
DN_KERNEL void input_gradient(const T* dy, const T* x, const Compute<T>* mean, const Compute<T>* rstd, Numbers weight,
                              const Pair<Compute<T>>* means, T* dx, int64_t total, int64_t C, int64_t S) {
  using A = Compute<T>;
  for (int64_t i = thread_id(); i < total; i += thread_count()) {
    const int64_t c = channel_of(i, C, S);
    const A k = weight ? rstd[c] * weight.get<A>(c) : rstd[c], g = widen(dy[i]);
    if (means) {
      const Pair<A> m = means[c];
      dx[i] = narrow<T>(k * fma(-((widen(x[i]) - mean[c]) * rstd[c]), m.b, g - m.a));
    } else {
      dx[i] = narrow<T>(k * g);
    }
  }
}

}  // namespace

void CudaBackend::batch_norm_stats(const View& x, const View& mean, const View& var) {
  Call call(device_, "batch_norm_stats");
  const Sizes z(x);
  if (z.total() == 0) return;
  visit_floats(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using S = Compute<T>;
    const S total = S(z.N * z.S);
    sum_channels(call, z, Values<T>{x.as<T>()}, StoreMean<S>{mean.as<S>(), total});
    sum_channels(call, z, Deviations<T>{x.as<T>(), mean.as<S>()}, StoreMean<S>{var.as<S>(), total});
  });
}

void CudaBackend::batch_norm_apply(const View& x, const View& mean, const View& rstd, const View& weight, const View& bias,
                                   const View& y) {
  Call call(device_, "batch_norm");
  const Sizes z(x);
  visit_floats(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using S = Compute<T>;
    call.run_items(apply_elements<T>, z.total(), x.as<T>(), mean.as<S>(), rstd.as<S>(), Numbers(weight), Numbers(bias),
                   y.as<T>(), z.total(), z.C, z.S);
  });
}

void CudaBackend::batch_norm_backward(const View& dy, const View& x, const View& mean, const View& rstd, const View& weight,
                                      const View& dx, const View& dweight, const View& dbias, bool training) {
  Call call(device_, "batch_norm_backward");
  const Sizes z(x);
  if (z.total() == 0) return;
  visit_floats(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using S = Compute<T>;
    // The sums are not needed where only dx is wanted and the statistics are constants.
    Pair<S>* means = nullptr;
    if (dweight.defined() || dbias.defined() || (dx.defined() && training)) {
      means = call.scratch<Pair<S>>(z.C);
      sum_channels(call, z, Gradients<T>{dy.as<T>(), x.as<T>(), mean.as<S>(), rstd.as<S>()},
                   StoreGradients<T>{means, dweight.as<T>(), dbias.as<T>(), S(z.N * z.S)});
    }
    if (dx.defined())
      call.run_items(input_gradient<T>, z.total(), dy.as<T>(), x.as<T>(), mean.as<S>(), rstd.as<S>(), Numbers(weight),
                     training ? means : nullptr, dx.as<T>(), z.total(), z.C, z.S);
  });
}

}  // namespace deepnet::gpu
