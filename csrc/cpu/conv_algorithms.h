// The ways to compute a convolution, for every geometry or for some.
#pragma once

#include "cpu/isa_backend.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

/// As conv_forward, conv_input_grad and conv_weight_grad of Backend; operands are not empty.
void convolve(const View& x, const View& w, const View& bias, const View& y, const ConvGeometry& g);
void convolve_input_grad(IsaBackend& backend, const View& dy, const View& w, const View& bias, const View& dx,
                         const ConvGeometry& g);
void convolve_weight_grad(const View& x, const View& dy, const View& dw, const ConvGeometry& g);

/// One input and one output channel a group.
bool is_depthwise(const View& w, const ConvGeometry& g);
void convolve_depthwise(const View& x, const View& w, const View& bias, const View& y, const ConvGeometry& g);
/// False, with nothing done, where the stride leaves cells that no kernel cell reaches.
bool convolve_depthwise_input_grad(const View& dy, const View& w, const View& bias, const View& dx, const ConvGeometry& g);
void convolve_depthwise_weight_grad(const View& x, const View& dy, const View& dw, const ConvGeometry& g);

}  // namespace DEEPNET_ISA
}  // namespace deepnet
