// Forward: rows are output channels, columns the output positions of all samples, k runs over (channel, tap).
#include "conv.h"

namespace deepnet::gpu {

void CudaBackend::conv_forward(const View& x, const View& w, const View& bias, const View& y, const ConvGeometry& g) {
  Call call(device_, "conv_forward");
  if (y.numel() == 0) return;
  const ConvSizes s(x, w, y, g.groups);
  const int64_t K = s.group_in * s.taps;
  visit_floats(x.dtype, [&](auto tag) {
    using E = typename decltype(tag)::type;
    const PairOperand<E> a{w.as<E>(), s.group_out * K, K, 0, FastDiv(larger(K, 1))};
    const PositionOperand<E, false> b{patches_of<E, false>(x, w, y, g)};
    const ImageOutput<E> out{y.as<E>(),   s.group_out * s.out_cells, y.size(1) * s.out_cells,
                             s.out_cells, FastDiv(s.out_cells),      bias.as<E>(),
                             s.group_out};
    run_conv<E>(call, a, b, out, s.group_out, s.n * s.out_cells, K, s.groups);
  });
}

}  // namespace deepnet::gpu
