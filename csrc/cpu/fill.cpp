#include <algorithm>

#include "core/convert.h"
#include "cpu/cpu_backend.h"
#include "cpu/strided.h"

namespace deepnet {

void CpuBackend::fill(const View& y, Number value) {
  const StridedLoop<1> loop(y.shape, {y.strides}, 0);
  if (loop.total == 0) return;
  visit(y.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T v = value.integral ? convert<T>(value.i) : convert<T>(value.d);
    T* to = y.as<T>();
    const int64_t step = loop.row_stride(0);
    loop.run(sizeof(T), [=](const int64_t (&offset)[1], int64_t count) {
      T* row = to + offset[0];
      if (step == 1)
        std::fill_n(row, count, v);
      else
        for (int64_t i = 0; i < count; ++i) row[i * step] = v;
    });
  });
}

}  // namespace deepnet
