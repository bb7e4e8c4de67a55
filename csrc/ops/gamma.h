// The derivatives of digamma.
#pragma once

#include "ops/check.h"

namespace deepnet {

/// The n-th derivative of digamma at x, in x's dtype; computed in float64.
Tensor polygamma(const Tensor& x, int64_t n);

}  // namespace deepnet
