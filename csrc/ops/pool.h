// Pooling over 1 to 3 spatial dims. Inputs (N, C, *spatial).
#pragma once

#include "ops/check.h"

namespace deepnet {

/// values, and flat positions in the input's spatial plane (int64) where with_indices.
std::pair<Tensor, Tensor> max_pool(const Tensor& x, const Dims& kernel, const Dims& stride, const Dims& padding,
                                   const Dims& dilation, bool ceil_mode, bool with_indices);
Tensor avg_pool(const Tensor& x, const Dims& kernel, const Dims& stride, const Dims& padding, bool ceil_mode,
                bool count_include_pad, std::optional<int64_t> divisor_override);
Tensor adaptive_avg_pool(const Tensor& x, const Dims& sizes);
std::pair<Tensor, Tensor> adaptive_max_pool(const Tensor& x, const Dims& sizes);

}  // namespace deepnet
