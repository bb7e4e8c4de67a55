// Elementwise operators on floats.
#include "cpu/elementwise_kernel.h"
#include "cpu/isa_backend.h"
#include "cpu/throw.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

void IsaBackend::map(MapOp op, DType compute, const View* in, int count, const View& y) {
  if (compute == DType::Float32) {
    const ElementwiseKernel<float> kernel = float_kernel(op);
    if (!kernel) throw_no_float_form();
    elementwise(kernel, in, count, y);
  } else if (compute == DType::Float64) {
    const ElementwiseKernel<double> kernel = double_kernel(op);
    if (!kernel) throw_no_float_form();
    elementwise(kernel, in, count, y);
  } else {
    integer_map(op, in, count, y);
  }
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
