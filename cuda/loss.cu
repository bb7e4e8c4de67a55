// Cross-entropy of logits with class indices: loss = lse - logit of the target, lse = max + log(sum of exp(x - max)).
#include "convert.h"
#include "cuda_backend.h"
#include "index_report.h"
#include "math/exp.h"
#include "math/log.h"
#include "rows.h"
#include "runtime.h"

namespace deepnet::gpu {
namespace {

template <class Team, class T>
DN_KERNEL void __launch_bounds__(Team::kThreads)
    forward_rows(const T* x, const int64_t* target, int64_t target_stride, Numbers loss, Numbers lse, int64_t R, int64_t C,
                 int64_t ignore_index, IndexReport* report) {
  using S = Compute<T>;
  __shared__ typename Team::template Memory<S> memory;
  const int64_t r = Team::row();
  if (r >= R) return;
  x += r * C;
  const S max = Team::template reduce<S>(C, Largest<S>{}, memory, [&](int64_t i) { return widen(x[i]); });
  const S sum = Team::template reduce<S>(C, Adding<S>{}, memory, [&](int64_t i) { return math::exp(widen(x[i]) - max); });
  if (Team::rank() != 0) return;
  const int64_t t = target[r * target_stride];
  const S row_lse = max + math::log(sum);
  lse.put(r, row_lse);
  if (t == ignore_index) {
    loss.put(r, S(0));
  } else if (index_valid(t, C, kCrossEntropy, report)) {
    loss.put(r, row_lse - widen(x[t]));
  }
}

template <class Team, class T>
DN_KERNEL void __launch_bounds__(Team::kThreads)
    backward_rows(const T* x, const int64_t* target, int64_t target_stride, Numbers lse, Numbers dloss, T* dx, int64_t R,
                  int64_t C, int64_t ignore_index, IndexReport* report) {
  using S = Compute<T>;
  const int64_t r = Team::row();
  if (r >= R) return;
  x += r * C;
  dx += r * C;
  const int64_t t = target[r * target_stride];
  if (t == ignore_index || !index_valid(t, C, kCrossEntropy, report)) {
    for (int64_t i = Team::rank(); i < C; i += Team::size()) dx[i] = narrow<T>(S(0));
    return;
  }
  const S l = lse.get<S>(r), g = dloss.get<S>(r);
  for (int64_t i = Team::rank(); i < C; i += Team::size()) {
    const S e = math::exp(widen(x[i]) - l);
    dx[i] = narrow<T>((i == t ? e - S(1) : e) * g);
  }
}

}  // namespace

void CudaBackend::cross_entropy_forward(const View& logits, const View& target, const View& loss, const View& lse,
                                        int64_t ignore_index) {
  Call call(device_, "cross_entropy");
  const int64_t R = logits.size(0), C = logits.size(1);
  if (R == 0) return;
  visit_floats(logits.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    with_team(C, [&](auto team) {
      using Team = decltype(team);
      call.run(forward_rows<Team, T>, Team::grid(R), dim3(Team::kThreads), 0, logits.as<T>(), target.as<int64_t>(),
               target.stride(0), Numbers(loss), Numbers(lse), R, C, ignore_index, call.report());
    });
  });
}

void CudaBackend::cross_entropy_backward(const View& logits, const View& target, const View& lse, const View& dloss,
                                         const View& dx, int64_t ignore_index) {
  Call call(device_, "cross_entropy_backward");
  const int64_t R = logits.size(0), C = logits.size(1);
  if (R == 0 || C == 0) return;
  visit_floats(logits.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    with_team(C, [&](auto team) {
      using Team = decltype(team);
      call.run(backward_rows<Team, T>, Team::grid(R), dim3(Team::kThreads), 0, logits.as<T>(), target.as<int64_t>(),
               target.stride(0), Numbers(lse), Numbers(dloss), dx.as<T>(), R, C, ignore_index, call.report());
    });
  });
}

}  // namespace deepnet::gpu
