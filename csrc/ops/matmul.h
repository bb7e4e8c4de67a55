// Matrix products.
#pragma once

#include "ops/check.h"

namespace deepnet {

/// PyTorch's matmul: 1-d operands are vectors, leading dims broadcast.
Tensor matmul(const Tensor& a, const Tensor& b);
Tensor mm(const Tensor& a, const Tensor& b);
Tensor bmm(const Tensor& a, const Tensor& b);
Tensor mv(const Tensor& a, const Tensor& x);
Tensor dot(const Tensor& a, const Tensor& b);
/// beta * c + alpha * a b; c broadcasts.
Tensor addmm(const Tensor& c, const Tensor& a, const Tensor& b, Number beta, Number alpha);
/// x weightᵀ + bias; x (..., in), weight (out, in), bias (out) or undefined.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias);

/// a b for a (B, M, K), b (B, K, N), without history; group as in Backend::matmul.
Tensor product(const char* op, const Tensor& a, const Tensor& b, const Tensor& bias, int64_t group);
/// The group of a sum over the rows of x (N, ..., features): batch_group of a sample's positions.
int64_t row_group(const Shape& shape);

}  // namespace deepnet
