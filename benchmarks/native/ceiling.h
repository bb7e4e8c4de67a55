// What this machine could do at best: multiply-adds from registers, bytes through memory. Kernels print their share of the
// lower of the two.
#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace deepnet {

template <class F>
double best_seconds(F run) {
  double best = 1e30;
  for (int i = 0; i < 20; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (seconds < best) best = seconds;
  }
  return best;
}

constexpr int64_t kCeilingSteps = 200000;

#if defined(__x86_64__)
/// Twelve chains of multiply-adds, enough to hide the latency of two units.
__attribute__((target("avx512f"))) inline void fma_avx512() {
  __m512 sum[12], a = _mm512_set1_ps(0.5f), b = _mm512_set1_ps(0.25f);
  for (__m512& s : sum) s = a;
  for (int64_t i = 0; i < kCeilingSteps; ++i) {
#pragma GCC unroll 12
    for (int j = 0; j < 12; ++j) sum[j] = _mm512_fmadd_ps(sum[j], a, b);
  }
  for (const __m512& s : sum) benchmark::DoNotOptimize(s);
}
__attribute__((target("avx2,fma"))) inline void fma_avx2() {
  __m256 sum[12], a = _mm256_set1_ps(0.5f), b = _mm256_set1_ps(0.25f);
  for (__m256& s : sum) s = a;
  for (int64_t i = 0; i < kCeilingSteps; ++i) {
#pragma GCC unroll 12
    for (int j = 0; j < 12; ++j) sum[j] = _mm256_fmadd_ps(sum[j], a, b);
  }
  for (const __m256& s : sum) benchmark::DoNotOptimize(s);
}
#endif

/// float32 operations a second of one thread (a multiply-add is two) with this set's registers, measured once; 0 where they
/// are not known.
inline double peak_flops(const char* isa) {
#if defined(__x86_64__)
  if (!strcmp(isa, "avx512")) {
    static const double peak = 12 * 16 * 2 * double(kCeilingSteps) / best_seconds(fma_avx512);
    return peak;
  }
  if (!strcmp(isa, "avx2")) {
    static const double peak = 12 * 8 * 2 * double(kCeilingSteps) / best_seconds(fma_avx2);
    return peak;
  }
#endif
  (void)isa;
  return 0;
}

/// Bytes a second that `threads` threads together read from memory, measured once for each number of threads.
inline double peak_bytes(int threads) {
  static std::vector<double> known(257);
  double& peak = known[size_t(threads < 256 ? threads : 256)];
  if (peak == 0) {
    constexpr size_t kBytes = size_t(128) << 20;
    const std::vector<uint64_t> data(kBytes / 8, 1);
    peak =
        double(kBytes) / best_seconds([&] {
          std::vector<std::thread> team;
          const auto read = [&](size_t begin, size_t end) {
            uint64_t sum[8] = {};
            for (size_t i = begin; i + 8 <= end; i += 8) {
              for (size_t j = 0; j < 8; ++j) sum[j] += data[i + j];
            }
            benchmark::DoNotOptimize(sum);
          };
          for (int t = 1; t < threads; ++t) {
            team.emplace_back(read, data.size() * size_t(t) / size_t(threads), data.size() * size_t(t + 1) / size_t(threads));
          }
          read(0, data.size() / size_t(threads));
          for (std::thread& t : team) t.join();
        });
  }
  return peak;
}

/// Counters of a kernel that does this much in an iteration: GFLOP/s, GB/s, and `share`, the part of the nearer ceiling that
/// it reaches.
inline void report(benchmark::State& state, const char* isa, int threads, double flops, double bytes) {
  using benchmark::Counter;
  state.counters["GFLOP/s"] = Counter(flops * 1e-9, Counter::kIsIterationInvariantRate);
  if (bytes > 0) state.counters["GB/s"] = Counter(bytes * 1e-9, Counter::kIsIterationInvariantRate);
  const double peak = peak_flops(isa) * threads;
  const double least = (peak > 0 && flops / peak > bytes / peak_bytes(threads)) ? flops / peak : bytes / peak_bytes(threads);
  state.counters["share"] = Counter(least, Counter::kIsIterationInvariantRate);
}

}  // namespace deepnet
