// Caching device memory: blocks are split from large segments, merged when neighbours are free, and reused in stream order.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>
#include <unordered_map>
#include <vector>

#include "core/allocator.h"

namespace deepnet::gpu {

/// Memory of one device. Sizes round up to 512 bytes. A freed block serves the stream that it was allocated on, at once: what
/// that stream still has queued runs before what the next owner queues. A block that other streams used too waits for them.
/// DEEPNET_CUDA_NO_CACHE=1 takes every block from the driver, for memory checkers.
class DeviceMemory {
 public:
  explicit DeviceMemory(int device);
  /// Throws OutOfMemoryError naming the size and what is held.
  void* allocate(size_t bytes, cudaStream_t stream);
  void deallocate(void* p);
  /// The block of p may not be reused before what `stream` has queued by the time of deallocate is done.
  void record_stream(void* p, cudaStream_t stream);
  /// Gives segments that hold no live block back to the driver.
  void trim();
  MemoryStats stats();
  void reset_peak();

 private:
  struct Block {
    char* data;
    size_t size;
    cudaStream_t stream;
    Block *before, *after;  // neighbours in the segment
    bool free;
    std::vector<cudaStream_t> users;
    std::vector<cudaEvent_t> pending;
  };
  struct Smaller {
    bool operator()(const Block* a, const Block* b) const;
  };

  Block* find(size_t size, cudaStream_t stream);
  Block* grow(size_t size, cudaStream_t stream);
  void split(Block* block, size_t size);
  void release(Block* block);
  void collect_pending(bool wait);
  void trim_locked();
  static void absorb_next(Block* block);

  const int device_;
  const bool cached_;
  std::mutex mutex_;
  std::set<Block*, Smaller> free_;
  std::unordered_map<void*, Block*> live_;
  std::vector<Block*> waiting_;
  MemoryStats stats_{};
};

}  // namespace deepnet::gpu
