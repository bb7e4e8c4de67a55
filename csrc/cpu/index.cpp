// Whole slices by index along the first axis: gather and scatter with one index for the slice.
#include "cpu/cpu_backend.h"
#include "cpu/indexing.h"

namespace deepnet {
namespace {

/// index (K) as a view of `shape` (K, rest).
View along_slices(const View& index, const Shape& shape) {
  View wide = index;
  wide.shape = shape;
  wide.strides = Strides::filled(shape.size(), 0);
  wide.strides[0] = index.stride(0);
  return wide;
}

}  // namespace

void CpuBackend::index_select(const View& x, const View& index, const View& y) {
  gather_along("index_select", x, along_slices(index, y.shape), y, 0);
}

void CpuBackend::index_put(const View& y, const View& index, const View& src, ScatterOp op) {
  scatter_along("index_put", y, along_slices(index, src.shape), src, 0, op);
}

}  // namespace deepnet
