// Reductions of integers and bools, and Any and All of every type: int64 accumulators that wrap, so no order matters.
#include "core/allocator.h"
#include "core/parallel.h"
#include "cpu/cpu_backend.h"

namespace deepnet {
namespace {

// Elements that one task reads, and output columns that it keeps accumulators for.
constexpr int64_t kTask = 65536;
constexpr int64_t kColumns = 256;

struct SumOp {
  static constexpr int64_t identity = 0;
  static int64_t step(int64_t acc, int64_t x) { return int64_t(uint64_t(acc) + uint64_t(x)); }
  static int64_t combine(int64_t a, int64_t b) { return step(a, b); }
};
struct ProdOp {
  static constexpr int64_t identity = 1;
  static int64_t step(int64_t acc, int64_t x) { return int64_t(uint64_t(acc) * uint64_t(x)); }
  static int64_t combine(int64_t a, int64_t b) { return step(a, b); }
};
struct MinOp {
  static constexpr int64_t identity = INT64_MAX;
  static int64_t step(int64_t acc, int64_t x) { return x < acc ? x : acc; }
  static int64_t combine(int64_t a, int64_t b) { return step(a, b); }
};
struct MaxOp {
  static constexpr int64_t identity = INT64_MIN;
  static int64_t step(int64_t acc, int64_t x) { return x > acc ? x : acc; }
  static int64_t combine(int64_t a, int64_t b) { return step(a, b); }
};
struct SumSquaresOp : SumOp {
  static int64_t step(int64_t acc, int64_t x) { return SumOp::step(acc, ProdOp::step(x, x)); }
};
struct SumAbsOp : SumOp {
  static int64_t step(int64_t acc, int64_t x) { return SumOp::step(acc, x < 0 ? ProdOp::step(-1, x) : x); }
};
struct AnyOp {
  static constexpr int64_t identity = 0;
  static int64_t step(int64_t acc, int64_t x) { return acc | x; }
  static int64_t combine(int64_t a, int64_t b) { return a | b; }
};
struct AllOp {
  static constexpr int64_t identity = 1;
  static int64_t step(int64_t acc, int64_t x) { return acc & x; }
  static int64_t combine(int64_t a, int64_t b) { return a & b; }
};

struct AsInteger {
  template <class T>
  int64_t operator()(T x) const {
    return int64_t(x);
  }
};
/// 1 where x is not zero; NaN is not.
struct AsTruth {
  template <class T>
  int64_t operator()(T x) const {
    return x != T(0);
  }
  int64_t operator()(Half x) const { return (x.bits & 0x7fff) != 0; }
  int64_t operator()(BFloat16 x) const { return (x.bits & 0x7fff) != 0; }
};

/// acc[b] = op over rows [r0, r1) of columns [b0, b0 + count) of x, which points at (a, 0, 0).
template <class Op, class Read, class T>
void accumulate(const T* x, int64_t sr, int64_t sb, int64_t r0, int64_t r1, int64_t b0, int64_t count, int64_t* acc) {
  const Read read;
  if (count == 1) {
    const T* p = x + b0 * sb;
    int64_t total = Op::identity;
    if (sr == 1) {
      for (int64_t r = r0; r < r1; ++r) total = Op::step(total, read(p[r]));
    } else {
      for (int64_t r = r0; r < r1; ++r) total = Op::step(total, read(p[r * sr]));
    }
    acc[0] = total;
    return;
  }
  for (int64_t b = 0; b < count; ++b) acc[b] = Op::identity;
  for (int64_t r = r0; r < r1; ++r) {
    const T* row = x + r * sr + b0 * sb;
    if (sb == 1) {
      for (int64_t b = 0; b < count; ++b) acc[b] = Op::step(acc[b], read(row[b]));
    } else {
      for (int64_t b = 0; b < count; ++b) acc[b] = Op::step(acc[b], read(row[b * sb]));
    }
  }
}

void write(const View& y, int64_t a, int64_t b, const int64_t* values, int64_t count) {
  visit(y.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* out = y.as<T>() + a * y.stride(0) + b * y.stride(1);
    for (int64_t i = 0; i < count; ++i) {
      if constexpr (std::is_same_v<T, Half>)
        out[i * y.stride(1)] = to_half(float(values[i]));
      else if constexpr (std::is_same_v<T, BFloat16>)
        out[i * y.stride(1)] = to_bfloat16(float(values[i]));
      else
        out[i * y.stride(1)] = T(values[i]);
    }
  });
}

template <class Op, class Read, class T>
void reduce_as(const View& x, const View& y) {
  const int64_t A = x.size(0), R = x.size(1), B = x.size(2);
  if (A == 0 || B == 0) return;
  const int64_t width = B < kColumns ? B : kColumns;
  const int64_t column_blocks = (B + width - 1) / width;
  const int64_t rows = kTask / width;
  const int64_t row_blocks = R > 0 ? (R + rows - 1) / rows : 1;
  // Partial results (row block, a, b); with one row block they go straight to y.
  Scratch partials(row_blocks > 1 ? size_t(row_blocks * A * B) * sizeof(int64_t) : 1);
  const int64_t work = width * (R < rows ? R : rows);
  parallel_for(row_blocks * A * column_blocks, kTask / (work + 1) + 1, [&](int64_t begin, int64_t end) {
    int64_t acc[kColumns];
    for (int64_t task = begin; task < end; ++task) {
      const int64_t block = task % row_blocks, ab = task / row_blocks;
      const int64_t a = ab / column_blocks, b0 = ab % column_blocks * width;
      const int64_t count = B - b0 < width ? B - b0 : width;
      const int64_t r0 = block * rows, r1 = r0 + rows < R ? r0 + rows : R;
      accumulate<Op, Read>(x.as<T>() + a * x.stride(0), x.stride(1), x.stride(2), r0, r1, b0, count, acc);
      if (row_blocks == 1) {
        write(y, a, b0, acc, count);
      } else {
        int64_t* out = partials.as<int64_t>() + (block * A + a) * B + b0;
        for (int64_t b = 0; b < count; ++b) out[b] = acc[b];
      }
    }
  });
  if (row_blocks == 1) return;
  for (int64_t a = 0; a < A; ++a) {
    int64_t* total = partials.as<int64_t>() + a * B;
    for (int64_t block = 1; block < row_blocks; ++block)
      for (int64_t b = 0; b < B; ++b) total[b] = Op::combine(total[b], total[block * A * B + b]);
    write(y, a, 0, total, B);
  }
}

template <class Op>
void reduce_integers(const View& x, const View& y) {
  switch (x.dtype) {
    case DType::Bool:
      return reduce_as<Op, AsInteger, bool>(x, y);
    case DType::UInt8:
      return reduce_as<Op, AsInteger, uint8_t>(x, y);
    case DType::Int8:
      return reduce_as<Op, AsInteger, int8_t>(x, y);
    case DType::Int16:
      return reduce_as<Op, AsInteger, int16_t>(x, y);
    case DType::Int32:
      return reduce_as<Op, AsInteger, int32_t>(x, y);
    default:
      return reduce_as<Op, AsInteger, int64_t>(x, y);
  }
}

template <class Op>
void reduce_truth(const View& x, const View& y) {
  visit(x.dtype, [&](auto tag) { reduce_as<Op, AsTruth, typename decltype(tag)::type>(x, y); });
}

}  // namespace

void CpuBackend::integer_reduce(ReduceOp op, const View& x, const View& y) {
  switch (op) {
    case ReduceOp::Sum:
      return reduce_integers<SumOp>(x, y);
    case ReduceOp::Prod:
      return reduce_integers<ProdOp>(x, y);
    case ReduceOp::Min:
      return reduce_integers<MinOp>(x, y);
    case ReduceOp::Max:
      return reduce_integers<MaxOp>(x, y);
    case ReduceOp::SumSquares:
      return reduce_integers<SumSquaresOp>(x, y);
    case ReduceOp::SumAbs:
      return reduce_integers<SumAbsOp>(x, y);
    case ReduceOp::Any:
      return reduce_truth<AnyOp>(x, y);
    case ReduceOp::All:
      return reduce_truth<AllOp>(x, y);
  }
}

}  // namespace deepnet
