// Copies between and within devices, conversions, fills.
#include "convert.h"
#include "cuda_backend.h"
#include "layout.h"
#include "memory.h"
#include "runtime.h"

namespace deepnet::gpu {
namespace {

template <class T>
DN_KERNEL void copy_strided(const T* x, T* y, Layout<2> layout) {
  for (int64_t i = thread_id(); i < layout.total; i += thread_count()) {
    int64_t at[2];
    layout.offsets(i, at);
    y[at[1]] = x[at[0]];
  }
}

constexpr int kTile = 32, kTileRows = 8;

/// y (batch, rows, columns) dense; x's unit stride is along rows: through a tile, so that both sides move whole lines.
template <class T>
DN_KERNEL void transpose_tiles(const T* x, T* y, int64_t rows, int64_t columns, int64_t column_stride, int64_t x_batch,
                               int64_t y_batch, int64_t y_row) {
  __shared__ T tile[kTile][kTile + 1];
  const int64_t r0 = int64_t(blockIdx.x) * kTile, c0 = int64_t(blockIdx.y) * kTile;
  const T* from = x + blockIdx.z * x_batch;
  T* to = y + blockIdx.z * y_batch;
  for (int j = threadIdx.y; j < kTile; j += kTileRows)
    if (r0 + threadIdx.x < rows && c0 + j < columns) tile[j][threadIdx.x] = from[(c0 + j) * column_stride + r0 + threadIdx.x];
  __syncthreads();
  for (int j = threadIdx.y; j < kTile; j += kTileRows)
    if (r0 + j < rows && c0 + threadIdx.x < columns) to[(r0 + j) * y_row + c0 + threadIdx.x] = tile[threadIdx.x][j];
}

/// A value in the type that it passes through on its way to any other.
template <class T>
DN_DEVICE int64_t passage(T x) {
  return int64_t(x);
}
DN_DEVICE float passage(float x) { return x; }
DN_DEVICE double passage(double x) { return x; }
DN_DEVICE float passage(Half x) { return widen(x); }
DN_DEVICE float passage(BFloat16 x) { return widen(x); }

template <class T>
DN_KERNEL void convert_strided(const T* x, void* y, DType to, Layout<2> layout) {
  for (int64_t i = thread_id(); i < layout.total; i += thread_count()) {
    int64_t at[2];
    layout.offsets(i, at);
    store_as(y, to, at[1], passage(x[at[0]]));
  }
}

template <class T>
DN_KERNEL void fill_strided(T* y, T value, Layout<1> layout) {
  for (int64_t i = thread_id(); i < layout.total; i += thread_count()) {
    int64_t at[1];
    layout.offsets(i, at);
    y[at[0]] = value;
  }
}

/// Calls f with an unsigned integer of an element's size.
template <class F>
void visit_size(int64_t bytes, F&& f) {
  switch (bytes) {
    case 1:
      return f(uint8_t());
    case 2:
      return f(uint16_t());
    case 4:
      return f(uint32_t());
    default:
      return f(uint64_t());
  }
}

/// Where x's unit stride and y's lie along different dimensions: that of x, else -1.
int transposed_dim(const Layout<2>& l) {
  if (l.dims < 2 || l.dims > 3 || l.stride[1][l.dims - 1] != 1 || l.stride[0][l.dims - 1] <= 1) return -1;
  for (int d = 0; d + 1 < l.dims; ++d)
    if (l.stride[0][d] == 1 && l.size[d] >= kTile / 2 && l.size[l.dims - 1] >= kTile / 2) return d;
  return -1;
}

template <class T>
void copy_same(Call& call, const View& x, const View& y, const Layout<2>& l) {
  const T* from = x.as<T>();
  T* to = y.as<T>();
  const int d = transposed_dim(l), last = l.dims - 1, batch = l.dims == 3 ? 1 - d : -1;
  if (d >= 0 && ceil_div(l.size[last], kTile) <= 65535 && (batch < 0 || l.size[batch] <= 65535)) {
    const dim3 grid(unsigned(ceil_div(l.size[d], kTile)), unsigned(ceil_div(l.size[last], kTile)),
                    unsigned(batch < 0 ? 1 : l.size[batch]));
    call.run(transpose_tiles<T>, grid, dim3(kTile, kTileRows), 0, from, to, l.size[d], l.size[last], l.stride[0][last],
             batch < 0 ? 0 : l.stride[0][batch], batch < 0 ? 0 : l.stride[1][batch], l.stride[1][d]);
    return;
  }
  call.run_items(copy_strided<T>, l.total, from, to, l);
}

}  // namespace

void* CudaBackend::allocate(size_t bytes) {
  const Call call(device_, "allocate");
  return device_state(device_).memory->allocate(bytes, call.stream());
}

void CudaBackend::deallocate(void* p, size_t) { device_state(device_).memory->deallocate(p); }

void CudaBackend::copy_bytes(void* to, Device to_device, const void* from, Device from_device, size_t bytes) {
  if (bytes == 0) return;
  const Call call(device_, "copy");
  if (to_device.is_cuda() && from_device.is_cuda() && !(to_device == from_device)) {
    // The other device's queued kernels may still be writing the source or reading the destination.
    const int other = to_device.index == device_ ? from_device.index : to_device.index;
    {
      const Call there(other, "copy");
      wait(other, there.stream());
    }
    check(cudaMemcpyPeerAsync(to, to_device.index, from, from_device.index, bytes, call.stream()), "copy");
    wait(device_, call.stream());
    return;
  }
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, call.stream()), "copy");
  // Within the device the stream's order is enough: whatever overwrites the source is queued behind.
  if (to_device.is_cpu() || from_device.is_cpu()) wait(device_, call.stream());
}

void CudaBackend::synchronize() {
  const Call call(device_, "synchronize");
  wait(device_, call.stream());
}

void CudaBackend::copy(const View& x, const View& y) {
  Call call(device_, "copy");
  const View* const operands[2] = {&x, &y};
  const Layout<2> l = layout_of(y.shape, operands, true);
  if (l.total == 0) return;
  if (x.dtype != y.dtype) {
    visit_types(x.dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      call.run_items(convert_strided<T>, l.total, x.as<T>(), y.data, y.dtype, l);
    });
    return;
  }
  if (l.flat(0) && l.flat(1)) {
    check(cudaMemcpyAsync(y.data, x.data, size_t(l.total * itemsize(y.dtype)), cudaMemcpyDeviceToDevice, call.stream()),
          "copy");
    return;
  }
  visit_size(itemsize(y.dtype), [&](auto tag) { copy_same<decltype(tag)>(call, x, y, l); });
}

void CudaBackend::fill(const View& y, Number value) {
  Call call(device_, "fill");
  const View* const operands[1] = {&y};
  const Layout<1> l = layout_of(y.shape, operands, true);
  if (l.total == 0) return;
  uint64_t bits = 0;
  if (value.integral)
    store_as(&bits, y.dtype, 0, value.i);
  else
    store_as(&bits, y.dtype, 0, value.d);
  if (bits == 0 && l.flat(0)) return call.zero(y.data, size_t(l.total * itemsize(y.dtype)));
  visit_size(itemsize(y.dtype), [&](auto tag) {
    using T = decltype(tag);
    call.run_items(fill_strided<T>, l.total, y.as<T>(), T(bits), l);
  });
}

}  // namespace deepnet::gpu
