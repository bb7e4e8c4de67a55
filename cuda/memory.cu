#include "memory.h"

#include <cstdlib>

#include "core/error.h"
#include "runtime.h"

namespace deepnet::gpu {
namespace {

constexpr size_t kRound = 512;
constexpr size_t kSmallBlock = size_t(1) << 20;  // up to here blocks share small segments
constexpr size_t kSmallSegment = size_t(2) << 20;
constexpr size_t kLargeBlock = size_t(10) << 20;  // from here a block gets a segment of its own size
constexpr size_t kLargeSegment = size_t(20) << 20;

size_t rounded(size_t bytes, size_t step) { return (bytes + step - 1) / step * step; }

size_t segment_size(size_t size) {
  if (size <= kSmallBlock) return kSmallSegment;
  return size < kLargeBlock ? kLargeSegment : rounded(size, kSmallSegment);
}

}  // namespace

bool DeviceMemory::Smaller::operator()(const Block* a, const Block* b) const {
  if (a->stream != b->stream) return a->stream < b->stream;
  if (a->size != b->size) return a->size < b->size;
  return a->data < b->data;
}

DeviceMemory::DeviceMemory(int device) : device_(device), cached_(!std::getenv("DEEPNET_CUDA_NO_CACHE")) {}

DeviceMemory::Block* DeviceMemory::find(size_t size, cudaStream_t stream) {
  Block key{nullptr, size, stream, nullptr, nullptr, true, {}, {}};
  const auto it = free_.lower_bound(&key);
  if (it == free_.end() || (*it)->stream != stream) return nullptr;
  // A small block must not eat into a large segment: one live scalar would keep it from ever being given back.
  if (size <= kSmallBlock && (*it)->size > kSmallSegment) return nullptr;
  Block* block = *it;
  free_.erase(it);
  return block;
}

DeviceMemory::Block* DeviceMemory::grow(size_t size, cudaStream_t stream) {
  const size_t bytes = cached_ ? segment_size(size) : size;
  void* data = nullptr;
  if (cudaMalloc(&data, bytes) != cudaSuccess) {
    cudaGetLastError();
    collect_pending(true);
    trim_locked();
    if (const cudaError_t status = cudaMalloc(&data, bytes); status != cudaSuccess) {
      cudaGetLastError();
      if (status != cudaErrorMemoryAllocation) check(status, "cudaMalloc");
      size_t available = 0, total = 0;
      cudaMemGetInfo(&available, &total);
      throw OutOfMemoryError(join("cuda:", device_, ": cannot allocate ", size, " bytes; ", stats_.allocated,
                                  " bytes are in live tensors, ", available, " of ", total, " bytes are free on the device"));
    }
  }
  ++stats_.system_calls;
  stats_.cached += int64_t(bytes);
  return new Block{static_cast<char*>(data), bytes, stream, nullptr, nullptr, true, {}, {}};
}

void DeviceMemory::split(Block* block, size_t size) {
  // What is left of a large block is worth keeping only if a large request could use it.
  const size_t left = block->size - size, least = block->size <= kSmallSegment ? kRound : kSmallBlock;
  if (left < least) return;
  Block* rest = new Block{block->data + size, left, block->stream, block, block->after, true, {}, {}};
  if (block->after) block->after->before = rest;
  block->after = rest;
  block->size = size;
  free_.insert(rest);
}

void* DeviceMemory::allocate(size_t bytes, cudaStream_t stream) {
  const size_t size = rounded(bytes ? bytes : 1, kRound);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!waiting_.empty()) collect_pending(false);
  Block* block = find(size, stream);
  if (!block) block = grow(size, stream);
  if (cached_) split(block, size);
  block->free = false;
  live_.emplace(block->data, block);
  ++stats_.allocations;
  stats_.allocated += int64_t(block->size);
  stats_.cached -= int64_t(block->size);
  if (stats_.allocated > stats_.peak_allocated) stats_.peak_allocated = stats_.allocated;
  return block->data;
}

void DeviceMemory::deallocate(void* p) {
  if (!p) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto it = live_.find(p);
  if (it == live_.end()) return;
  Block* block = it->second;
  live_.erase(it);
  stats_.allocated -= int64_t(block->size);
  stats_.cached += int64_t(block->size);
  int before = device_;
  if (!block->users.empty()) {
    cudaGetDevice(&before);
    if (before != device_) cudaSetDevice(device_);
  }
  for (const cudaStream_t user : block->users) {
    cudaEvent_t event;
    if (cudaEventCreateWithFlags(&event, cudaEventDisableTiming) != cudaSuccess) continue;
    cudaEventRecord(event, user);
    block->pending.push_back(event);
  }
  if (before != device_) cudaSetDevice(before);
  block->users.clear();
  if (block->pending.empty())
    release(block);
  else
    waiting_.push_back(block);
}

void DeviceMemory::absorb_next(Block* block) {
  Block* next = block->after;
  block->size += next->size;
  block->after = next->after;
  if (next->after) next->after->before = block;
  delete next;
}

void DeviceMemory::release(Block* block) {
  if (!cached_) {
    cudaFree(block->data);
    stats_.cached -= int64_t(block->size);
    delete block;
    return;
  }
  if (block->after && block->after->free) {
    free_.erase(block->after);
    absorb_next(block);
  }
  if (block->before && block->before->free) {
    block = block->before;
    free_.erase(block);
    absorb_next(block);
  }
  block->free = true;
  free_.insert(block);
}

void DeviceMemory::collect_pending(bool wait) {
  size_t kept = 0;
  for (Block* block : waiting_) {
    bool done = true;
    for (const cudaEvent_t event : block->pending) {
      if (wait) cudaEventSynchronize(event);
      if (cudaEventQuery(event) == cudaErrorNotReady) {
        cudaGetLastError();
        done = false;
      }
    }
    if (!done) {
      waiting_[kept++] = block;
      continue;
    }
    for (const cudaEvent_t event : block->pending) cudaEventDestroy(event);
    block->pending.clear();
    release(block);
  }
  waiting_.resize(kept);
}

void DeviceMemory::record_stream(void* p, cudaStream_t stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto it = live_.find(p);
  if (it == live_.end() || it->second->stream == stream) return;
  for (const cudaStream_t user : it->second->users)
    if (user == stream) return;
  it->second->users.push_back(stream);
}

void DeviceMemory::trim_locked() {
  for (auto it = free_.begin(); it != free_.end();) {
    Block* block = *it;
    if (block->before || block->after) {
      ++it;
      continue;
    }
    it = free_.erase(it);
    cudaFree(block->data);  // waits for the device
    stats_.cached -= int64_t(block->size);
    delete block;
  }
}

void DeviceMemory::trim() {
  const std::lock_guard<std::mutex> lock(mutex_);
  collect_pending(true);
  trim_locked();
}

MemoryStats DeviceMemory::stats() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return stats_;
}

void DeviceMemory::reset_peak() {
  const std::lock_guard<std::mutex> lock(mutex_);
  stats_.peak_allocated = stats_.allocated;
}

}  // namespace deepnet::gpu
