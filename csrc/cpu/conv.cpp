// Convolutions: which algorithm a geometry gets.
#include "cpu/conv_algorithms.h"
#include "cpu/gemm_block.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

void IsaBackend::conv_forward(const View& x, const View& w, const View& bias, const View& y, const ConvGeometry& g) {
  if (y.numel() == 0) return;
  convolve(x, w, bias, y, g);
}

void IsaBackend::conv_input_grad(const View& dy, const View& w, const View& bias, const View& dx, const ConvGeometry& g) {
  if (dx.numel() == 0) return;
  convolve_input_grad(*this, dy, w, bias, dx, g);
}

void IsaBackend::conv_weight_grad(const View& x, const View& dy, const View& dw, const ConvGeometry& g) {
  if (dw.numel() == 0) return;
  if (dy.numel() == 0) return fill(dw, Number{true, 0, 0.0});
  convolve_weight_grad(x, dy, dw, g);
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
