#pragma once

#include "ops/check.h"

namespace deepnet {

/// softmax(q kᵀ scale + mask) v; q (..., T, D), k (..., S, D), v (..., S, E); leading dims broadcast. mask: bool (true takes
/// part) or float (added), broadcast to (..., T, S). scale: 1 / sqrt(D) unless given.
Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask, double dropout_p,
                                    bool causal, std::optional<double> scale);

}  // namespace deepnet
