// The elementwise kernels in float64.
#include "cpu/elementwise_loop.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

ElementwiseKernel<double> double_kernel(MapOp op) { return find_kernel<double>(op); }

}  // namespace DEEPNET_ISA
}  // namespace deepnet
