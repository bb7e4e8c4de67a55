// What the normalisations share.
#pragma once

#include "cpu/float_rows.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

/// fma(v, weight, bias), or what of it is there, with weight and bias along the row.
template <class V, class At>
DN_INLINE V scale_and_shift(V v, At at, const scalar_of<V>* weight, const scalar_of<V>* bias) {
  if (weight && bias) return fma(v, at(weight), at(bias));
  if (weight) return v * at(weight);
  return bias ? v + at(bias) : v;
}

/// y = f(at, x) over a row of n.
template <class S, class F>
DN_INLINE void normalise_row(const S* x, S* y, int64_t n, F f) {
  for_row<vector_of<S>>(n, [&](auto at) DN_FUSED { at.put(y, f(at, at(x))); });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
