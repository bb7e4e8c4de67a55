// Choosing and placing elements by index, joining tensors.
#pragma once

#include "ops/check.h"

namespace deepnet {

Tensor cat(const Tensors& list, int64_t dim);
Tensor stack(const Tensors& list, int64_t dim);
Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index);
Tensor embedding(const Tensor& weight, const Tensor& index, std::optional<int64_t> padding_idx);
Tensor gather(const Tensor& x, int64_t dim, const Tensor& index);
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src);
Tensor scatter_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src);
/// reduce: "sum", "prod", "amin", "amax", "mean".
Tensor scatter_reduce(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src, const std::string& reduce,
                      bool include_self);
Tensor index_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src);
Tensor index_copy(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src);
Tensor flip(const Tensor& x, const Dims& dims);
Tensor roll(const Tensor& x, const Dims& shifts, const Dims& dims);
/// The positions of non-zero elements, (count, ndim) int64.
Tensor nonzero(const Tensor& x);
Tensor masked_select(const Tensor& x, const Tensor& mask);
/// NumPy's advanced indexing: one entry for each of x's leading dims, undefined entries stand for whole dims. Bool entries
/// count for as many dims as they have.
Tensor index(const Tensor& x, const Tensors& indices);
/// x with x[indices] replaced by value, or increased where accumulate.
Tensor index_put(const Tensor& x, const Tensors& indices, const Tensor& value, bool accumulate);
void index_put_(const Tensor& x, const Tensors& indices, const Tensor& value, bool accumulate);
/// Pads with a constant: pairs (before, after) from the last dim backwards; negative ones crop.
Tensor constant_pad(const Tensor& x, const Dims& pads, const Tensor& value);
std::pair<Tensor, Tensor> sort(const Tensor& x, int64_t dim, bool descending);
std::pair<Tensor, Tensor> topk(const Tensor& x, int64_t k, int64_t dim, bool largest);
Tensor searchsorted(const Tensor& sorted, const Tensor& values, bool right);

}  // namespace deepnet
