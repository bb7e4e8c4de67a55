// Convolutions as products over patches that are never laid out; each direction has a file of its own.
#pragma once

#include "convert.h"
#include "cuda_backend.h"
#include "operands.h"
#include "product_launch.h"

namespace deepnet::gpu {

/// Sizes of a convolution of x (N, C, D, H, W) with w (O, C / groups, KD, KH, KW) to y. group_in, group_out: channels of a
/// group.
struct ConvSizes {
  int64_t n, groups, group_in, group_out, in_cells, out_cells, taps;

  ConvSizes(const View& x, const View& w, const View& y, int64_t group_count)
      : n(x.size(0)),
        groups(group_count),
        group_in(x.size(1) / group_count),
        group_out(y.size(1) / group_count),
        in_cells(x.size(2) * x.size(3) * x.size(4)),
        out_cells(y.size(2) * y.size(3) * y.size(4)),
        taps(w.size(2) * w.size(3) * w.size(4)) {
    constexpr int64_t kMost = int64_t(1) << 31;
    if (n * in_cells >= kMost || n * out_cells >= kMost || x.size(1) * in_cells >= kMost || y.size(1) * out_cells >= kMost)
      throw RuntimeError(
          join("conv: 2^31 positions or more are not supported on cuda, got input ", x.shape, " and output ", y.shape));
  }
};

/// The image `data` as patches: of windows of `kernel` cells, met by positions of `positions`' shape.
template <class E, bool kTransposed>
Patches<E, kTransposed> patches_of(const View& data, const View& w, const View& positions, const ConvGeometry& g) {
  Patches<E, kTransposed> p;
  p.data = data.as<E>();
  p.D = int(data.size(2));
  p.H = int(data.size(3));
  p.W = int(data.size(4));
  const int64_t cells = int64_t(p.D) * p.H * p.W;
  p.sample_stride = data.size(1) * cells;
  p.z_stride = data.size(1) / g.groups * cells;
  for (int a = 0; a < 3; ++a) {
    p.stride[a] = int(g.stride[a]);
    p.padding[a] = int(g.padding[a]);
    p.dilation[a] = int(g.dilation[a]);
    p.by_stride[a] = FastDiv(g.stride[a]);
  }
  p.position_w = FastDiv(positions.size(4));
  p.position_hw = FastDiv(positions.size(3) * positions.size(4));
  p.positions = FastDiv(positions.size(2) * positions.size(3) * positions.size(4));
  p.kernel_w = FastDiv(w.size(4));
  p.kernel_hw = FastDiv(w.size(3) * w.size(4));
  p.kernel = FastDiv(w.size(2) * w.size(3) * w.size(4));
  return p;
}

/// Products of too few rows for tiles to pay: a thread for each output.
constexpr int64_t kThinRows = 2;

template <class E, class A, class B, class Out>
void run_conv(Call& call, A a, B b, Out out, int64_t M, int64_t N, int64_t K, int64_t groups) {
  if (M > kThinRows || K > 4 * kProductBlock) return run_product<E>(call, a, b, out, M, N, K, groups, 0);
  ProductPlan plan{M, N, K, groups, K, 1, K, 1, 0, false};
  call.run_items(product_threads<Compute<E>, A, B, Out>, groups * M * N, a, b, out, plan);
}

}  // namespace deepnet::gpu
