#include "core/parallel.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/error.h"

namespace deepnet {
namespace {

/// Restores the number of threads that the process started with.
class ParallelTest : public testing::Test {
 protected:
  void TearDown() override { set_num_threads(before_); }
  int before_ = num_threads();
};

TEST_F(ParallelTest, CoversEveryItemOnce) {
  for (int threads : {1, 2, 3, 8}) {
    set_num_threads(threads);
    EXPECT_EQ(num_threads(), threads);
    for (int64_t n : {0, 1, 2, 63, 64, 65, 1000, 100003}) {
      for (int64_t grain : {1, 7, 64, 5000}) {
        std::vector<int> seen(size_t(n), 0);
        parallel_for(n, grain, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) ++seen[size_t(i)];
        });
        for (int count : seen) ASSERT_EQ(count, 1);
      }
    }
  }
}

TEST_F(ParallelTest, PiecesStartAtMultiplesOfTheGrain) {
  set_num_threads(4);
  std::atomic<bool> ok{true};
  parallel_for(100000, 48, [&](int64_t begin, int64_t end) {
    if (begin % 48 != 0 || (end % 48 != 0 && end != 100000)) ok = false;
  });
  EXPECT_TRUE(ok);
}

TEST_F(ParallelTest, NestedCallsRunOnTheThreadThatMakesThem) {
  set_num_threads(4);
  std::atomic<int64_t> total{0};
  std::atomic<bool> moved{false};
  parallel_for(64, 1, [&](int64_t begin, int64_t end) {
    const std::thread::id here = std::this_thread::get_id();
    parallel_for((end - begin) * 100, 1, [&](int64_t b, int64_t e) {
      if (std::this_thread::get_id() != here) moved = true;
      total += e - b;
    });
  });
  EXPECT_EQ(total, 6400);
  EXPECT_FALSE(moved);
}

TEST_F(ParallelTest, RethrowsOnTheCallerAndGoesOn) {
  for (int threads : {1, 4}) {
    set_num_threads(threads);
    for (int round = 0; round < 200; ++round) {
      try {
        parallel_for(1000, 1, [&](int64_t begin, int64_t end) {
          if (begin <= 700 && 700 < end) fail<IndexError>("test", "index 700");
        });
        FAIL() << "nothing was thrown";
      } catch (const IndexError& e) {
        EXPECT_STREQ(e.what(), "test: index 700");
      }
      std::atomic<int64_t> total{0};
      parallel_for(1000, 1, [&](int64_t begin, int64_t end) { total += end - begin; });
      ASSERT_EQ(total, 1000);
    }
  }
}

TEST_F(ParallelTest, ManyCallersAtOnce) {
  set_num_threads(3);
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&] {
      for (int round = 0; round < 500; ++round) {
        std::atomic<int64_t> total{0};
        parallel_for(500, 3, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) total.fetch_add(i, std::memory_order_relaxed);
        });
        if (total != 500 * 499 / 2) ++wrong;
      }
    });
  for (std::thread& t : callers) t.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(ParallelTest, ResizingWhileOthersCompute) {
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::thread caller([&] {
    while (!stop) {
      std::atomic<int64_t> total{0};
      parallel_for(300, 1, [&](int64_t begin, int64_t end) { total += end - begin; });
      if (total != 300) ++wrong;
    }
  });
  for (int round = 0; round < 50; ++round) set_num_threads(1 + round % 5);
  stop = true;
  caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(ParallelTest, WorkersSleepAndWake) {
  set_num_threads(2);
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::atomic<int64_t> total{0};
    parallel_for(100, 1, [&](int64_t begin, int64_t end) { total += end - begin; });
    ASSERT_EQ(total, 100);
  }
}

TEST_F(ParallelTest, HooksAreCalledOnlyAroundRealRegions) {
  static std::atomic<int> entered, left;
  entered = left = 0;
  set_blocking_hooks({[]() -> void* {
                        ++entered;
                        return &left;
                      },
                      [](void* token) { ++*static_cast<std::atomic<int>*>(token); }});
  set_num_threads(1);
  parallel_for(100, 1, [](int64_t, int64_t) {});
  EXPECT_EQ(entered, 0);
  set_num_threads(2);
  parallel_for(1, 1, [](int64_t, int64_t) {});
  EXPECT_EQ(entered, 0);
  parallel_for(100, 1, [](int64_t, int64_t) { parallel_for(100, 1, [](int64_t, int64_t) {}); });
  EXPECT_EQ(entered, 1);
  EXPECT_THROW(parallel_for(100, 1, [](int64_t, int64_t) { throw std::runtime_error("x"); }), std::runtime_error);
  EXPECT_EQ(entered, 2);
  EXPECT_EQ(left, 2);
  set_blocking_hooks({});
}

TEST_F(ParallelTest, ForkedChildComputes) {
  set_num_threads(3);
  parallel_for(1000, 1, [](int64_t, int64_t) {});
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::atomic<int64_t> total{0};
    parallel_for(1000, 1, [&](int64_t begin, int64_t end) { total += end - begin; });
    _exit(total == 1000 && num_threads() == 3 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_F(ParallelTest, RefusesImpossibleThreadCounts) {
  EXPECT_THROW(set_num_threads(0), ValueError);
  EXPECT_THROW(set_num_threads(-3), ValueError);
  EXPECT_GE(available_threads(), 1);
}

}  // namespace
}  // namespace deepnet
