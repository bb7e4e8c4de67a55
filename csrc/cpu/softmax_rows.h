// What softmax and cross-entropy share: the maximum of a row and the sum of its exponentials.
#pragma once

#include "cpu/reduce_rows.h"
#include "math/exp.h"
#include "math/log.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

/// The largest of n elements, -inf for none; NaN may be lost: the exponentials bring it back.
template <class V>
DN_INLINE scalar_of<V> max_row(const scalar_of<V>* x, int64_t n) {
  const auto larger_of = [](V a, V b) DN_FUSED { return vmax(a, b); };
  V m[4];
  for (int p = 0; p < 4; ++p) m[p] = V(scalar_of<V>(-__builtin_inf()));
  int64_t i = 0;
  for (; i + 4 * V::lanes <= n; i += 4 * V::lanes)
    for (int p = 0; p < 4; ++p) m[p] = vmax(m[p], load<V>(x + i + p * V::lanes));
  for (; i + V::lanes <= n; i += V::lanes) m[0] = vmax(m[0], load<V>(x + i));
  if (i < n) m[1] = select(first_lanes<V>(n - i), vmax(m[1], load<V>(x + i, n - i)), m[1]);
  return reduce_tree(vmax(vmax(m[0], m[1]), vmax(m[2], m[3])), larger_of);
}

/// The sum by rows of exp(x - max), whose terms use(at, term) sees.
template <class V, class Use>
DN_INLINE scalar_of<V> sum_exponentials(const scalar_of<V>* x, int64_t n, scalar_of<V> max, Use use) {
  const V m(max);
  return sum_row<V>(n, [&](auto at) DN_FUSED {
    const V e = math::exp(at(x) - m);
    use(at, e);
    return e;
  });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
