// Views: other geometries of the same memory. Writes go through, gradients follow.
#pragma once

#include "ops/check.h"

namespace deepnet {

/// A differentiable view of x with this geometry (offset in elements of the storage).
Tensor as_strided(const Tensor& x, const Shape& shape, const Strides& strides, std::optional<int64_t> offset);
/// In place: x takes the geometry of its own view y, and y's place in the graph.
void take_view(const char* op, const Tensor& x, const Tensor& y);
/// One size may be -1. view refuses what would need a copy; reshape copies.
Tensor view(const Tensor& x, const Shape& shape);
Tensor reshape(const Tensor& x, const Shape& shape);
Tensor permute(const Tensor& x, const Dims& order);
Tensor transpose(const Tensor& x, int64_t a, int64_t b);
Tensor expand(const Tensor& x, const Shape& shape);
Tensor squeeze(const Tensor& x, const std::optional<Dims>& dim);
Tensor unsqueeze(const Tensor& x, int64_t dim);
Tensor narrow(const Tensor& x, int64_t dim, int64_t start, int64_t length);
/// Elements start, start + step, ... below end along dim; step > 0, bounds as Python's slices resolve them.
Tensor slice(const Tensor& x, int64_t dim, int64_t start, int64_t end, int64_t step);
Tensor select(const Tensor& x, int64_t dim, int64_t index);
Tensor diagonal(const Tensor& x, int64_t offset, int64_t dim1, int64_t dim2);
Tensor unfold(const Tensor& x, int64_t dim, int64_t size, int64_t step);
Tensor flatten(const Tensor& x, int64_t start, int64_t end);
Tensor unflatten(const Tensor& x, int64_t dim, const Shape& sizes);
Tensor movedim(const Tensor& x, const Dims& from, const Dims& to);
Tensors split(const Tensor& x, const std::vector<int64_t>& sizes, int64_t dim);
Tensors unbind(const Tensor& x, int64_t dim);
/// The tensor itself as a view: what t[...] and t[:] give.
Tensor view_as_self(const Tensor& x);
/// (A, R, B) around dim of a contiguous x, as kernels want it; no history.
Tensor around(const Tensor& x, int dim);

}  // namespace deepnet
