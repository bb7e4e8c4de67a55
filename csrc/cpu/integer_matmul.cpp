// Products of integers: plain loops, wrapping as unsigned arithmetic does.
#include <type_traits>

#include "core/error.h"
#include "core/parallel.h"
#include "cpu/cpu_backend.h"

namespace deepnet {
namespace {

template <class T>
void multiply(const View& a, const View& b, const View& bias, const View& y) {
  const int64_t m = y.size(1), n = y.size(2), k = a.size(2);
  const auto at = [](const View& v, int64_t batch, int64_t i, int64_t j) {
    return v.as<T>() + batch * v.stride(0) + i * v.stride(1) + j * v.stride(2);
  };
  parallel_for(y.size(0) * m, 1 + (1 << 14) / (1 + n * k), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t batch = row / m, i = row % m;
      for (int64_t j = 0; j < n; ++j) {
        uint64_t sum = 0;
        const T *p = at(a, batch, i, 0), *q = at(b, batch, 0, j);
        for (int64_t x = 0; x < k; ++x) sum += uint64_t(p[x * a.stride(2)]) * uint64_t(q[x * b.stride(1)]);
        if (bias.defined()) sum += uint64_t(*at(bias, batch, i, j));
        *at(y, batch, i, j) = T(sum);
      }
    }
  });
}

}  // namespace

void CpuBackend::integer_matmul(const View& a, const View& b, const View& bias, const View& y) {
  visit(y.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      multiply<T>(a, b, bias, y);
    } else {
      fail<TypeError>("matmul", "no integer product for ", deepnet::name(y.dtype));
    }
  });
}

}  // namespace deepnet
