// Second derivatives of fused operators: their gradient is taken again through simpler ones.
#pragma once

#include "autograd/backward.h"
#include "autograd/mode.h"

namespace deepnet {

/// Gradients of outputs = f() (built from operators on `inputs`, with their histories) given dys, themselves differentiable.
/// Inputs that want none get an undefined tensor.
template <class F>
Tensors recomposed_gradient(const Tensors& inputs, const std::vector<Tensor>& dys, F f) {
  GradGuard on(true);
  Tensors outputs = f(), wanted, used_outputs, used_dys, result(inputs.size());
  for (const Tensor& t : inputs)
    if (t.defined() && requires_grad(t)) wanted.push_back(t);
  for (size_t i = 0; i < outputs.size(); ++i)
    if (dys[i].defined()) {
      used_outputs.push_back(outputs[i]);
      used_dys.push_back(dys[i]);
    }
  Tensors found = grad(used_outputs, wanted, used_dys, true, true, true);
  for (size_t i = 0, k = 0; i < inputs.size(); ++i)
    if (inputs[i].defined() && requires_grad(inputs[i])) result[i] = found[k++];
  return result;
}

}  // namespace deepnet
