// What the normalisations share.
#pragma once

#include "convert.h"
#include "math/scalar.h"

namespace deepnet::gpu {

/// fma(v, weight, bias), or what of it is there, at position i of weight and bias.
template <class S>
DN_DEVICE S scale_and_shift(S v, const Numbers& weight, const Numbers& bias, int64_t i) {
  if (weight && bias) return fma(v, weight.get<S>(i), bias.get<S>(i));
  if (weight) return v * weight.get<S>(i);
  return bias ? v + bias.get<S>(i) : v;
}

}  // namespace deepnet::gpu
