// The float kernels of the elementwise operators; each compute type has a file of its own.
#pragma once

#include "cpu/elementwise_engine.h"
#include "math/map_op.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

/// Null where the operator has no form for floats.
ElementwiseKernel<float> float_kernel(MapOp op);
ElementwiseKernel<double> double_kernel(MapOp op);

}  // namespace DEEPNET_ISA
}  // namespace deepnet
