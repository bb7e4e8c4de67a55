// Layer and RMS normalisation over the last axis.
//
//   xhat = (x - mean) * rstd, or x * rstd (rms); rstd = 1 / sqrt(var + eps)
//   y  = fma(xhat, weight, bias), or the one of them that is there
//   g  = dy * weight; c1 = sum(g) / C (0 for rms), c2 = sum(g * xhat) / C, sums of products as chains of fma
//   dx = rstd * fma(-xhat, c2, g - c1)
#include "columns.h"
#include "convert.h"
#include "cuda_backend.h"
#include "norm_rows.h"
#include "rows.h"
#include "runtime.h"

namespace deepnet::gpu {
namespace {

template <class Team, class T>
DN_KERNEL void __launch_bounds__(Team::kThreads)
    forward_rows(const T* x, Numbers weight, Numbers bias, T* y, Compute<T>* mean_out, Compute<T>* rstd_out, int64_t R,
                 int64_t C, Compute<T> eps, bool rms) {
  using S = Compute<T>;
  __shared__ typename Team::template Memory<S> memory;
  const int64_t r = Team::row();
  if (r >= R) return;
  x += r * C;
  y += r * C;
  S mean = 0;
  if (!rms) mean = Team::template reduce<S>(C, Adding<S>{}, memory, [&](int64_t i) { return widen(x[i]); }) / S(C);
  const S squares = Team::template reduce<S>(C, AddingSquares<S>{}, memory, [&](int64_t i) { return widen(x[i]) - mean; });
  const S rstd = S(1) / sqrt(squares / S(C) + eps);
  for (int64_t i = Team::rank(); i < C; i += Team::size())
    y[i] = narrow<T>(scale_and_shift((widen(x[i]) - mean) * rstd, weight, bias, i));
  if (Team::rank() != 0) return;
  if (mean_out) mean_out[r] = mean;
  if (rstd_out) rstd_out[r] = rstd;
}

template <class Team, class T>
DN_KERNEL void __launch_bounds__(Team::kThreads)
    backward_rows(const T* dy, const T* x, Numbers weight, const Compute<T>* mean_in, const Compute<T>* rstd_in, T* dx,
                  int64_t R, int64_t C, bool rms) {
  using S = Compute<T>;
  __shared__ typename Team::template Memory<Pair<S>> memory;
  const int64_t r = Team::row();
  if (r >= R) return;
  dy += r * C;
  x += r * C;
  dx += r * C;
  const S mean = rms ? S(0) : mean_in[r], rstd = rstd_in[r];
  auto load = [&](int64_t i) {
    const S g = widen(dy[i]);
    return Pair<S>{weight ? g * weight.get<S>(i) : g, (widen(x[i]) - mean) * rstd};
  };
  const Pair<S> sums = Team::template reduce<Pair<S>>(C, AddingDot<S>{}, memory, load);
  const S c1 = rms ? S(0) : sums.a / S(C), c2 = sums.b / S(C);
  for (int64_t i = Team::rank(); i < C; i += Team::size()) {
    const Pair<S> v = load(i);
    dx[i] = narrow<T>(rstd * fma(-v.b, c2, v.a - c1));
  }
}

/// The sums of dy and of dy xhat over the rows of a group: partial (groups, C).
template <class T>
DN_KERNEL void __launch_bounds__(256)
    parameter_chains(const T* dy, const T* x, const Compute<T>* mean, const Compute<T>* rstd, int64_t R, int64_t C,
                     int64_t group, bool rms, Pair<Compute<T>>* partial) {
  using S = Compute<T>;
  const AddingDot<S> op;
  const int64_t total = ceil_div(R, group) * C;
  for (int64_t i = thread_id(); i < total; i += thread_count()) {
    const int64_t g = quotient(i, C), c = i - g * C, last = smaller(R, (g + 1) * group);
    Pair<S> acc = op.identity();
#pragma unroll 4
    for (int64_t r = g * group; r < last; ++r)
      acc = op.step(acc, {widen(dy[r * C + c]), (widen(x[r * C + c]) - (rms ? S(0) : mean[r])) * rstd[r]});
    partial[i] = acc;
  }
}

template <class T>
DN_KERNEL void finish_parameters(const Pair<Compute<T>>* in, int64_t n, int64_t C, T* dweight, T* dbias) {
  using S = Compute<T>;
  for (int64_t c = thread_id(); c < C; c += thread_count()) {
    const Pair<S> sums = n ? fan_in(in, 0, n, C, c, AddingPairs<S>{}) : Pair<S>{S(0), S(0)};
    if (dbias) dbias[c] = narrow<T>(sums.a);
    if (dweight) dweight[c] = narrow<T>(sums.b);
  }
}

template <class T>
void parameter_gradients(Call& call, const View& dy, const View& x, const View& mean, const View& rstd, const View& dweight,
                         const View& dbias, bool rms, int64_t group) {
  using S = Compute<T>;
  const int64_t R = x.size(0), C = x.size(1);
  int64_t groups = ceil_div(R, group);
  const Pair<S>* partial = nullptr;
  if (groups > 0) {
    Pair<S>* chains = call.scratch<Pair<S>>(groups * C);
    call.run_items(parameter_chains<T>, groups * C, dy.as<T>(), x.as<T>(), mean.as<S>(), rstd.as<S>(), R, C, group, rms,
                   chains);
    partial = tree_down(call, chains, call.scratch<Pair<S>>(tree_rows(groups) * C), groups, C, AddingPairs<S>{});
  }
  call.run_items(finish_parameters<T>, C, partial, groups, C, dweight.as<T>(), dbias.as<T>());
}

}  // namespace

void CudaBackend::layer_norm_forward(const View& x, const View& weight, const View& bias, const View& y, const View& mean,
                                     const View& rstd, double eps, bool rms) {
  Call call(device_, rms ? "rms_norm" : "layer_norm");
  const int64_t R = x.size(0), C = x.size(1);
  if (R == 0 || C == 0) return;
  visit_floats(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using S = Compute<T>;
    with_team(C, [&](auto team) {
      using Team = decltype(team);
      call.run(forward_rows<Team, T>, Team::grid(R), dim3(Team::kThreads), 0, x.as<T>(), Numbers(weight), Numbers(bias),
               y.as<T>(), mean.as<S>(), rstd.as<S>(), R, C, S(eps), rms);
    });
  });
}

void CudaBackend::layer_norm_backward(const View& dy, const View& x, const View& weight, const View& mean, const View& rstd,
                                      const View& dx, const View& dweight, const View& dbias, bool rms, int64_t group) {
  Call call(device_, rms ? "rms_norm_backward" : "layer_norm_backward");
  const int64_t R = x.size(0), C = x.size(1);
  if (C == 0) return;
  visit_floats(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using S = Compute<T>;
    if (dx.defined() && R > 0) {
      with_team(C, [&](auto team) {
        using Team = decltype(team);
        call.run(backward_rows<Team, T>, Team::grid(R), dim3(Team::kThreads), 0, dy.as<T>(), x.as<T>(), Numbers(weight),
                 mean.as<S>(), rstd.as<S>(), dx.as<T>(), R, C, rms);
      });
    }
    if (dweight.defined() || dbias.defined())
      parameter_gradients<T>(call, dy, x, mean, rstd, dweight, dbias, rms, group > 0 ? group : 64);
  });
}

}  // namespace deepnet::gpu
