#include "cpu/conv_algorithms.h"
#include "cpu/conv_product.h"
#include "cpu/gemm_pack.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

template <class T>
struct ForwardPacker final : WeightPacker<T> {
  const View& w;
  int64_t k, group_out;
  ForwardPacker(const View& w_, int64_t k_, int64_t group_out_) : w(w_), k(k_), group_out(group_out_) {}

  // Row k of the product is column k of the filters.
  void pack(int64_t group, int64_t j, int64_t n, int64_t k0, int64_t k1, T* to, int64_t strip, int64_t row) const override {
    constexpr int64_t L = kLanes<T>, W = kTileWidth<T>;
    for (int64_t c = 0; c < n; c += W, to += strip) {
      const int64_t cols = smaller(W, n - c), wide = ceil_div(cols, L) * L;
      read_matrix(w.dtype, advance(w.data, w.dtype, (group * group_out + j + c) * k + k0), 1, k, k1 - k0, cols, to + row * wide,
                  wide, wide);
    }
  }
};

template <class T>
void forward(const View& x, const View& w, const View& bias, const View& y, const ConvGeometry& g) {
  const ConvSizes s(x, w, y, g.groups);
  PatchProduct p;
  for (int a = 0; a < 3; ++a) {
    p.axes[a] = forward_axis(s, g, a);
    p.target_size[a] = s.out[a];
  }
  p.samples = s.n;
  p.groups = s.groups;
  p.source = {x.data, x.dtype, x.size(1), s.in_cells};
  p.source_group = s.group_in;
  p.target = y.data;
  p.dtype = y.dtype;
  p.target_group = s.group_out;
  p.target_cells = s.out_cells;
  p.bias = bias;
  p.cuts = nullptr;
  multiply_patches<T>(p, ForwardPacker<T>(w, s.group_in * s.kernel_cells, s.group_out));
}

}  // namespace

void convolve(const View& x, const View& w, const View& bias, const View& y, const ConvGeometry& g) {
  y.dtype == DType::Float64 ? forward<double>(x, w, bias, y, g) : forward<float>(x, w, bias, y, g);
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
