#include <algorithm>

#include "core/allocator.h"
#include "core/convert.h"
#include "cpu/cpu_backend.h"
#include "cpu/strided.h"

namespace deepnet {
namespace {

// The elements are counted, and their positions written, in chunks of this many.
constexpr int64_t kChunk = 16384;

template <class T>
inline bool is_nonzero(T x) {
  const auto v = widen(x);
  return v != decltype(v)(0);
}

/// counts[c] of each chunk of x.
template <class T>
void count_chunks(const View& x, int64_t* counts) {
  const T* from = x.as<const T>();
  const int64_t n = x.numel();
  parallel_for((n + kChunk - 1) / kChunk, 1, [=](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      int count = 0;
      const int64_t stop = std::min(n, (c + 1) * kChunk);
      for (int64_t i = c * kChunk; i < stop; ++i) count += is_nonzero(from[i]);
      counts[c] = count;
    }
  });
}

template <class T>
void write_chunks(const View& x, const int64_t* starts, const View& y) {
  const T* from = x.as<const T>();
  const int64_t n = x.numel(), step = y.stride(0);
  int64_t* to = y.as<int64_t>();
  parallel_for((n + kChunk - 1) / kChunk, 1, [=](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      int64_t* at = to + starts[c] * step;
      const int64_t stop = std::min(n, (c + 1) * kChunk);
      for (int64_t i = c * kChunk; i < stop; ++i)
        if (is_nonzero(from[i])) {
          *at = i;
          at += step;
        }
    }
  });
}

/// Turns counts into where each chunk starts; returns their sum.
int64_t sum_before(int64_t* counts, int64_t n) {
  int64_t sum = 0;
  for (int64_t c = 0; c < n; ++c) sum += std::exchange(counts[c], sum);
  return sum;
}

}  // namespace

int64_t CpuBackend::count_nonzero(const View& x) {
  const int64_t chunks = (x.numel() + kChunk - 1) / kChunk;
  const Scratch scratch(size_t(chunks) * sizeof(int64_t));
  int64_t* counts = scratch.as<int64_t>();
  visit(x.dtype, [&](auto tag) { count_chunks<typename decltype(tag)::type>(x, counts); });
  return sum_before(counts, chunks);
}

void CpuBackend::nonzero(const View& x, const View& y) {
  const int64_t chunks = (x.numel() + kChunk - 1) / kChunk;
  const Scratch scratch(size_t(chunks) * sizeof(int64_t));
  int64_t* counts = scratch.as<int64_t>();
  visit(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    count_chunks<T>(x, counts);
    if (sum_before(counts, chunks) > 0) write_chunks<T>(x, counts, y);
  });
}

}  // namespace deepnet
