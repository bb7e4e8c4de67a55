#include "core/allocator.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"

namespace deepnet {
namespace {

TEST(Allocator, BlocksAreAlignedAndWhole) {
  for (size_t bytes : {1, 63, 64, 65, 1000, 1024, 1025, 4097, 100000, 1 << 20, (1 << 20) + 1, 5000000, 9000001}) {
    char* p = static_cast<char*>(default_pool().allocate(bytes));
    ASSERT_NE(p, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % kAlignment, 0u);
    std::memset(p, 0x5a, bytes);
    default_pool().deallocate(p, bytes);
  }
}

TEST(Allocator, NoBytesIsNull) {
  EXPECT_EQ(default_pool().allocate(0), nullptr);
  default_pool().deallocate(nullptr, 0);
}

TEST(Allocator, ReusesFreedBlocks) {
  for (size_t bytes : {100, 5000, 3000000}) {
    void* first = default_pool().allocate(bytes);
    default_pool().deallocate(first, bytes);
    const MemoryStats before = memory_stats();
    void* second = default_pool().allocate(bytes);
    EXPECT_EQ(first, second);
    EXPECT_EQ(memory_stats().system_calls, before.system_calls);
    EXPECT_EQ(memory_stats().allocations, before.allocations + 1);
    default_pool().deallocate(second, bytes);
  }
}

TEST(Allocator, CountsWhatIsHeld) {
  const MemoryStats before = memory_stats();
  reset_peak_memory_stats();
  constexpr size_t kBytes = size_t(1) << 20;
  void* a = default_pool().allocate(kBytes);
  void* b = default_pool().allocate(kBytes);
  EXPECT_EQ(memory_stats().allocated, before.allocated + int64_t(2 * kBytes));
  default_pool().deallocate(a, kBytes);
  default_pool().deallocate(b, kBytes);
  EXPECT_EQ(memory_stats().allocated, before.allocated);
  EXPECT_EQ(memory_stats().peak_allocated, before.allocated + int64_t(2 * kBytes));
  EXPECT_GE(memory_stats().cached, int64_t(2 * kBytes));
  default_pool().trim();
  EXPECT_EQ(memory_stats().cached, 0);
  reset_peak_memory_stats();
  EXPECT_EQ(memory_stats().peak_allocated, before.allocated);
}

TEST(Allocator, UnusedSpaceIsAnEighthAtMost) {
  for (size_t bytes = 1025; bytes < (size_t(1) << 30); bytes = bytes * 17 / 16 + 1) {
    const int64_t before = memory_stats().allocated;
    void* p = default_pool().allocate(bytes);
    EXPECT_LE(memory_stats().allocated - before, int64_t(bytes + bytes / 8 + 64));
    EXPECT_GE(memory_stats().allocated - before, int64_t(bytes));
    default_pool().deallocate(p, bytes);
    default_pool().trim();
  }
}

TEST(Allocator, RefusesWhatCannotBe) {
  for (size_t bytes : {size_t(3) << 40, ~size_t(0), size_t(1) << 62}) {
    try {
      default_pool().allocate(bytes);
      FAIL() << "nothing was thrown";
    } catch (const OutOfMemoryError& e) {
      EXPECT_NE(std::string(e.what()).find("asked for"), std::string::npos) << e.what();
    }
  }
  try {
    default_pool().allocate(size_t(3) << 40);
  } catch (const OutOfMemoryError& e) {
    EXPECT_NE(std::string(e.what()).find("3.00 TiB"), std::string::npos) << e.what();
  }
}

TEST(Allocator, PoolsAreApart) {
  Ref<Pool> own = make_ref<Pool>();
  void* p = own->allocate(4096);
  own->deallocate(p, 4096);
  void* q = default_pool().allocate(4096);
  EXPECT_NE(p, q);
  default_pool().deallocate(q, 4096);
  const int64_t cached = memory_stats().cached;
  default_pool().trim();
  EXPECT_GE(memory_stats().cached, 4096);
  own = nullptr;
  EXPECT_LE(memory_stats().cached, cached - 4096);
}

TEST(Allocator, TheCurrentPoolIsTheThreadsOwn) {
  Ref<Pool> own = make_ref<Pool>();
  set_current_pool(own.get());
  EXPECT_EQ(&current_pool(), own.get());
  std::thread([] { EXPECT_EQ(&current_pool(), &default_pool()); }).join();
  set_current_pool(nullptr);
  EXPECT_EQ(&current_pool(), &default_pool());
}

TEST(Allocator, ThreadsNeverShareABlock) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      std::mt19937 random{unsigned(t)};
      std::vector<std::pair<unsigned char*, size_t>> live;
      for (int i = 0; i < 5000; ++i) {
        if (live.size() < 20 || random() % 2) {
          const size_t bytes = 1 + random() % 3000;
          unsigned char* p = static_cast<unsigned char*>(default_pool().allocate(bytes));
          std::memset(p, t + 1, bytes);
          live.emplace_back(p, bytes);
        } else {
          std::swap(live[random() % live.size()], live.back());
          auto [p, bytes] = live.back();
          for (size_t j = 0; j < bytes; ++j) ASSERT_EQ(p[j], t + 1);
          default_pool().deallocate(p, bytes);
          live.pop_back();
        }
      }
      for (auto [p, bytes] : live) default_pool().deallocate(p, bytes);
    });
  for (std::thread& t : threads) t.join();
}

TEST(Allocator, ForkedChildAllocates) {
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop) Scratch scratch(100);
  });
  for (int round = 0; round < 20; ++round) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (int i = 0; i < 100; ++i) Scratch scratch(size_t(i) * 100 + 1);
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  stop = true;
  busy.join();
}

}  // namespace
}  // namespace deepnet
