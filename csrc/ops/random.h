// Random tensors and dropout. A null generator means the default one.
#pragma once

#include "ops/check.h"
#include "tensor/generator.h"

namespace deepnet {

/// Fills y (any strides) with draws in logical order.
void random_(const char* op, RandomOp kind, const Tensor& y, double a, double b, const Ref<Generator>& g);
Tensor dropout(const Tensor& x, double p, bool training, const Ref<Generator>& g = nullptr);
Tensor bernoulli(const Tensor& p, const Ref<Generator>& g);
Tensor randperm(int64_t n, DType dtype, Device device, const Ref<Generator>& g);
/// samples row indices from the weights of the last dim (1-d or 2-d).
Tensor multinomial(const Tensor& weights, int64_t samples, bool replacement, const Ref<Generator>& g);

}  // namespace deepnet
