// Caching, 64-byte-aligned CPU memory: freed blocks are kept by size, so a steady training step faults no pages.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/config.h"
#include "core/ref.h"

namespace deepnet {

constexpr size_t kAlignment = 64;

struct MemoryStats {
  int64_t allocated;       // bytes in live blocks
  int64_t peak_allocated;  // most that was ever live
  int64_t cached;          // bytes in freed blocks kept for reuse
  int64_t allocations;     // blocks handed out so far
  int64_t system_calls;    // of those, how many came from the system
};

/// A free list by block size. There is one for everybody; a capture has one of its own, which lives as long as any block
/// of it does.
class Pool : public RefCounted {
 public:
  Pool();
  ~Pool() override;
  /// At least `bytes` bytes, aligned; contents undefined. Throws OutOfMemoryError naming the size and what is held.
  void* allocate(size_t bytes);
  void deallocate(void* p, size_t bytes);
  /// Gives cached blocks back to the system.
  void trim();

 private:
  struct Lists;
  Lists* lists_;
};

Pool& default_pool();
/// The pool that this thread's new tensors come from.
Pool& current_pool();
/// Null means the default pool.
void set_current_pool(Pool* pool);

MemoryStats memory_stats();
void reset_peak_memory_stats();

/// Scratch memory of a kernel: undefined contents, given back at the end of the scope. Inlined by force, as kernels of every
/// instruction set use it.
class Scratch {
 public:
  DN_INLINE explicit Scratch(size_t bytes) : bytes_(bytes), data_(default_pool().allocate(bytes)) {}
  DN_INLINE ~Scratch() { default_pool().deallocate(data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  template <class T>
  DN_INLINE T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  size_t bytes_;
  void* data_;
};

}  // namespace deepnet
