// Optimizer steps: one pass over the elements of all tensors as if they lay behind one another.
#include "math/optimizer.h"
#include "core/parallel.h"
#include "cpu/float_vectors.h"
#include "cpu/isa_backend.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

constexpr int64_t kChunk = 16384;

/// One tensor's elements [begin, end).
template <int kStates, class T, class Step>
DN_INLINE void step_range(const OptimizerStep& s, const Step& step, int tensor, int64_t begin, int64_t end) {
  using V = vector_of<T>;
  T* p = s.param[tensor].as<T>();
  const T* g = s.grad[tensor].as<const T>();
  T* states[3];
  for (int k = 0; k < 3; ++k) states[k] = kStates >> k & 1 ? s.state[k][tensor].as<T>() : nullptr;
  auto apply = [&](int64_t i, int64_t n) DN_FUSED {
    V state[3] = {V(0), V(0), V(0)};
    for (int k = 0; k < 3; ++k)
      if (kStates >> k & 1) state[k] = get(states[k] + i, n);
    const V next = step.template apply<kStates>(get(p + i, n), get(g + i, n), state);
    for (int k = 0; k < 3; ++k)
      if (kStates >> k & 1) put(states[k] + i, state[k], n);
    put(p + i, next, n);
  };
  int64_t i = begin;
  for (; i + V::lanes <= end; i += V::lanes) apply(i, V::lanes);
  if (i < end) apply(i, end - i);
}

/// Every tensor of dtype T.
template <int kStates, class T, class Step>
void step_all(const OptimizerStep& s, const Step& step, DType dtype, int64_t total) {
  parallel_for(total, kChunk, [&](int64_t begin, int64_t end) {
    int64_t start = 0;  // where the tensor begins in the row of all
    for (int t = 0; t < s.count && start < end; ++t) {
      if (s.param[t].dtype != dtype) continue;
      const int64_t n = s.param[t].numel(), from = larger(begin, start) - start, to = smaller(end, start + n) - start;
      if (from < to) step_range<kStates, T>(s, step, t, from, to);
      start += n;
    }
  });
}

template <class T>
void step_dtype(const OptimizerStep& s, DType dtype, int64_t total) {
  using C = compute_of<T>;
  const math::Hyper h{s.hyper.as<const double>(), s.hyper.numel(), s.maximize};
  switch (s.op) {
    case OptimizerOp::SGD: {
      const math::SgdStep<C> step(h, s.nesterov);
      return s.state[0] ? step_all<1, T>(s, step, dtype, total) : step_all<0, T>(s, step, dtype, total);
    }
    case OptimizerOp::Adam:
    case OptimizerOp::AdamW: {
      const math::AdamStep<C> step(h, s.op == OptimizerOp::AdamW);
      return s.amsgrad ? step_all<7, T>(s, step, dtype, total) : step_all<3, T>(s, step, dtype, total);
    }
    case OptimizerOp::RMSprop: {
      const math::RmspropStep<C> step(h);
      if (s.centered) return s.state[2] ? step_all<7, T>(s, step, dtype, total) : step_all<3, T>(s, step, dtype, total);
      return s.state[2] ? step_all<5, T>(s, step, dtype, total) : step_all<1, T>(s, step, dtype, total);
    }
    default:
      return step_all<1, T>(s, math::AdagradStep<C>(h), dtype, total);
  }
}

}  // namespace

void IsaBackend::optimizer_step(const OptimizerStep& step) {
  for (const DType dtype : {DType::Float32, DType::Float64, DType::Float16, DType::BFloat16}) {
    int64_t total = 0;
    for (int t = 0; t < step.count; ++t)
      if (step.param[t].dtype == dtype) total += step.param[t].numel();
    if (total > 0) visit_floats(dtype, [&](auto tag) { step_dtype<typename decltype(tag)::type>(step, dtype, total); });
  }
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
