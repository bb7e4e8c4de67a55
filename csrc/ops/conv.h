// Convolution and its transpose, in 1 to 3 spatial dims.
#pragma once

#include "ops/check.h"

namespace deepnet {

/// input (N, C, *spatial), weight (O, C / groups, *kernel), bias (O) or undefined; one entry of stride, padding, dilation for
/// each spatial dim.
Tensor conv(const Tensor& input, const Tensor& weight, const Tensor& bias, const Dims& stride, const Dims& padding,
            const Dims& dilation, int64_t groups);
/// input (N, C, *spatial), weight (C, O / groups, *kernel), bias (O) or undefined: the gradient of conv with respect to its
/// input.
Tensor conv_transpose(const Tensor& input, const Tensor& weight, const Tensor& bias, const Dims& stride, const Dims& padding,
                      const Dims& output_padding, int64_t groups, const Dims& dilation);

}  // namespace deepnet
