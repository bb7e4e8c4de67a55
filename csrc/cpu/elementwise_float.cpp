// The elementwise kernels in float32.
#include "cpu/elementwise_loop.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

ElementwiseKernel<float> float_kernel(MapOp op) { return find_kernel<float>(op); }

}  // namespace DEEPNET_ISA
}  // namespace deepnet
