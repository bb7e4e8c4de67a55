// What the tests of CPU kernels share: inputs, and a run on every instruction set and several numbers of threads.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "backend/registry.h"
#include "core/parallel.h"

namespace deepnet {

template <class T>
View view_of(const std::vector<T>& values, Shape shape) {
  View v;
  v.data = const_cast<T*>(values.data());
  v.dtype = dtype_of<T>();
  v.shape = shape;
  v.strides = contiguous_strides(shape);
  return v;
}

template <class T>
std::vector<T> normal(int64_t n, unsigned seed, double scale = 1) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> draw(0, scale);
  std::vector<T> values(static_cast<size_t>(n));
  for (T& x : values) x = T(draw(engine));
  return values;
}

/// What run(backend) returns, a vector of numbers, which must have the same bits on every set and for 1, 2 and 5 threads.
template <class F>
auto same_everywhere(F run) {
  const int threads_before = num_threads();
  decltype(run(active_cpu_backend())) first;
  bool have_first = false;
  for (const char* const* isa = built_isas(); *isa; ++isa) {
    Backend* b = cpu_backend(*isa);
    if (!b) continue;
    for (int threads : {1, 2, 5}) {
      set_num_threads(threads);
      const auto result = run(*b);
      if (!have_first) first = result;
      have_first = true;
      EXPECT_TRUE(first.size() == result.size() && memcmp(first.data(), result.data(), first.size() * sizeof first[0]) == 0)
          << *isa << " with " << threads << " threads";
    }
  }
  set_num_threads(threads_before);
  return first;
}

/// The largest |a - b|, over the largest |b| or 1.
template <class A, class B>
double distance(const A& a, const B& b) {
  double worst = 0, largest = 1;
  for (size_t i = 0; i < a.size(); ++i) {
    worst = std::fmax(worst, std::fabs(double(a[i]) - double(b[i])));
    largest = std::fmax(largest, std::fabs(double(b[i])));
  }
  return worst / largest;
}

/// The tree of docs/bits.md.
template <class T>
T tree(std::vector<T> values) {
  while (values.size() > 1) {
    size_t half = 0;
    for (size_t i = 0; i < values.size(); i += 2)
      values[half++] = i + 1 < values.size() ? values[i] + values[i + 1] : values[i];
    values.resize(half);
  }
  return values[0];
}

/// The sum of x[0], x[stride], ..., n of them, by rows.
template <class T>
T sum_by_rows(const T* x, int64_t n, int64_t stride = 1) {
  std::vector<T> chunks;
  for (int64_t c = 0; c < n; c += 1024) {
    std::vector<T> lanes;
    const int64_t end = n < c + 1024 ? n : c + 1024;
    for (int64_t l = c; l < end && l < c + 32; ++l) {
      T chain = x[l * stride];
      for (int64_t i = l + 32; i < end; i += 32) chain += x[i * stride];
      lanes.push_back(chain);
    }
    chunks.push_back(tree(lanes));
  }
  return tree(chunks);
}

/// The same by columns: chains over groups of `group`, then the tree.
template <class T>
T sum_by_columns(const T* x, int64_t n, int64_t stride, int64_t group) {
  std::vector<T> chains;
  for (int64_t g = 0; g < n; g += group) {
    T chain = x[g * stride];
    for (int64_t i = g + 1; i < n && i < g + group; ++i) chain += x[i * stride];
    chains.push_back(chain);
  }
  return tree(chains);
}

}  // namespace deepnet
