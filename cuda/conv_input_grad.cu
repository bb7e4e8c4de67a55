// Input gradient: rows are input channels, columns the input positions of all samples, k runs over (output channel, tap);
// taps that meet no output cell are zeros.
#include "conv.h"

namespace deepnet::gpu {

void CudaBackend::conv_input_grad(const View& dy, const View& w, const View& bias, const View& dx, const ConvGeometry& g) {
  Call call(device_, "conv_input_grad");
  if (dx.numel() == 0) return;
  const ConvSizes s(dx, w, dy, g.groups);
  const int64_t K = s.group_out * s.taps;
  visit_floats(dy.dtype, [&](auto tag) {
    using E = typename decltype(tag)::type;
    // w (O, C / groups, taps) as (c, (o, tap)).
    const PairOperand<E> a{w.as<E>(), s.group_out * s.group_in * s.taps, s.taps, s.group_in * s.taps, FastDiv(s.taps)};
    const PositionOperand<E, true> b{patches_of<E, true>(dy, w, dx, g)};
    const ImageOutput<E> out{dx.as<E>(), s.group_in * s.in_cells, dx.size(1) * s.in_cells,
                             s.in_cells, FastDiv(s.in_cells),     bias.as<E>(),
                             s.group_in};
    run_conv<E>(call, a, b, out, s.group_in, s.n * s.in_cells, K, s.groups);
  });
}

}  // namespace deepnet::gpu
