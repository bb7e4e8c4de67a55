#include "core/convert.h"
#include "cpu/cpu_backend.h"
#include "cpu/strided.h"

namespace deepnet {

void CpuBackend::max_pool_indices(const View& window, const Shape& x_shape, const View& flat, const PoolGeometry& g) {
  const int64_t depth = window.size(1), height = window.size(2), width = window.size(3);
  const int64_t x_height = x_shape[2], x_width = x_shape[3];
  auto rows = [&](const auto* cell) {
    parallel_for(window.size(0) * depth * height, std::max<int64_t>(1, kPieceBytes / 8 / std::max<int64_t>(1, width)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t at = begin; at < end; ++at) {
                     const int64_t d = at / height % depth, h = at % height;
                     for (int64_t w = 0; w < width; ++w) {
                       const int64_t c = cell[at * width + w];
                       const int64_t kw = c % g.kernel[2], kh = c / g.kernel[2] % g.kernel[1],
                                     kd = c / g.kernel[2] / g.kernel[1];
                       const int64_t z = d * g.stride[0] - g.padding[0] + kd * g.dilation[0];
                       const int64_t y = h * g.stride[1] - g.padding[1] + kh * g.dilation[1];
                       const int64_t x = w * g.stride[2] - g.padding[2] + kw * g.dilation[2];
                       flat.as<int64_t>()[at * width + w] = (z * x_height + y) * x_width + x;
                     }
                   }
                 });
  };
  if (window.dtype == DType::UInt8)
    rows(window.as<const uint8_t>());
  else
    rows(window.as<const int32_t>());
}

}  // namespace deepnet
