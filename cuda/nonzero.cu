// The positions of non-zero elements: counted in chunks, a running sum over chunks, then written in order.
#include "convert.h"
#include "cuda_backend.h"
#include "rows.h"
#include "runtime.h"

namespace deepnet::gpu {
namespace {

constexpr int kBlock = 256;
constexpr int64_t kPerBlock = 4096;

DN_DEVICE bool is_nonzero(const void* x, DType t, int64_t i) {
  switch (itemsize(t)) {
    case 1:
      return static_cast<const uint8_t*>(x)[i] != 0;
    case 2:
      return (static_cast<const uint16_t*>(x)[i] & (is_floating(t) ? 0x7fff : 0xffff)) != 0;
    case 4:
      return (static_cast<const uint32_t*>(x)[i] & (is_floating(t) ? 0x7fffffffu : 0xffffffffu)) != 0;
    default:
      return (static_cast<const uint64_t*>(x)[i] & (is_floating(t) ? ~uint64_t(0) >> 1 : ~uint64_t(0))) != 0;
  }
}

/// How many lanes before this one hold true, and how many in all.
DN_DEVICE int lanes_before(bool here, int& all) {
  const unsigned mask = __ballot_sync(kAllLanes, here);
  all = __popc(mask);
  return __popc(mask & ((1u << (threadIdx.x & 31)) - 1));
}

DN_KERNEL void __launch_bounds__(kBlock) count_chunks(const void* x, DType t, int64_t n, int64_t* counts) {
  __shared__ int warps[kBlock / kWarp];
  const int64_t first = int64_t(blockIdx.x) * kPerBlock;
  int count = 0, all;
  for (int64_t i = threadIdx.x; i < kPerBlock; i += kBlock) {
    lanes_before(first + i < n && is_nonzero(x, t, first + i), all);
    count += all;
  }
  if (threadIdx.x % kWarp == 0) warps[threadIdx.x / kWarp] = count;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int w = 1; w < kBlock / kWarp; ++w) count += warps[w];
  counts[blockIdx.x] = count;
}

/// Turns counts into where each chunk starts, and the total behind the last; one warp.
DN_KERNEL void sum_before(int64_t* counts, int64_t n) {
  const int lane = threadIdx.x;
  int64_t sum = 0;
  for (int64_t first = 0; first < n; first += kWarp) {
    const int64_t own = first + lane < n ? counts[first + lane] : 0;
    int64_t before = own;
    for (int d = 1; d < kWarp; d *= 2) {
      const int64_t other = __shfl_up_sync(kAllLanes, before, d);
      if (lane >= d) before += other;
    }
    if (first + lane < n) counts[first + lane] = sum + before - own;
    sum += __shfl_sync(kAllLanes, before, kWarp - 1);
  }
  if (lane == 0) counts[n] = sum;
}

DN_KERNEL void __launch_bounds__(kBlock)
    write_chunks(const void* x, DType t, int64_t n, const int64_t* starts, int64_t* y, int64_t step) {
  __shared__ int warps[kBlock / kWarp];
  const int64_t first = int64_t(blockIdx.x) * kPerBlock;
  const int warp = threadIdx.x / kWarp;
  int64_t start = starts[blockIdx.x];
  for (int64_t i = threadIdx.x; i < kPerBlock; i += kBlock) {
    const bool here = first + i < n && is_nonzero(x, t, first + i);
    int all;
    const int before = lanes_before(here, all);
    if (threadIdx.x % kWarp == 0) warps[warp] = all;
    __syncthreads();
    int64_t at = start + before;
    for (int w = 0; w < kBlock / kWarp; ++w) {
      if (w < warp) at += warps[w];
      start += warps[w];
    }
    if (here) y[at * step] = first + i;
    __syncthreads();
  }
}

/// starts of every chunk and the total behind them.
int64_t* find_starts(Call& call, const View& x, int64_t chunks) {
  int64_t* counts = call.scratch<int64_t>(chunks + 1);
  call.run(count_chunks, dim3(unsigned(chunks)), dim3(kBlock), 0, x.data, x.dtype, x.numel(), counts);
  call.run(sum_before, dim3(1), dim3(kWarp), 0, counts, chunks);
  return counts;
}

}  // namespace

int64_t CudaBackend::count_nonzero(const View& x) {
  Call call(device_, "count_nonzero");
  if (x.numel() == 0) return 0;
  const int64_t chunks = ceil_div(x.numel(), kPerBlock);
  const int64_t* counts = find_starts(call, x, chunks);
  int64_t total = 0;
  check(cudaMemcpyAsync(&total, counts + chunks, sizeof total, cudaMemcpyDeviceToHost, call.stream()), "count_nonzero");
  wait(device_, call.stream());
  return total;
}

void CudaBackend::nonzero(const View& x, const View& y) {
  Call call(device_, "nonzero");
  if (x.numel() == 0 || y.numel() == 0) return;
  const int64_t chunks = ceil_div(x.numel(), kPerBlock);
  const int64_t* starts = find_starts(call, x, chunks);
  call.run(write_chunks, dim3(unsigned(chunks)), dim3(kBlock), 0, x.data, x.dtype, x.numel(), starts, y.as<int64_t>(),
           y.stride(0));
}

}  // namespace deepnet::gpu
