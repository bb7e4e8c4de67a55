#include "core/allocator.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdio>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "core/error.h"
#include "core/system.h"

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace deepnet {
namespace {

// Block sizes: multiples of 64 bytes up to 1 KB, then eight sizes to each doubling, so at most an eighth is unused.
constexpr int kSmallClasses = 16;
constexpr int kSmallBits = 10;
constexpr int kMaxBits = 46;
constexpr int kClasses = kSmallClasses + 8 * (kMaxBits - kSmallBits);
// From here on blocks are mapped straight from the system, and really go back to it; with huge pages from kHugeBytes.
constexpr size_t kMappedBytes = size_t(1) << 20;
constexpr size_t kHugeBytes = size_t(4) << 20;
constexpr size_t kHugePage = size_t(2) << 20;

inline int class_of(size_t bytes) {
  if (bytes <= (size_t(1) << kSmallBits)) return int((bytes + 63) / 64) - 1;
  const size_t last = bytes - 1;
  const int bit = 63 - std::countl_zero(uint64_t(last));  // 2^bit <= last
  return kSmallClasses + (bit - kSmallBits) * 8 + int((last >> (bit - 3)) & 7);
}

inline size_t class_bytes(int c) {
  if (c < kSmallClasses) return size_t(c + 1) * 64;
  const int bit = kSmallBits + (c - kSmallClasses) / 8, eighth = (c - kSmallClasses) % 8;
  return size_t(9 + eighth) << (bit - 3);
}

class SpinLock {
 public:
  void lock() {
    for (int turn = 0; held_.exchange(true, std::memory_order_acquire);)
      while (held_.load(std::memory_order_relaxed))
        if (++turn > 100) std::this_thread::yield();
  }
  void unlock() { held_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> held_{false};
};

// One lock for all pools and the statistics: held for a dozen instructions.
SpinLock spin;
MemoryStats stats{};

class Locked {
 public:
  Locked() { spin.lock(); }
  ~Locked() { spin.unlock(); }
};

#if defined(__linux__)
void* map_block(size_t bytes) {
  const size_t extra = bytes >= kHugeBytes ? kHugePage : 0;
  void* p = mmap(nullptr, bytes + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return nullptr;
  if (!extra) return p;
  // Aligned to a huge page, the excess given back.
  char* start = static_cast<char*>(p);
  char* block = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(start) + kHugePage - 1) & ~(kHugePage - 1));
  if (block != start) munmap(start, size_t(block - start));
  if (const size_t tail = size_t(start + extra - block)) munmap(block + bytes, tail);
  madvise(block, bytes, MADV_HUGEPAGE);
  return block;
}
#endif

void* system_allocate(size_t bytes) {
#if defined(__linux__)
  if (bytes >= kMappedBytes) return map_block(bytes);
#endif
  return ::operator new(bytes, std::align_val_t(kAlignment), std::nothrow);
}

void system_free(void* p, size_t bytes) {
#if defined(__linux__)
  if (bytes >= kMappedBytes) {
    munmap(p, bytes);
    return;
  }
#endif
  ::operator delete(p, std::align_val_t(kAlignment));
}

std::string readable(double bytes) {
  const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  int unit = 0;
  for (; bytes >= 1024 && unit < 6; ++unit) bytes /= 1024;
  char text[48];
  std::snprintf(text, sizeof text, unit ? "%.2f %s" : "%.0f %s", bytes, units[unit]);
  return text;
}

[[noreturn]] void refuse(size_t bytes, int64_t limit) {
  const MemoryStats now = memory_stats();
  fail<OutOfMemoryError>("allocate", readable(double(bytes)), " asked for; ", readable(double(now.allocated)),
                         " are held by live tensors and ", readable(double(now.cached)),
                         " by captured steps' free blocks; this process may have ", readable(double(limit)));
}

thread_local Pool* thread_pool = nullptr;

}  // namespace

// Free blocks are listed beside the memory, not in it: a replayed capture writes to blocks that its pool counts as free.
struct Pool::Lists {
  std::vector<void*> free[kClasses];
};

Pool::Pool() : lists_(new Lists) {}

Pool::~Pool() {
  trim();
  delete lists_;
}

void* Pool::allocate(size_t bytes) {
  if (bytes == 0) return nullptr;
  if (bytes > size_t(1) << kMaxBits) refuse(bytes, memory_limit());
  const int c = class_of(bytes);
  const size_t size = class_bytes(c);
  {
    Locked lock;
    if (std::vector<void*>& free = lists_->free[c]; !free.empty()) [[likely]] {
      void* block = free.back();
      free.pop_back();
      stats.cached -= int64_t(size);
      stats.allocated += int64_t(size);
      stats.peak_allocated = std::max(stats.peak_allocated, stats.allocated);
      ++stats.allocations;
      return block;
    }
  }

  static const int64_t limit = memory_limit();
  const MemoryStats now = memory_stats();
  // Near the limit the cache goes first: better slow than killed.
  if (now.allocated + now.cached + int64_t(size) > limit - limit / 8) default_pool().trim();
  if (const int64_t held = now.allocated + int64_t(size); held > limit && held > memory_limit()) refuse(bytes, memory_limit());
  void* p = system_allocate(size);
  if (!p) {
    default_pool().trim();
    p = system_allocate(size);
  }
  if (!p) refuse(bytes, memory_limit());
  Locked lock;
  stats.allocated += int64_t(size);
  stats.peak_allocated = std::max(stats.peak_allocated, stats.allocated);
  ++stats.allocations;
  ++stats.system_calls;
  return p;
}

void Pool::deallocate(void* p, size_t bytes) {
  if (!p) return;
  const int c = class_of(bytes);
  const size_t size = class_bytes(c);
  Locked lock;
  lists_->free[c].push_back(p);
  stats.allocated -= int64_t(size);
  stats.cached += int64_t(size);
}

void Pool::trim() {
  for (int c = 0; c < kClasses; ++c) {
    std::vector<void*> blocks;
    const size_t size = class_bytes(c);
    {
      Locked lock;
      blocks.swap(lists_->free[c]);
      stats.cached -= int64_t(size * blocks.size());
    }
    for (void* block : blocks) system_free(block, size);
  }
}

Pool& default_pool() {
  // Never destroyed: tensors of static lifetime give their blocks back after main.
  static Pool& pool = []() -> Pool& {
#if defined(__unix__) || defined(__APPLE__)
    // A child must not inherit the lock held by a thread that it does not have.
    pthread_atfork([] { spin.lock(); }, [] { spin.unlock(); }, [] { spin.unlock(); });
#endif
    Pool* p = new Pool;
    p->retain();
    return *p;
  }();
  return pool;
}

Pool& current_pool() { return thread_pool ? *thread_pool : default_pool(); }

void set_current_pool(Pool* pool) { thread_pool = pool; }

MemoryStats memory_stats() {
  Locked lock;
  return stats;
}

void reset_peak_memory_stats() {
  Locked lock;
  stats.peak_allocated = stats.allocated;
}

}  // namespace deepnet
