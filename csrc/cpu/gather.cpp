#include <cstring>

#include "core/error.h"
#include "cpu/cpu_backend.h"
#include "cpu/indexing.h"
#include "cpu/strided.h"

namespace deepnet {
namespace {

template <class T>
void gather_elements(const char* op, const View& x, const View& index, const View& y, int dim) {
  // x's own step along dim is replaced by the index.
  const int64_t size = x.size(dim), step = x.stride(dim);
  Strides rest = x.strides;
  rest[dim] = 0;
  const StridedLoop<3> loop(y.shape, {rest, index.strides, y.strides});
  const T* from = x.as<const T>();
  const int64_t* indices = index.as<const int64_t>();
  T* to = y.as<T>();
  const int64_t x_step = loop.row_stride(0), index_step = loop.row_stride(1), y_step = loop.row_stride(2);
  loop.run(sizeof(T), [=](const int64_t (&offset)[3], int64_t count) {
    auto checked = [=](int64_t i) {
      if (uint64_t(i) >= uint64_t(size)) fail<IndexError>(op, "index ", i, " is out of range for size ", size);
      return i * step;
    };
    const T* in = from + offset[0];
    const int64_t* at = indices + offset[1];
    T* out = to + offset[2];
    if (index_step != 0) {
      for (int64_t j = 0; j < count; ++j) out[j * y_step] = in[j * x_step + checked(at[j * index_step])];
      return;
    }
    in += checked(*at);
    if (x_step == 1 && y_step == 1) {
      std::memcpy(out, in, size_t(count) * sizeof(T));
    } else {
      for (int64_t j = 0; j < count; ++j) out[j * y_step] = in[j * x_step];
    }
  });
}

}  // namespace

void gather_along(const char* op, const View& x, const View& index, const View& y, int dim) {
  if (y.numel() == 0) return;
  switch (itemsize(y.dtype)) {
    case 1:
      return gather_elements<uint8_t>(op, x, index, y, dim);
    case 2:
      return gather_elements<uint16_t>(op, x, index, y, dim);
    case 4:
      return gather_elements<uint32_t>(op, x, index, y, dim);
    default:
      return gather_elements<uint64_t>(op, x, index, y, dim);
  }
}

void CpuBackend::gather(const View& x, const View& index, const View& y, int dim) { gather_along("gather", x, index, y, dim); }

}  // namespace deepnet
