// Tensors made from nothing but their arguments.
#pragma once

#include "ops/check.h"

namespace deepnet {

/// start, start + step, ... below end; computed as start + i * step in double (int64 for integers).
Tensor arange(Number start, Number end, Number step, DType dtype, Device device);
/// steps values from start to end, both in; from either end towards the middle, so that it is symmetric.
Tensor linspace(double start, double end, int64_t steps, DType dtype, Device device);
Tensor eye(int64_t n, int64_t m, DType dtype, Device device);
/// x with zeros above (tril) or below (triu) a diagonal of its last two dims.
Tensor tril(const Tensor& x, int64_t diagonal);
Tensor triu(const Tensor& x, int64_t diagonal);
/// For each element of a strided view over a contiguous tensor of shape `from`: its position there. int64, shape `shape`.
Tensor strided_positions(const Shape& from, const Shape& shape, const Strides& strides, int64_t offset, Device device);

}  // namespace deepnet
