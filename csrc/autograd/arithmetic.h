// The few operators that the graph itself needs; ops/ defines them, so that nothing here includes upwards.
#pragma once

#include "tensor/tensor.h"

namespace deepnet {

/// a + b, differentiable.
Tensor add_gradients(const Tensor& a, const Tensor& b);
/// a += b in memory, without history.
void add_into(const Tensor& a, const Tensor& b);
/// The elements that a view of this geometry over `x` (contiguous, offsets relative to its first element) shows;
/// differentiable.
Tensor strided_slice(const Tensor& x, const Shape& shape, const Strides& strides, int64_t offset);
/// The gradient of strided_slice: zeros of `shape` with dy added at the slice's places; differentiable.
Tensor strided_slice_backward(const Tensor& dy, const Shape& shape, const Strides& strides, int64_t offset);
/// x with its slice replaced by src (zeros where undefined); differentiable.
Tensor strided_scatter(const Tensor& x, const Tensor& src, const Shape& shape, const Strides& strides, int64_t offset);
Tensor ones_like_gradient(const Tensor& x, double value);
/// A contiguous copy without history.
Tensor copy_of(const Tensor& x);
/// dy summed over what broadcasting repeated, so that it has `shape`; differentiable.
Tensor sum_to(const Tensor& dy, const Shape& shape);
Tensor convert_gradient(const Tensor& g, DType dtype);
bool has_nan(const Tensor& x);

}  // namespace deepnet
