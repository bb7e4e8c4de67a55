// Convolutions: which algorithm a geometry gets.
#include "cpu/conv_algorithms.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

// One cell, each position once, all channels together: a product of matrices as they lie.
bool is_product(const View& w, const ConvGeometry& g, int64_t positions) {
  bool plain = g.groups == 1 && positions >= 128;
  for (int a = 0; a < 3; ++a) plain &= w.size(2 + a) == 1 && g.stride[a] == 1 && g.padding[a] == 0;
  return plain;
}

// (N, C, D, H, W) as matrices (N, C, positions).
View matrices(const View& x) {
  View m = x;
  const int64_t positions = x.size(2) * x.size(3) * x.size(4);
  m.shape = Shape{x.size(0), x.size(1), positions};
  m.strides = Strides{x.size(1) * positions, positions, 1};
  return m;
}

// A view of these sizes with these strides on the same numbers.
View spread(const View& v, const Shape& shape, const Strides& strides) {
  View m = v;
  m.shape = shape;
  m.strides = strides;
  return m;
}

}  // namespace

void IsaBackend::conv_forward(const View& x, const View& w, const View& bias, const View& y, const ConvGeometry& g) {
  if (y.numel() == 0) return;
  const View to = matrices(y);
  if (is_product(w, g, to.size(2))) {
    const int64_t in = w.size(1), out = w.size(0);
    return matmul(spread(w, Shape{x.size(0), out, in}, Strides{0, in, 1}), matrices(x),
                  spread(bias, to.shape, Strides{0, 1, 0}), to, 0);
  }
  if (is_depthwise(w, g)) return convolve_depthwise(x, w, bias, y, g);
  convolve(x, w, bias, y, g);
}

void IsaBackend::conv_input_grad(const View& dy, const View& w, const View& bias, const View& dx, const ConvGeometry& g) {
  if (dx.numel() == 0) return;
  const View to = matrices(dx);
  if (is_product(w, g, to.size(2))) {
    const int64_t in = w.size(1), out = w.size(0);
    return matmul(spread(w, Shape{dy.size(0), in, out}, Strides{0, 1, in}), matrices(dy),
                  spread(bias, to.shape, Strides{0, 1, 0}), to, 0);
  }
  if (is_depthwise(w, g) && convolve_depthwise_input_grad(dy, w, bias, dx, g)) return;
  convolve_input_grad(*this, dy, w, bias, dx, g);
}

void IsaBackend::conv_weight_grad(const View& x, const View& dy, const View& dw, const ConvGeometry& g) {
  if (dw.numel() == 0) return;
  if (dy.numel() == 0) return fill(dw, Number{true, 0, 0.0});
  if (is_depthwise(dw, g)) return convolve_depthwise_weight_grad(x, dy, dw, g);
  convolve_weight_grad(x, dy, dw, g);
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
