// The tree over groups of the `columns` and `grouped` orders of backend/backend.h, for values that lie as rows of `width`.
#pragma once

#include "device.h"
#include "runtime.h"

namespace deepnet::gpu {

constexpr int kTreeFan = 32;

/// The tree over up to kTreeFan rows of `width` values, from row `first` of n on, at column w.
template <class S, class Op>
DN_DEVICE S fan_in(const S* in, int64_t first, int64_t n, int64_t width, int64_t w, Op op) {
  S v[kTreeFan];
  const int count = int(smaller(kTreeFan, n - first));
#pragma unroll
  for (int i = 0; i < kTreeFan; ++i) v[i] = i < count ? in[(first + i) * width + w] : op.identity();
#pragma unroll
  for (int d = 1; d < kTreeFan; d *= 2)
#pragma unroll
    for (int i = 0; i < kTreeFan; i += 2 * d) v[i] = op.combine(v[i], v[i + d]);
  return v[0];
}

/// out (ceil(n / 32), width) from in (n, width): aligned groups of 32 rows, each by the tree.
template <class S, class Op>
DN_KERNEL void tree_pass(const S* in, S* out, int64_t n, int64_t width, Op op) {
  const int64_t total = ceil_div(n, kTreeFan) * width;
  for (int64_t i = thread_id(); i < total; i += thread_count()) {
    const int64_t g = quotient(i, width);
    out[i] = fan_in(in, g * kTreeFan, n, width, i - g * width, op);
  }
}

/// Brings n rows of `width` partial results down to at most kTreeFan; what is left lies at the pointer returned. The second
/// of the two buffers, tree_rows(n) * width values, is scratch of the caller's.
template <class S, class Op>
const S* tree_down(Call& call, const S* in, S* buffer, int64_t& n, int64_t width, Op op) {
  while (n > kTreeFan) {
    const int64_t left = ceil_div(n, kTreeFan);
    call.run_items(tree_pass<S, Op>, left * width, in, buffer, n, width, op);
    in = buffer;
    buffer += left * width;
    n = left;
  }
  return in;
}

/// Rows of scratch that tree_down needs for n rows.
inline int64_t tree_rows(int64_t n) {
  int64_t rows = 0;
  while (n > kTreeFan) rows += n = ceil_div(n, kTreeFan);
  return rows + 1;
}

}  // namespace deepnet::gpu
