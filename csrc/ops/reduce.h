// Reductions over any dims.
#pragma once

#include "ops/check.h"

namespace deepnet {

using OptDims = std::optional<Dims>;

Tensor sum(const Tensor& x, const OptDims& dim, bool keepdim, std::optional<DType> dtype = std::nullopt);
Tensor mean(const Tensor& x, const OptDims& dim, bool keepdim, std::optional<DType> dtype = std::nullopt);
Tensor prod(const Tensor& x, const OptDims& dim, bool keepdim, std::optional<DType> dtype = std::nullopt);
Tensor amin(const Tensor& x, const OptDims& dim, bool keepdim);
Tensor amax(const Tensor& x, const OptDims& dim, bool keepdim);
Tensor any(const Tensor& x, const OptDims& dim, bool keepdim);
Tensor all(const Tensor& x, const OptDims& dim, bool keepdim);
Tensor var(const Tensor& x, const OptDims& dim, double correction, bool keepdim);
Tensor std_(const Tensor& x, const OptDims& dim, double correction, bool keepdim);
Tensor logsumexp(const Tensor& x, const Dims& dim, bool keepdim);
Tensor vector_norm(const Tensor& x, double ord, const OptDims& dim, bool keepdim, std::optional<DType> dtype);
std::pair<Tensor, Tensor> max_dim(const Tensor& x, int64_t dim, bool keepdim);
std::pair<Tensor, Tensor> min_dim(const Tensor& x, int64_t dim, bool keepdim);
Tensor argmax(const Tensor& x, std::optional<int64_t> dim, bool keepdim);
Tensor argmin(const Tensor& x, std::optional<int64_t> dim, bool keepdim);
Tensor cumsum(const Tensor& x, int64_t dim, std::optional<DType> dtype);
Tensor cumprod(const Tensor& x, int64_t dim, std::optional<DType> dtype);
Tensor logcumsumexp(const Tensor& x, int64_t dim);
std::pair<Tensor, Tensor> cummax(const Tensor& x, int64_t dim);
std::pair<Tensor, Tensor> cummin(const Tensor& x, int64_t dim);
Tensor flip(const Tensor& x, const Dims& dims);

/// The sum that gradients of broadcast operands take. Dims of a batch are cut as docs/bits.md says: where dim 0 is a batch
/// whose samples have 64 positions or more, each sample is one group, else every 64 rows; so partial batches add up to
/// the bits of the whole.
Tensor sum_batch(const Tensor& x, const Dims& dims);

}  // namespace deepnet
