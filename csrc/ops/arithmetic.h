// Arithmetic with more to it than one rule: scaled addition, division by its rounding, powers.
#pragma once

#include "ops/check.h"

namespace deepnet {

/// Refuses, naming op, to divide integers by zero: they have no infinity.
void refuse_zero(const char* op, const Tensor& a, const Tensor& b);
Tensor add_scaled(const Tensor& a, const Tensor& b, Number alpha);
Tensor sub_scaled(const Tensor& a, const Tensor& b, Number alpha);
/// rounding: empty, "floor" or "trunc".
Tensor divide(const Tensor& a, const Tensor& b, const std::optional<std::string>& rounding);
Tensor floor_divide(const Tensor& a, const Tensor& b);
Tensor remainder(const Tensor& a, const Tensor& b);
Tensor fmod(const Tensor& a, const Tensor& b);
Tensor pow(const Tensor& a, const Tensor& b);

}  // namespace deepnet
