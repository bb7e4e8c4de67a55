// Reading through an index along one axis: gather, and index_select with one index for a whole slice.
#include "cuda_backend.h"
#include "index_report.h"
#include "layout.h"
#include "runtime.h"

namespace deepnet::gpu {
namespace {

/// y = x[... with index at dim]; layout: x without its step along dim, index, y.
template <class T>
DN_KERNEL void gather_elements(const T* x, const int64_t* index, T* y, Layout<3> layout, int64_t size, int64_t step, int kernel,
                               IndexReport* report) {
  for (int64_t i = thread_id(); i < layout.total; i += thread_count()) {
    int64_t at[3];
    layout.offsets(i, at);
    const int64_t k = index[at[1]];
    if (index_valid(k, size, kernel, report)) y[at[2]] = x[at[0] + k * step];
  }
}

void gather_along(Call& call, IndexKernel kernel, const View& x, const View& index, const View& y, int dim) {
  if (y.numel() == 0) return;
  View rest = x;
  rest.shape = y.shape;
  rest.strides[dim] = 0;
  const View* const operands[3] = {&rest, &index, &y};
  const Layout<3> layout = layout_of(y.shape, operands, true);
  auto run = [&](auto tag) {
    using T = decltype(tag);
    call.run_items(gather_elements<T>, layout.total, x.as<T>(), index.as<int64_t>(), y.as<T>(), layout, x.size(dim),
                   x.stride(dim), int(kernel), call.report());
  };
  switch (itemsize(y.dtype)) {
    case 1:
      return run(uint8_t());
    case 2:
      return run(uint16_t());
    case 4:
      return run(uint32_t());
    default:
      return run(uint64_t());
  }
}

struct alignas(16) Sixteen {
  uint32_t word[4];
};

/// Whole rows of memory, 16 bytes at a time.
DN_KERNEL void select_rows(const Sixteen* x, const int64_t* index, int64_t index_stride, Sixteen* y, int64_t rows,
                           int64_t width, int64_t size, IndexReport* report) {
  for (int64_t i = thread_id(); i < rows * width; i += thread_count()) {
    const int64_t row = quotient(i, width), k = index[row * index_stride];
    if (index_valid(k, size, kIndexSelect, report)) y[i] = x[k * width + (i - row * width)];
  }
}

}  // namespace

void CudaBackend::gather(const View& x, const View& index, const View& y, int dim) {
  Call call(device_, "gather");
  gather_along(call, kGather, x, index, y, dim);
}

void CudaBackend::index_select(const View& x, const View& index, const View& y) {
  Call call(device_, "index_select");
  if (y.numel() == 0) return;
  const int64_t rows = y.size(0), bytes = y.numel() / rows * itemsize(y.dtype);
  const auto aligned = [](const View& v) { return reinterpret_cast<uintptr_t>(v.data) % sizeof(Sixteen) == 0; };
  if (x.contiguous() && y.contiguous() && bytes % int64_t(sizeof(Sixteen)) == 0 && aligned(x) && aligned(y)) {
    const int64_t width = bytes / int64_t(sizeof(Sixteen));
    return call.run_items(select_rows, rows * width, x.as<Sixteen>(), index.as<int64_t>(), index.stride(0), y.as<Sixteen>(),
                          rows, width, x.size(0), call.report());
  }
  View wide = index;
  wide.shape = y.shape;
  wide.strides = Strides::filled(y.ndim(), 0);
  wide.strides[0] = index.stride(0);
  gather_along(call, kIndexSelect, x, wide, y, 0);
}

}  // namespace deepnet::gpu
