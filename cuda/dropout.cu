// Dropout without a stored mask: the backward draws the same numbers again.
#include "convert.h"
#include "core/philox.h"
#include "cuda_backend.h"
#include "runtime.h"

namespace deepnet::gpu {
namespace {

template <class T>
DN_KERNEL void drop(const T* x, uint64_t seed, uint64_t offset, T* y, int64_t n, float p, Compute<T> keep) {
  using C = Compute<T>;
  for (int64_t i = thread_id(); i < ceil_div(n, 4); i += thread_count()) {
    const PhiloxWords w = philox(seed, offset + uint64_t(i));
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const int64_t at = i * 4 + j;
      if (at < n) y[at] = narrow<T>(uniform24(w.w[j]) >= p ? widen(x[at]) / keep : C(0));
    }
  }
}

}  // namespace

void CudaBackend::dropout(const View& x, const View& state, const View& y, double p) {
  View dense = x;
  if (!x.contiguous()) {
    copy(x, y);
    dense = y;
  }
  Call call(device_, "dropout");
  const int64_t n = y.numel();
  visit_floats(y.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    call.run_items(drop<T>, ceil_div(n, 4), dense.as<T>(), uint64_t(state.as<int64_t>()[0]), uint64_t(state.as<int64_t>()[1]),
                   y.as<T>(), n, float(p), Compute<T>(1 - p));
  });
}

}  // namespace deepnet::gpu
