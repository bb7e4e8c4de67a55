// Elementwise operators: the operands' way to the kernels of a compute type.
#include "elementwise.h"

#include "cuda_backend.h"

namespace deepnet::gpu {

void CudaBackend::map(MapOp op, DType compute, const View* in, int, const View& y) {
  Call call(device_, "map");
  if (y.numel() == 0) return;
  if (compute == DType::Int64) {
    if (!map_integers(call, op, in, y))
      throw TypeError("map: this operator has no integer form; compute it in float32 or float64");
  } else if (!(compute == DType::Float64 ? map_doubles(call, op, in, y) : map_floats(call, op, in, y))) {
    throw TypeError("map: this operator has no form for floats");
  }
}

}  // namespace deepnet::gpu
