// Weight gradient: rows are output channels, columns (input channel, tap), k runs over the output positions of all samples, in
// groups of batch_group(positions of a sample).
#include "conv.h"
#include "math/batch_group.h"

namespace deepnet::gpu {

void CudaBackend::conv_weight_grad(const View& x, const View& dy, const View& dw, const ConvGeometry& g) {
  Call call(device_, "conv_weight_grad");
  if (dw.numel() == 0) return;
  if (dy.numel() == 0) return fill(dw, Number{true, 0, 0.0});
  const ConvSizes s(x, dw, dy, g.groups);
  const int64_t N = s.group_in * s.taps, K = s.n * s.out_cells;
  visit_floats(x.dtype, [&](auto tag) {
    using E = typename decltype(tag)::type;
    const PairOperand<E> a{dy.as<E>(), s.group_out * s.out_cells, s.out_cells, dy.size(1) * s.out_cells, FastDiv(s.out_cells)};
    const TapOperand<E> b{patches_of<E, false>(x, dw, dy, g)};
    const StridedOutput<E> out{dw.as<E>(), s.group_out * N, N, 1, nullptr, 0, 0, 0};
    run_product<E>(call, a, b, out, s.group_out, N, K, s.groups, batch_group(s.out_cells));
  });
}

}  // namespace deepnet::gpu
