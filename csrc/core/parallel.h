// A small team of threads. Work is split by element, row or group, so results never depend on how many threads there are.
#pragma once

#include <cstdint>
#include <type_traits>

namespace deepnet {

/// Threads that parallel_for may use, the caller's included.
int num_threads();
void set_num_threads(int n);
/// What the CPU affinity and the cgroup's quota allow.
int available_threads();

/// Called around a region that really runs on several threads, so that a host language can drop its lock meanwhile.
struct BlockingHooks {
  void* (*enter)() = nullptr;
  void (*leave)(void*) = nullptr;
};
void set_blocking_hooks(BlockingHooks hooks);

namespace detail {
void run_parallel(int64_t n, int64_t grain, void (*body)(void*, int64_t, int64_t), void* context);
}

/// Calls f(begin, end) so that the pieces cover [0, n) exactly once. Pieces hold `grain` items (the last fewer) or
/// multiples of it; threads take them in turn. Nested calls and n <= grain run on the caller. The first exception that a
/// piece throws is rethrown on the caller.
template <class F>
inline __attribute__((always_inline)) void parallel_for(int64_t n, int64_t grain, F&& f) {
  if (n <= 0) return;
  if (n <= grain) {
    f(int64_t(0), n);
    return;
  }
  detail::run_parallel(
      n, grain,
      [](void* context, int64_t begin, int64_t end) { (*static_cast<std::remove_reference_t<F>*>(context))(begin, end); },
      const_cast<void*>(static_cast<const void*>(&f)));
}

}  // namespace deepnet
