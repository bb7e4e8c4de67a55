// Optimizer steps: one launch for up to 64 tensors, whose addresses travel as arguments; a block takes a chunk of one tensor.
#include "convert.h"
#include "cuda_backend.h"
#include "math/optimizer.h"
#include "runtime.h"

namespace deepnet::gpu {
namespace {

constexpr int64_t kChunkElements = 2048;
constexpr int kMaxTensors = 64;

template <class T>
struct Tensors {
  int count = 0;
  T* param[kMaxTensors];
  const T* grad[kMaxTensors];
  T* state[3][kMaxTensors];
  int64_t size[kMaxTensors];
  int64_t first_chunk[kMaxTensors + 1];
};

template <int kStates, class T, class Step>
DN_KERNEL void __launch_bounds__(256) step_chunks(Tensors<T> tensors, Step step) {
  using S = Compute<T>;
  int low = 0, high = tensors.count;  // the last tensor whose first chunk is not behind this block's
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (tensors.first_chunk[middle] <= int64_t(blockIdx.x))
      low = middle;
    else
      high = middle;
  }
  const int t = low;
  const int64_t begin = (blockIdx.x - tensors.first_chunk[t]) * kChunkElements,
                end = smaller(begin + kChunkElements, tensors.size[t]);
  T* param = tensors.param[t];
  const T* grad = tensors.grad[t];
#pragma unroll 4
  for (int64_t i = begin + threadIdx.x; i < end; i += 256) {
    S state[3] = {S(0), S(0), S(0)};
#pragma unroll
    for (int k = 0; k < 3; ++k)
      if (kStates >> k & 1) state[k] = widen(tensors.state[k][t][i]);
    const S next = step.template apply<kStates>(widen(param[i]), widen(grad[i]), state);
#pragma unroll
    for (int k = 0; k < 3; ++k)
      if (kStates >> k & 1) tensors.state[k][t][i] = narrow<T>(state[k]);
    param[i] = narrow<T>(next);
  }
}

template <int kStates, class T, class Step>
void step_all(Call& call, const OptimizerStep& s, const Step& step) {
  Tensors<T> tensors;
  tensors.first_chunk[0] = 0;
  const auto flush = [&] {
    if (tensors.count == 0) return;
    call.run(step_chunks<kStates, T, Step>, dim3(unsigned(tensors.first_chunk[tensors.count])), dim3(256), 0, tensors, step);
    tensors.count = 0;
  };
  for (int t = 0; t < s.count; ++t) {
    const int64_t n = s.param[t].numel();
    if (s.param[t].dtype != dtype_of<T>() || n == 0) continue;
    const int at = tensors.count++;
    tensors.param[at] = s.param[t].as<T>();
    tensors.grad[at] = s.grad[t].as<T>();
    for (int k = 0; k < 3; ++k) tensors.state[k][at] = kStates >> k & 1 ? s.state[k][t].as<T>() : nullptr;
    tensors.size[at] = n;
    tensors.first_chunk[at + 1] = tensors.first_chunk[at] + ceil_div(n, kChunkElements);
    if (tensors.count == kMaxTensors) flush();
  }
  flush();
}

template <class T>
void step_dtype(Call& call, const OptimizerStep& s) {
  using C = Compute<T>;
  const math::Hyper h{s.hyper.as<const double>(), s.hyper.numel(), s.maximize};
  switch (s.op) {
    case OptimizerOp::SGD: {
      const math::SgdStep<C> step(h, s.nesterov);
      return s.state[0] ? step_all<1, T>(call, s, step) : step_all<0, T>(call, s, step);
    }
    case OptimizerOp::Adam:
    case OptimizerOp::AdamW: {
      const math::AdamStep<C> step(h, s.op == OptimizerOp::AdamW);
      return s.amsgrad ? step_all<7, T>(call, s, step) : step_all<3, T>(call, s, step);
    }
    case OptimizerOp::RMSprop: {
      const math::RmspropStep<C> step(h);
      if (s.centered) return s.state[2] ? step_all<7, T>(call, s, step) : step_all<3, T>(call, s, step);
      return s.state[2] ? step_all<5, T>(call, s, step) : step_all<1, T>(call, s, step);
    }
    default:
      return step_all<1, T>(call, s, math::AdagradStep<C>(h));
  }
}

}  // namespace

void CudaBackend::optimizer_step(const OptimizerStep& step) {
  Call call(device_, "optimizer_step");
  for (const DType dtype : {DType::Float32, DType::Float64, DType::Float16, DType::BFloat16}) {
    bool any = false;
    for (int t = 0; t < step.count; ++t) any = any || step.param[t].dtype == dtype;
    if (any) visit_floats(dtype, [&](auto tag) { step_dtype<typename decltype(tag)::type>(call, step); });
  }
}

}  // namespace deepnet::gpu
