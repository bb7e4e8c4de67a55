// Running sums, products, extremes and log-sum-exps along R of (A, R, B): a thread for each column, a chain along R.
#include "convert.h"
#include "cuda_backend.h"
#include "math/binary.h"
#include "runtime.h"

namespace deepnet::gpu {
namespace {

/// Elements of a dtype, read where they are S and converted otherwise.
template <class S>
struct Column {
  void* data;
  DType dtype;
  int64_t sa, sr, sb;
  explicit Column(const View& v)
      : data(v.data),
        dtype(v.dtype),
        sa(v.defined() ? v.stride(0) : 0),
        sr(v.defined() ? v.stride(1) : 0),
        sb(v.defined() ? v.stride(2) : 0) {}
  DN_DEVICE S get(int64_t at) const { return is_own() ? static_cast<const S*>(data)[at] : load_any<S>(data, dtype, at); }
  DN_DEVICE void put(int64_t at, S v) const {
    if (is_own())
      static_cast<S*>(data)[at] = v;
    else
      store_any<S>(data, dtype, at, v);
  }
  DN_DEVICE bool is_own() const {
    return dtype == (sizeof(S) == 4 ? DType::Float32 : S(0.5) == S(0) ? DType::Int64 : DType::Float64);
  }
};

struct Plus {
  template <class S>
  DN_DEVICE S operator()(S a, S b) const {
    return a + b;
  }
  DN_DEVICE int64_t operator()(int64_t a, int64_t b) const { return int64_t(uint64_t(a) + uint64_t(b)); }
};
struct Times {
  template <class S>
  DN_DEVICE S operator()(S a, S b) const {
    return a * b;
  }
  DN_DEVICE int64_t operator()(int64_t a, int64_t b) const { return int64_t(uint64_t(a) * uint64_t(b)); }
};
struct LogSumExp {
  template <class S>
  DN_DEVICE S operator()(S a, S b) const {
    return math::Logaddexp()(a, b);
  }
};

template <class S, class Op>
DN_KERNEL void chain(Column<S> x, Column<S> y, int64_t A, int64_t R, int64_t B, Op op) {
  for (int64_t i = thread_id(); i < A * B; i += thread_count()) {
    const int64_t a = quotient(i, B), b = i - a * B, from = a * x.sa + b * x.sb, to = a * y.sa + b * y.sb;
    S acc = x.get(from);
    y.put(to, acc);
#pragma unroll 4
    for (int64_t r = 1; r < R; ++r) {
      acc = op(acc, x.get(from + r * x.sr));
      y.put(to + r * y.sr, acc);
    }
  }
}

/// The latest of equal elements is named; a NaN gives way only to a later NaN.
template <class S>
DN_KERNEL void extremes(Column<S> x, Column<S> y, Column<int64_t> indices, bool largest, int64_t A, int64_t R, int64_t B) {
  for (int64_t i = thread_id(); i < A * B; i += thread_count()) {
    const int64_t a = quotient(i, B), b = i - a * B, from = a * x.sa + b * x.sb, to = a * y.sa + b * y.sb;
    S best = x.get(from);
    int64_t where = 0;
    for (int64_t r = 0; r < R; ++r) {
      const S v = x.get(from + r * x.sr);
      if (v != v || (best == best && (largest ? v >= best : v <= best))) {
        best = v;
        where = r;
      }
      y.put(to + r * y.sr, best);
      if (indices.data) indices.put(a * indices.sa + b * indices.sb + r * indices.sr, where);
    }
  }
}

template <class S>
void scan_as(Call& call, ScanOp op, const View& x, const View& y, const View& indices) {
  const int64_t A = x.size(0), R = x.size(1), B = x.size(2);
  const Column<S> from(x), to(y);
  switch (op) {
    case ScanOp::Sum:
      return call.run_items(chain<S, Plus>, A * B, from, to, A, R, B, Plus{});
    case ScanOp::Prod:
      return call.run_items(chain<S, Times>, A * B, from, to, A, R, B, Times{});
    case ScanOp::LogSumExp:
      if constexpr (!std::is_integral_v<S>) call.run_items(chain<S, LogSumExp>, A * B, from, to, A, R, B, LogSumExp{});
      return;
    default:
      return call.run_items(extremes<S>, A * B, from, to, Column<int64_t>(indices), op == ScanOp::Max, A, R, B);
  }
}

}  // namespace

void CudaBackend::scan(ScanOp op, const View& x, const View& y, const View& indices) {
  Call call(device_, "scan");
  if (x.numel() == 0) return;
  const DType compute = is_floating(x.dtype) ? x.dtype : y.dtype;  // integers may be summed into floats
  if (!is_floating(compute)) return scan_as<int64_t>(call, op, x, y, indices);
  if (compute == DType::Float64) return scan_as<double>(call, op, x, y, indices);
  scan_as<float>(call, op, x, y, indices);
}

}  // namespace deepnet::gpu
