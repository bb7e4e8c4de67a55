#include "core/parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/system.h"

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <signal.h>
#endif

namespace deepnet {
namespace {

using Clock = std::chrono::steady_clock;

// How long an idle worker looks for the next region before it sleeps, and how often it offers its core meanwhile.
constexpr auto kSpin = std::chrono::microseconds(40);
constexpr int kPausesPerLook = 32;
// A yield that took this long gave the core to someone who needed it: spinning on would take it from them.
constexpr auto kCrowded = std::chrono::microseconds(10);
// Pieces per thread: enough to even out uneven work, few enough to keep the counter cold.
constexpr int64_t kPiecesPerThread = 16;

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// True on workers, and on a caller inside a region: parallel_for runs inline there.
thread_local bool inside_region = false;

std::atomic<void* (*)()> hook_enter{nullptr};
std::atomic<void (*)(void*)> hook_leave{nullptr};

int initial_threads() {
  const char* text = std::getenv("DEEPNET_NUM_THREADS");
  if (!text || !*text) return available_threads();
  char* end = nullptr;
  const long n = std::strtol(text, &end, 10);
  if (*end || n < 1 || n > 4096)
    fail<ValueError>("DEEPNET_NUM_THREADS", "must be an integer from 1 to 4096, got \"", text, '"');
  return int(n);
}

/// One region of work. Threads take `chunk` items at a time.
struct Job {
  int64_t n = 0, chunk = 0;
  void (*body)(void*, int64_t, int64_t) = nullptr;
  void* context = nullptr;
  alignas(64) std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error;

  void work() {
    for (;;) {
      const int64_t begin = next.fetch_add(chunk, std::memory_order_relaxed);
      if (begin >= n) return;
      try {
        body(context, begin, std::min(n, begin + chunk));
      } catch (...) {
        if (!failed.exchange(true)) error = std::current_exception();
        next.store(n, std::memory_order_relaxed);  // the pieces not yet taken are dropped
        return;
      }
    }
  }
};

/// The workers and the region they are on. `state_` holds the region's number, whether it takes more workers, and how many
/// are on it: a worker that wakes late finds it closed and passes by, so the caller waits only for pieces really taken.
class Team {
 public:
  int size() {
    int n = size_.load(std::memory_order_relaxed);
    if (n == 0) {
      n = initial_threads();
      size_.store(n, std::memory_order_relaxed);
    }
    return n;
  }

  void resize(int n) {
    while (!acquire()) std::this_thread::yield();
    if (n != size_.load(std::memory_order_relaxed)) {
      stop_workers();
      size_.store(n, std::memory_order_relaxed);
    }
    release();
  }

  void inherit_size(const Team& other) { size_.store(other.size_.load(std::memory_order_relaxed), std::memory_order_relaxed); }

  /// False where another thread has the team.
  bool acquire() { return !busy_.load(std::memory_order_relaxed) && !busy_.exchange(true, std::memory_order_acquire); }
  void release() { busy_.store(false, std::memory_order_release); }

  void run(int64_t n, int64_t chunk, void (*body)(void*, int64_t, int64_t), void* context) {
    start_workers();
    job_.n = n;
    job_.chunk = chunk;
    job_.body = body;
    job_.context = context;
    job_.next.store(0, std::memory_order_relaxed);
    job_.failed.store(false, std::memory_order_relaxed);

    const uint64_t number = (state_.load(std::memory_order_relaxed) >> kNumberShift) + 1;
    state_.store(number << kNumberShift | kOpen, std::memory_order_seq_cst);
    if (sleeping_.load(std::memory_order_seq_cst) > 0) {
      {
        std::lock_guard<std::mutex> lock(mutex_);
      }
      wake_.notify_all();
    }
    inside_region = true;
    job_.work();
    inside_region = false;
    state_.fetch_and(~kOpen, std::memory_order_acq_rel);
    for (int turn = 0; state_.load(std::memory_order_acquire) & kCount; ++turn) {
      if (turn < 2000)
        pause();
      else
        std::this_thread::yield();
    }
  }

  /// What a piece of the last region threw.
  std::exception_ptr take_error() {
    return job_.failed.load(std::memory_order_relaxed) ? std::exchange(job_.error, nullptr) : nullptr;
  }

  void stop_workers() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stop_.store(true);
    }
    wake_.notify_all();
    for (std::thread& t : workers_) t.join();
    workers_.clear();
    stop_.store(false);
  }

  /// After the process's last words: no workers any more, and no new ones.
  void shut_down() {
    if (!acquire()) return;  // a thread that still computes at exit keeps its workers
    stop_workers();
    size_.store(1, std::memory_order_relaxed);
    release();
  }

 private:
  static constexpr uint64_t kCount = 0xffff, kOpen = 1 << 16;
  static constexpr int kNumberShift = 17;

  void start_workers() {
    const int wanted = size() - 1;
    while (int(workers_.size()) < wanted) {
#if defined(__unix__) || defined(__APPLE__)
      // Signals belong to the host program's own threads.
      sigset_t all, before;
      sigfillset(&all);
      pthread_sigmask(SIG_SETMASK, &all, &before);
#endif
      try {
        workers_.emplace_back([this, seen = state_.load(std::memory_order_relaxed) >> kNumberShift] { work(seen); });
      } catch (const std::system_error&) {
        size_.store(int(workers_.size()) + 1, std::memory_order_relaxed);  // no more threads to be had: go on with these
      }
#if defined(__unix__) || defined(__APPLE__)
      pthread_sigmask(SIG_SETMASK, &before, nullptr);
#endif
      if (int(workers_.size()) + 1 == size_.load(std::memory_order_relaxed)) return;
    }
  }

  void work(uint64_t seen) {
    inside_region = true;
    for (;;) {
      uint64_t state = wait_for_region(seen);
      if (stop_.load(std::memory_order_relaxed)) return;
      while ((state & kOpen) && !state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel)) {
      }
      seen = state >> kNumberShift;
      if (!(state & kOpen)) continue;
      job_.work();
      state_.fetch_sub(1, std::memory_order_acq_rel);
    }
  }

  bool has_news(uint64_t state, uint64_t seen) const {
    return ((state & kOpen) && (state >> kNumberShift) != seen) || stop_.load(std::memory_order_relaxed);
  }

  uint64_t wait_for_region(uint64_t seen) {
    uint64_t state;
    for (auto start = Clock::now(), now = start; now - start < kSpin;) {
      for (int i = 0; i < kPausesPerLook; ++i) {
        state = state_.load(std::memory_order_acquire);
        if (has_news(state, seen)) return state;
        pause();
      }
      std::this_thread::yield();
      const auto after = Clock::now();
      if (after - now > kCrowded) break;
      now = after;
    }
    std::unique_lock<std::mutex> lock(mutex_);
    sleeping_.fetch_add(1, std::memory_order_seq_cst);
    wake_.wait(lock, [&] {
      state = state_.load(std::memory_order_seq_cst);
      return has_news(state, seen);
    });
    sleeping_.fetch_sub(1, std::memory_order_relaxed);
    return state;
  }

  alignas(64) std::atomic<uint64_t> state_{0};
  alignas(64) std::atomic<bool> busy_{false};
  std::atomic<int> size_{0};
  Job job_;
  alignas(64) std::atomic<int> sleeping_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
};

// Never destroyed: threads may still call while the process ends.
std::atomic<Team*> current_team{nullptr};

#if defined(__unix__) || defined(__APPLE__)
/// In a forked child the workers do not exist: a fresh team of the same size takes the place of the old one, whose memory
/// stays behind.
void replace_team_in_child() {
  Team* old = current_team.load(std::memory_order_relaxed);
  Team* fresh = new Team;
  fresh->inherit_size(*old);
  current_team.store(fresh, std::memory_order_relaxed);
}
#endif

Team& team() {
  if (Team* t = current_team.load(std::memory_order_acquire)) [[likely]]
    return *t;
  static const bool made [[maybe_unused]] = [] {
    current_team.store(new Team, std::memory_order_release);
#if defined(__unix__) || defined(__APPLE__)
    pthread_atfork(nullptr, nullptr, replace_team_in_child);
#endif
    std::atexit([] { current_team.load()->shut_down(); });
    return true;
  }();
  return *current_team.load(std::memory_order_acquire);
}

}  // namespace

int num_threads() { return team().size(); }

void set_num_threads(int n) {
  if (n < 1 || n > 4096) fail<ValueError>("set_num_threads", "the number of threads must be from 1 to 4096, got ", n);
  if (inside_region) fail<RuntimeError>("set_num_threads", "called from inside a parallel region");
  team().resize(n);
}

int available_threads() { return available_cpus(); }

void set_blocking_hooks(BlockingHooks hooks) {
  hook_enter.store(hooks.enter);
  hook_leave.store(hooks.leave);
}

namespace detail {

void run_parallel(int64_t n, int64_t grain, void (*body)(void*, int64_t, int64_t), void* context) {
  if (inside_region) return body(context, 0, n);
  Team& t = team();
  const int threads = t.size();
  if (threads == 1 || !t.acquire()) return body(context, 0, n);

  grain = std::max<int64_t>(grain, 1);
  const int64_t pieces = (n + grain - 1) / grain;
  const int64_t chunk = grain * std::max<int64_t>(1, pieces / (threads * kPiecesPerThread));
  void* (*enter)() = hook_enter.load(std::memory_order_relaxed);
  void (*leave)(void*) = hook_leave.load(std::memory_order_relaxed);
  void* token = enter ? enter() : nullptr;
  t.run(n, chunk, body, context);
  const std::exception_ptr error = t.take_error();
  t.release();
  if (leave) leave(token);
  if (error) std::rethrow_exception(error);
}

}  // namespace detail
}  // namespace deepnet
