// Softmax and log-softmax over the last axis: a warp for each row of up to 1,024, a block for longer ones.
//
//   softmax       y = exp(x - max) * (1 / sum);            dx = y * (dy - sum(y * dy)), a sum of fma chains
//   log-softmax   y = (x - max) - log(sum);                dx = fma(-exp(y), sum(dy), dy)
#include "convert.h"
#include "cuda_backend.h"
#include "math/exp.h"
#include "math/log.h"
#include "rows.h"
#include "runtime.h"

namespace deepnet::gpu {
namespace {

template <class Team, class T>
DN_KERNEL void __launch_bounds__(Team::kThreads) forward_rows(const T* x, T* y, int64_t R, int64_t C, bool log) {
  using S = Compute<T>;
  __shared__ typename Team::template Memory<S> memory;
  const int64_t r = Team::row();
  if (r >= R) return;
  x += r * C;
  y += r * C;
  const S max = Team::template reduce<S>(C, Largest<S>{}, memory, [&](int64_t i) { return widen(x[i]); });
  // Narrow rows have no room for the exponentials: they are computed twice.
  constexpr bool kKeep = sizeof(T) == sizeof(S);
  const bool keep = kKeep && !log;
  const S sum = Team::template reduce<S>(C, Adding<S>{}, memory, [&](int64_t i) {
    const S e = math::exp(widen(x[i]) - max);
    if (keep) y[i] = narrow<T>(e);
    return e;
  });
  if (log) {
    const S l = math::log(sum);
    for (int64_t i = Team::rank(); i < C; i += Team::size()) y[i] = narrow<T>((widen(x[i]) - max) - l);
  } else {
    const S inverse = S(1) / sum;
    for (int64_t i = Team::rank(); i < C; i += Team::size())
      y[i] = narrow<T>((kKeep ? widen(y[i]) : math::exp(widen(x[i]) - max)) * inverse);
  }
}

/// The sum of a b alone.
template <class S>
struct Dot : Adding<S> {
  DN_DEVICE S step(S acc, Pair<S> x) const { return fma(x.a, x.b, acc); }
};

template <class Team, class T>
DN_KERNEL void __launch_bounds__(Team::kThreads) backward_rows(const T* y, const T* dy, T* dx, int64_t R, int64_t C, bool log) {
  using S = Compute<T>;
  __shared__ typename Team::template Memory<S> memory;
  const int64_t r = Team::row();
  if (r >= R) return;
  y += r * C;
  dy += r * C;
  dx += r * C;
  if (log) {
    const S sum = Team::template reduce<S>(C, Adding<S>{}, memory, [&](int64_t i) { return widen(dy[i]); });
    for (int64_t i = Team::rank(); i < C; i += Team::size()) dx[i] = narrow<T>(fma(-math::exp(widen(y[i])), sum, widen(dy[i])));
  } else {
    const S dot = Team::template reduce<S>(C, Dot<S>{}, memory, [&](int64_t i) { return Pair<S>{widen(y[i]), widen(dy[i])}; });
    for (int64_t i = Team::rank(); i < C; i += Team::size()) dx[i] = narrow<T>(widen(y[i]) * (widen(dy[i]) - dot));
  }
}

}  // namespace

void CudaBackend::softmax_forward(const View& x, const View& y, bool log) {
  Call call(device_, log ? "log_softmax" : "softmax");
  const int64_t R = x.size(0), C = x.size(1);
  if (R == 0 || C == 0) return;
  visit_floats(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    with_team(C, [&](auto team) {
      using Team = decltype(team);
      call.run(forward_rows<Team, T>, Team::grid(R), dim3(Team::kThreads), 0, x.as<T>(), y.as<T>(), R, C, log);
    });
  });
}

void CudaBackend::softmax_backward(const View& y, const View& dy, const View& dx, bool log) {
  Call call(device_, log ? "log_softmax_backward" : "softmax_backward");
  const int64_t R = y.size(0), C = y.size(1);
  if (R == 0 || C == 0) return;
  visit_floats(y.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    with_team(C, [&](auto team) {
      using Team = decltype(team);
      call.run(backward_rows<Team, T>, Team::grid(R), dim3(Team::kThreads), 0, y.as<T>(), dy.as<T>(), dx.as<T>(), R, C, log);
    });
  });
}

}  // namespace deepnet::gpu
