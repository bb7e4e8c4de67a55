// The largest or smallest element of each (A, R, B) column and where it is first.
#include <algorithm>

#include "core/convert.h"
#include "cpu/clones.h"
#include "cpu/cpu_backend.h"
#include "cpu/strided.h"

namespace deepnet {
namespace {

/// NaN wins; equal values never replace an earlier one.
template <class T>
inline bool replaces(T x, T best, bool largest) {
  if (best != best) return false;
  return x != x || (largest ? x > best : x < best);
}

template <class T>
int64_t arg_strided(const T* x, int64_t n, int64_t step, bool largest) {
  auto best = widen(x[0]);
  int64_t index = 0;
  for (int64_t i = 1; i < n; ++i)
    if (const auto v = widen(x[i * step]); replaces(v, best, largest)) {
      best = v;
      index = i;
    }
  return index;
}

/// The extreme of n >= kLanes elements that lie behind one another; NaN where there is one.
constexpr int kLanes = 32;
template <bool kLargest, class T>
DN_ALSO_AVX2 T extreme_dense(const T* x, int64_t n) {
  T best[kLanes], odd[kLanes];  // odd: the latest NaN
  for (int l = 0; l < kLanes; ++l) best[l] = odd[l] = x[l];
  auto take = [&](const T* from) {
    for (int l = 0; l < kLanes; ++l) {
      const T v = from[l];
      best[l] = kLargest ? (v > best[l] ? v : best[l]) : (v < best[l] ? v : best[l]);
      if constexpr (std::is_floating_point_v<T>) odd[l] = v != v ? v : odd[l];
    }
  };
  for (int64_t i = kLanes; i + kLanes <= n; i += kLanes) take(x + i);
  take(x + n - kLanes);
  T all = best[0];
  for (int l = 0; l < kLanes; ++l) {
    if (odd[l] != odd[l]) return odd[l];
    all = kLargest ? std::max(all, best[l]) : std::min(all, best[l]);
  }
  return all;
}

/// First index of the extreme of n elements that lie behind one another: a pass that only compares, then a search for what
/// it found.
template <bool kLargest, class T>
int64_t arg_dense(const T* x, int64_t n) {
  if (n < 2 * kLanes) return arg_strided(x, n, 1, kLargest);
  const T best = extreme_dense<kLargest>(x, n);
  if (best != best) return std::find_if(x, x + n, [](T v) { return v != v; }) - x;
  return std::find(x, x + n, best) - x;
}

template <class T>
void arg_reduce_of(bool largest, const View& x, const View& values, const View& indices) {
  const int64_t rows = x.size(1), columns = x.size(2), step = x.stride(1);
  const int64_t bytes = std::max<int64_t>(1, rows * int64_t(sizeof(T)));
  parallel_for(x.size(0) * columns, std::max<int64_t>(1, kPieceBytes / bytes), [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) {
      const int64_t a = at / columns, b = at % columns;
      const T* from = x.as<const T>() + a * x.stride(0) + b * x.stride(2);
      int64_t index;
      if constexpr (is_narrow_float_type<T>) {
        index = arg_strided(from, rows, step, largest);
      } else if (step == 1) {
        index = largest ? arg_dense<true>(from, rows) : arg_dense<false>(from, rows);
      } else {
        index = arg_strided(from, rows, step, largest);
      }
      if (values.defined()) values.as<T>()[a * values.stride(0) + b * values.stride(1)] = from[index * step];
      if (indices.defined()) indices.as<int64_t>()[a * indices.stride(0) + b * indices.stride(1)] = index;
    }
  });
}

/// Columns that lie side by side: all of a stretch of B at once, so that memory is read in its order.
template <class T>
void arg_reduce_columns(bool largest, const View& x, const View& values, const View& indices) {
  constexpr int64_t kStretch = 256;
  const int64_t rows = x.size(1), columns = x.size(2), stretches = (columns + kStretch - 1) / kStretch;
  const int64_t bytes = rows * std::min(columns, kStretch) * int64_t(sizeof(T));
  parallel_for(x.size(0) * stretches, std::max<int64_t>(1, kPieceBytes / bytes), [&](int64_t begin, int64_t end) {
    using W = decltype(widen(T()));
    W best[kStretch];
    int64_t index[kStretch];
    for (int64_t at = begin; at < end; ++at) {
      const int64_t a = at / stretches, start = at % stretches * kStretch, count = std::min(kStretch, columns - start);
      const T* from = x.as<const T>() + a * x.stride(0) + start;
      for (int64_t j = 0; j < count; ++j) {
        best[j] = widen(from[j]);
        index[j] = 0;
      }
      for (int64_t r = 1; r < rows; ++r) {
        const T* row = from + r * x.stride(1);
        for (int64_t j = 0; j < count; ++j) {
          const W v = widen(row[j]);
          const bool better = replaces(v, best[j], largest);
          best[j] = better ? v : best[j];
          index[j] = better ? r : index[j];
        }
      }
      for (int64_t j = 0; j < count; ++j) {
        const int64_t b = start + j;
        if (values.defined()) values.as<T>()[a * values.stride(0) + b * values.stride(1)] = from[index[j] * x.stride(1) + j];
        if (indices.defined()) indices.as<int64_t>()[a * indices.stride(0) + b * indices.stride(1)] = index[j];
      }
    }
  });
}

}  // namespace

void CpuBackend::arg_reduce(bool largest, const View& x, const View& values, const View& indices) {
  if (x.numel() == 0) return;
  visit(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (x.size(2) >= 8 && x.stride(2) == 1)
      arg_reduce_columns<T>(largest, x, values, indices);
    else
      arg_reduce_of<T>(largest, x, values, indices);
  });
}

}  // namespace deepnet
