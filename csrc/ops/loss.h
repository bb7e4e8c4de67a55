// Losses with kernels of their own.
#pragma once

#include "ops/check.h"

namespace deepnet {

/// input (N, C), (C) or (N, C, ...); target of class indices (N, ...) or of probabilities in input's shape.
Tensor cross_entropy(const Tensor& input, const Tensor& target, const Tensor& weight, const std::string& reduction,
                     int64_t ignore_index, double label_smoothing);
/// input of log-probabilities, target of class indices.
Tensor nll_loss(const Tensor& input, const Tensor& target, const Tensor& weight, const std::string& reduction,
                int64_t ignore_index);

}  // namespace deepnet
