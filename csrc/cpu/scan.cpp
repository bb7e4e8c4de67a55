// Running sums, products, extremes and log-sum-exps along R of (A, R, B): parallel over A and B, a chain along R.
#include <algorithm>

#include "core/convert.h"
#include "cpu/cpu_backend.h"
#include "cpu/strided.h"
#include "math/binary.h"

namespace deepnet {
namespace {

/// Integers are added and multiplied modulo 2^64.
template <class W>
inline W plus(W a, W b) {
  if constexpr (std::is_integral_v<W>)
    return W(uint64_t(a) + uint64_t(b));
  else
    return a + b;
}
template <class W>
inline W times(W a, W b) {
  if constexpr (std::is_integral_v<W>)
    return W(uint64_t(a) * uint64_t(b));
  else
    return a * b;
}

/// One column: f(accumulator, element) gives the next accumulator.
template <class X, class Y, class W, class F>
void chain(const X* x, int64_t x_step, Y* y, int64_t y_step, int64_t n, F f) {
  W accumulator = W(widen(x[0]));
  y[0] = convert<Y>(accumulator);
  for (int64_t r = 1; r < n; ++r) {
    accumulator = f(accumulator, W(widen(x[r * x_step])));
    y[r * y_step] = convert<Y>(accumulator);
  }
}

/// Calls f(a, b) for every column, neighbours in b on one thread.
template <class F>
void for_columns(const View& x, F f) {
  const int64_t columns = x.size(2);
  const int64_t grain = std::max<int64_t>(1, kPieceBytes / 4 / std::max<int64_t>(1, x.size(1)));
  parallel_for(x.size(0) * columns, grain, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) f(at / columns, at % columns);
  });
}

template <class X, class Y, class F>
void scan_columns(const View& x, const View& y, F f) {
  using W = std::conditional_t<std::is_integral_v<decltype(widen(X()))>, compute_type<Y>, compute_type<X>>;
  for_columns(x, [&](int64_t a, int64_t b) {
    chain<X, Y, W>(x.as<const X>() + a * x.stride(0) + b * x.stride(2), x.stride(1),
                   y.as<Y>() + a * y.stride(0) + b * y.stride(2), y.stride(1), x.size(1), f);
  });
}

/// Many columns side by side: rows of B at a time, the previous row of y being the accumulator.
template <class T, class F>
void scan_rows(const View& x, const View& y, F f) {
  constexpr int64_t kStretch = 512;
  const int64_t rows = x.size(1), columns = x.size(2), stretches = (columns + kStretch - 1) / kStretch;
  const int64_t bytes = rows * std::min(columns, kStretch) * int64_t(sizeof(T));
  parallel_for(x.size(0) * stretches, std::max<int64_t>(1, kPieceBytes / bytes), [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) {
      const int64_t a = at / stretches, start = at % stretches * kStretch, count = std::min(kStretch, columns - start);
      const T* from = x.as<const T>() + a * x.stride(0) + start;
      T* to = y.as<T>() + a * y.stride(0) + start;
      for (int64_t j = 0; j < count; ++j) to[j] = from[j];
      for (int64_t r = 1; r < rows; ++r) {
        const T* row = from + r * x.stride(1);
        T* out = to + r * y.stride(1);
        for (int64_t j = 0; j < count; ++j) out[j] = f(out[j - y.stride(1)], row[j]);
      }
    }
  });
}

template <class F>
void scan_with(const View& x, const View& y, F f) {
  visit(x.dtype, [&](auto x_tag) {
    using X = typename decltype(x_tag)::type;
    if (x.dtype == y.dtype) {
      if constexpr (std::is_floating_point_v<X>)
        if (x.stride(2) == 1 && y.stride(2) == 1 && x.size(2) >= 8) return scan_rows<X>(x, y, f);
      return scan_columns<X, X>(x, y, f);
    }
    visit(y.dtype, [&](auto y_tag) { scan_columns<X, typename decltype(y_tag)::type>(x, y, f); });
  });
}

template <class T>
void scan_extremes(bool largest, const View& x, const View& y, const View& indices) {
  for_columns(x, [&](int64_t a, int64_t b) {
    const T* from = x.as<const T>() + a * x.stride(0) + b * x.stride(2);
    T* to = y.as<T>() + a * y.stride(0) + b * y.stride(2);
    int64_t* index = indices.defined() ? indices.as<int64_t>() + a * indices.stride(0) + b * indices.stride(2) : nullptr;
    const int64_t index_step = indices.defined() ? indices.stride(1) : 0;
    T best = from[0];
    int64_t where = 0;
    for (int64_t r = 0; r < x.size(1); ++r) {
      const T v = from[r * x.stride(1)];
      const auto wide = widen(v), so_far = widen(best);
      // The latest of equal elements is named; a NaN gives way only to a later NaN.
      if (wide != wide || (so_far == so_far && (largest ? wide >= so_far : wide <= so_far))) {
        best = v;
        where = r;
      }
      to[r * y.stride(1)] = best;
      if (index) index[r * index_step] = where;
    }
  });
}

}  // namespace

void CpuBackend::scan(ScanOp op, const View& x, const View& y, const View& indices) {
  if (x.numel() == 0) return;
  switch (op) {
    case ScanOp::Sum:
      return scan_with(x, y, [](auto a, auto b) { return plus(a, b); });
    case ScanOp::Prod:
      return scan_with(x, y, [](auto a, auto b) { return times(a, b); });
    case ScanOp::LogSumExp:
      return visit(x.dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        if constexpr (is_floating(dtype_of<T>()))
          scan_columns<T, T>(x, y, [](auto a, auto b) { return math::Logaddexp()(a, b); });
      });
    default:
      visit(x.dtype, [&](auto tag) { scan_extremes<typename decltype(tag)::type>(op == ScanOp::Max, x, y, indices); });
  }
}

}  // namespace deepnet
