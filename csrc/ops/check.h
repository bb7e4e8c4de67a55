// Checks and shape arithmetic that every operator shares.
#pragma once

#include <optional>

#include "autograd/record.h"
#include "backend/launch.h"

namespace deepnet {

DType default_dtype();
void set_default_dtype(DType t);

/// The compute type of an elementwise kernel whose result is of dtype t.
inline DType compute_dtype(DType t) {
  if (t == DType::Float64) return t;
  return is_floating(t) ? DType::Float32 : DType::Int64;
}

void check_defined(const char* op, const char* what, const Tensor& t);
void check_floating(const char* op, const char* what, const Tensor& t);
void check_same_dtype(const char* op, const Tensor& a, const Tensor& b);
void check_same_device(const char* op, const Tensor& a, const Tensor& b);
void check_index(const char* op, const char* what, const Tensor& t);

/// dim in [0, ndim) from one in [-ndim, ndim); a 0-d tensor counts as 1-d. IndexError otherwise.
int wrap_dim(const char* op, int64_t dim, int ndim);
/// The dims of `dim` as flags; none given means all. ValueError for repeats.
std::vector<bool> dim_mask(const char* op, const std::optional<Dims>& dim, int ndim);

Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b);
/// x's memory as a kernel sees it broadcast to `shape`: zero strides, nothing copied.
View broadcast_view(const Tensor& x, const Shape& shape);

/// What two operands promote to: tensors with dimensions decide; 0-d tensors, then Python numbers, only where their category
/// (bool, integer, float) is higher.
DType result_type(const Tensor& a, const Tensor& b);
DType result_type(const Tensors& list);

/// dy summed over what broadcasting repeated, so that it has `shape`; differentiable.
Tensor sum_to(const Tensor& dy, const Shape& shape);

/// Runs compute(old value of x) and makes the result x's value, in memory and in the graph: the one mechanism behind every
/// in-place operator that has no kernel of its own for it.
/// overwrites: value owes nothing to x's old value, whose gradient is then zero.
void assign(const char* op, const Tensor& x, const Tensor& value, bool overwrites = false);
/// What compute gets: x itself where nobody wants a gradient, else a copy of x with its history. saved: compute may keep it for
/// the gradient of another operand, so it is a copy whenever gradients are recorded.
Tensor old_value(const char* op, const Tensor& x, bool saved = false);
/// Refuses, naming op, to write where several elements of x share their memory (an expanded tensor).
void check_distinct(const char* op, const Tensor& x);

/// Where an operator writes: `out` if it has the shape, dtype and device and overlaps no input otherwise than exactly, else
/// new.
bool may_write(const Tensor& out, const Shape& shape, DType dtype, std::initializer_list<const Tensor*> inputs);

}  // namespace deepnet
