// Functions by table: sixteen intervals, a polynomial for each, its coefficients looked up in registers.
#pragma once

#include "math/polynomial.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace math {

/// The polynomial of interval `index` (its low four bits) at t; table[k] holds every interval's coefficient of t^k.
template <int kTerms, class I, class V>
DN_INLINE V table_polynomial(const float (&table)[kTerms][16], I index, V t) {
  V y = lookup16(table[kTerms - 1], index);
  for (int k = kTerms - 2; k >= 0; --k) y = fma(y, t, lookup16(table[k], index));
  return y;
}

template <class V>
struct Interval {
  int_of<V> index;
  V t;
};

/// The nearest quarter to u in [0, 3.875], and u's distance from it.
template <class V>
DN_INLINE Interval<V> nearest_quarter(V u) {
  const V magic(3145728.0f);  // 3 * 2^20: its last bit is worth 1/4
  const V sum = u + magic;
  return {bits(sum), u - (sum - magic)};
}

}  // namespace math
}  // namespace DEEPNET_ISA
}  // namespace deepnet
