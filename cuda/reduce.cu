// Reductions along one axis: rows (B = 1) by warps or blocks, columns by a thread for each chain, then the tree.
#include "columns.h"
#include "convert.h"
#include "cuda_backend.h"
#include "rows.h"
#include "runtime.h"

namespace deepnet::gpu {
namespace {

template <class S>
struct SumOp : Adding<S> {};
template <class S>
struct SumSquaresOp : Adding<S> {
  DN_DEVICE S step(S acc, S x) const { return fma(x, x, acc); }
};
template <class S>
struct SumAbsOp : Adding<S> {
  DN_DEVICE S step(S acc, S x) const { return acc + abs(x); }
};
template <class S>
struct ProdOp {
  DN_DEVICE S identity() const { return S(1); }
  DN_DEVICE S step(S acc, S x) const { return acc * x; }
  DN_DEVICE S combine(S a, S b) const { return a * b; }
};
template <class S>
struct MinOp : Smallest<S> {};
template <class S>
struct MaxOp : Largest<S> {};

// Integers wrap, so they are added and multiplied as unsigned numbers.
DN_DEVICE int64_t add_wrapping(int64_t a, int64_t b) { return int64_t(uint64_t(a) + uint64_t(b)); }
DN_DEVICE int64_t multiply_wrapping(int64_t a, int64_t b) { return int64_t(uint64_t(a) * uint64_t(b)); }

struct IntegerSum {
  static constexpr int64_t kEmpty = 0;
  DN_DEVICE int64_t identity() const { return kEmpty; }
  DN_DEVICE int64_t step(int64_t acc, int64_t x) const { return add_wrapping(acc, x); }
  DN_DEVICE int64_t combine(int64_t a, int64_t b) const { return add_wrapping(a, b); }
};
struct IntegerSumSquares : IntegerSum {
  DN_DEVICE int64_t step(int64_t acc, int64_t x) const { return add_wrapping(acc, multiply_wrapping(x, x)); }
};
struct IntegerSumAbs : IntegerSum {
  DN_DEVICE int64_t step(int64_t acc, int64_t x) const { return add_wrapping(acc, x < 0 ? multiply_wrapping(-1, x) : x); }
};
struct IntegerProd {
  static constexpr int64_t kEmpty = 1;
  DN_DEVICE int64_t identity() const { return kEmpty; }
  DN_DEVICE int64_t combine(int64_t a, int64_t b) const { return multiply_wrapping(a, b); }
  DN_DEVICE int64_t step(int64_t acc, int64_t x) const { return combine(acc, x); }
};
struct IntegerMin {
  static constexpr int64_t kEmpty = INT64_MAX;
  DN_DEVICE int64_t identity() const { return kEmpty; }
  DN_DEVICE int64_t combine(int64_t a, int64_t b) const { return b < a ? b : a; }
  DN_DEVICE int64_t step(int64_t acc, int64_t x) const { return combine(acc, x); }
};
struct IntegerMax {
  static constexpr int64_t kEmpty = INT64_MIN;
  DN_DEVICE int64_t identity() const { return kEmpty; }
  DN_DEVICE int64_t combine(int64_t a, int64_t b) const { return b > a ? b : a; }
  DN_DEVICE int64_t step(int64_t acc, int64_t x) const { return combine(acc, x); }
};
struct AnyTrue : IntegerMax {
  DN_DEVICE int64_t identity() const { return 0; }
};
struct AllTrue : IntegerMin {
  DN_DEVICE int64_t identity() const { return 1; }
};

// Where elements come from.
template <class T>
struct Floats {
  using Acc = Compute<T>;
  const T* data;
  DN_DEVICE Acc operator()(int64_t at) const { return widen(data[at]); }
};
struct IntegerElements {
  using Acc = int64_t;
  const void* data;
  DType dtype;
  DN_DEVICE int64_t operator()(int64_t at) const { return load_any<int64_t>(data, dtype, at); }
};
struct Truths {
  using Acc = int64_t;
  const void* data;
  DType dtype;
  DN_DEVICE int64_t operator()(int64_t at) const {
    return is_floating(dtype) ? load_any<double>(data, dtype, at) != 0 : load_any<int64_t>(data, dtype, at) != 0;
  }
};

/// (A, R, B) and where results go.
struct Extent {
  int64_t A, R, B, sa, sr, sb, ya, yb;
  void* y;
  DType y_dtype;
  template <class S>
  DN_DEVICE void write(int64_t a, int64_t b, S v) const {
    store_any(y, y_dtype, a * ya + b * yb, v);
  }
};

template <class Source, class Op>
DN_KERNEL void __launch_bounds__(256) rows_by_warps(Source x, Extent e, Op op) {
  using S = typename Source::Acc;
  const int64_t a = WarpTeam::row();
  if (a >= e.A) return;
  const int64_t base = a * e.sa, sr = e.sr;
  const S v = warp_chunk<S>(0, e.R, op, [&](int64_t i) { return x(base + i * sr); });
  if (WarpTeam::rank() == 0) e.write(a, 0, v);
}

constexpr int64_t kChunksPerSpan = 32;

/// A block for each span of a row, spans of 32 chunks or the whole row; partial (A, spans) where there are several.
template <class Source, class Op>
DN_KERNEL void __launch_bounds__(256) rows_by_blocks(Source x, Extent e, Op op, int64_t spans, typename Source::Acc* partial) {
  using S = typename Source::Acc;
  __shared__ FoldMemory<S> memory;
  const int64_t a = quotient(blockIdx.x, spans), span = blockIdx.x - a * spans;
  const int64_t begin = span * kChunksPerSpan * kChunk;
  const int64_t n = spans == 1 ? e.R : smaller(kChunksPerSpan * kChunk, e.R - begin);
  const int64_t base = a * e.sa + begin * e.sr, sr = e.sr;
  const S v = BlockTeam::reduce<S>(n, op, memory, [&](int64_t i) { return x(base + i * sr); });
  if (threadIdx.x != 0) return;
  if (spans == 1)
    e.write(a, 0, v);
  else
    partial[blockIdx.x] = v;
}

template <class S, class Op>
DN_KERNEL void __launch_bounds__(256) tree_of_rows(const S* partial, int64_t n, Extent e, Op op) {
  __shared__ FoldMemory<S> memory;
  const int64_t a = blockIdx.x;
  const S v = block_tree(n, op, memory, [&](int64_t i) { return partial[a * n + i]; });
  if (threadIdx.x == 0) e.write(a, 0, v);
}

/// A thread for each chain: partial (groups, A, B), or y where there is one group.
template <class Source, class Op>
DN_KERNEL void __launch_bounds__(256)
    column_chains(Source x, Extent e, Op op, int64_t group, int64_t groups, typename Source::Acc* partial) {
  using S = typename Source::Acc;
  const int64_t outputs = e.A * e.B;
  for (int64_t i = thread_id(); i < outputs * groups; i += thread_count()) {
    const int64_t g = quotient(i, outputs), ab = i - g * outputs, a = quotient(ab, e.B), b = ab - a * e.B;
    const int64_t first = g * group, n = smaller(group, e.R - first);
    const int64_t base = a * e.sa + first * e.sr + b * e.sb;
    S acc = op.identity();
#pragma unroll 4
    for (int64_t r = 0; r < n; ++r) acc = op.step(acc, x(base + r * e.sr));
    if (groups == 1)
      e.write(a, b, acc);
    else
      partial[i] = acc;
  }
}

template <class S, class Op>
DN_KERNEL void finish_columns(const S* in, int64_t n, Extent e, Op op) {
  const int64_t width = e.A * e.B;
  for (int64_t i = thread_id(); i < width; i += thread_count()) {
    const int64_t a = quotient(i, e.B);
    e.write(a, i - a * e.B, fan_in(in, 0, n, width, i, op));
  }
}

template <class Source, class Op>
void reduce_rows(Call& call, Source x, const Extent& e, Op op) {
  using S = typename Source::Acc;
  if (e.R <= kChunk) {
    return call.run(rows_by_warps<Source, Op>, WarpTeam::grid(e.A), dim3(WarpTeam::kThreads), 0, x, e, op);
  }
  const int64_t pieces = ceil_div(e.R, kChunksPerSpan * kChunk);
  const int64_t spans = e.A >= 2 * call.multiprocessors() ? 1 : pieces;
  S* partial = spans == 1 ? nullptr : call.scratch<S>(e.A * spans);
  call.run(rows_by_blocks<Source, Op>, dim3(unsigned(e.A * spans)), dim3(BlockTeam::kThreads), 0, x, e, op, spans, partial);
  if (spans > 1) call.run(tree_of_rows<S, Op>, dim3(unsigned(e.A)), dim3(256), 0, partial, spans, e, op);
}

template <class Source, class Op>
void reduce_columns(Call& call, Source x, const Extent& e, int64_t group, Op op) {
  using S = typename Source::Acc;
  const int64_t width = e.A * e.B;
  int64_t groups = ceil_div(e.R, group);
  S* partial = groups == 1 ? nullptr : call.scratch<S>(groups * width);
  call.run_items(column_chains<Source, Op>, groups * width, x, e, op, group, groups, partial);
  if (groups == 1) return;
  S* buffer = call.scratch<S>(tree_rows(groups) * width);
  const S* last = tree_down(call, partial, buffer, groups, width, op);
  call.run_items(finish_columns<S, Op>, width, last, groups, e, op);
}

template <class Source, class Op>
void reduce_all(Call& call, Source x, const Extent& e, int64_t group, Op op) {
  if (e.B == 1)
    reduce_rows(call, x, e, op);
  else
    reduce_columns(call, x, e, group, op);
}

template <class T>
void reduce_floats(Call& call, ReduceOp op, Floats<T> x, const Extent& e, int64_t group) {
  using S = Compute<T>;
  switch (op) {
    case ReduceOp::Sum:
      return reduce_all(call, x, e, group, SumOp<S>{});
    case ReduceOp::Prod:
      return reduce_all(call, x, e, group, ProdOp<S>{});
    case ReduceOp::Min:
      return reduce_all(call, x, e, group, MinOp<S>{});
    case ReduceOp::Max:
      return reduce_all(call, x, e, group, MaxOp<S>{});
    case ReduceOp::SumAbs:
      return reduce_all(call, x, e, group, SumAbsOp<S>{});
    default:
      return reduce_all(call, x, e, group, SumSquaresOp<S>{});
  }
}

void reduce_integers(Call& call, ReduceOp op, const View& x, const Extent& e) {
  const IntegerElements in{x.data, x.dtype};
  switch (op) {
    case ReduceOp::Sum:
      return reduce_all(call, in, e, 64, IntegerSum{});
    case ReduceOp::Prod:
      return reduce_all(call, in, e, 64, IntegerProd{});
    case ReduceOp::Min:
      return reduce_all(call, in, e, 64, IntegerMin{});
    case ReduceOp::Max:
      return reduce_all(call, in, e, 64, IntegerMax{});
    case ReduceOp::SumAbs:
      return reduce_all(call, in, e, 64, IntegerSumAbs{});
    case ReduceOp::SumSquares:
      return reduce_all(call, in, e, 64, IntegerSumSquares{});
    case ReduceOp::Any:
      return reduce_all(call, Truths{x.data, x.dtype}, e, 64, AnyTrue{});
    case ReduceOp::All:
      return reduce_all(call, Truths{x.data, x.dtype}, e, 64, AllTrue{});
  }
}

/// What a reduction over nothing gives.
Number empty_result(ReduceOp op, bool floating) {
  switch (op) {
    case ReduceOp::Prod:
    case ReduceOp::All:
      return {true, 1, 0};
    case ReduceOp::Min:
      return {!floating, IntegerMin::kEmpty, __builtin_inf()};
    case ReduceOp::Max:
      return {!floating, IntegerMax::kEmpty, -__builtin_inf()};
    default:
      return {true, 0, 0};
  }
}

}  // namespace

void CudaBackend::reduce(ReduceOp op, const View& x, const View& y, int64_t group) {
  Call call(device_, "reduce");
  const Extent e{x.size(0),   x.size(1),   x.size(2),   x.stride(0), x.stride(1),
                 x.stride(2), y.stride(0), y.stride(1), y.data,      y.dtype};
  if (e.A == 0 || e.B == 0) return;
  const bool floating = is_floating(x.dtype) && op != ReduceOp::Any && op != ReduceOp::All;
  if (e.R == 0) return fill(y, empty_result(op, floating));
  if (!floating) return reduce_integers(call, op, x, e);
  visit_floats(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    reduce_floats(call, op, Floats<T>{x.as<T>()}, e, group > 0 ? group : 64);
  });
}

}  // namespace deepnet::gpu
