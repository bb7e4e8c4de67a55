#pragma once

#include "ops/check.h"

namespace deepnet {

struct OptimizerFlags {
  bool nesterov, amsgrad, centered, maximize;
};

/// One optimizer step over all tensors of the lists, in one kernel. op: "sgd", "adam", "adamw", "rmsprop", "adagrad"; states as
/// OptimizerStep says; hyper: float64 on the CPU, read when the kernel runs.
void optimizer_step(const std::string& op, const Tensors& params, const Tensors& grads, const std::vector<Tensors>& states,
                    const Tensor& hyper, OptimizerFlags flags);

}  // namespace deepnet
