// Reductions of floats along one axis.
#include "core/allocator.h"
#include "core/parallel.h"
#include "cpu/isa_backend.h"
#include "cpu/reduce_columns.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

// An op folds elements into an accumulator by step and combines accumulators by its call operator.
struct SumOp : Adding {
  static constexpr double kEmpty = 0;
  template <class V>
  DN_INLINE V step(V acc, V x) const {
    return acc + x;
  }
};
struct SumSquaresOp : Adding {
  static constexpr double kEmpty = 0;
  template <class V>
  DN_INLINE V step(V acc, V x) const {
    return fma(x, x, acc);
  }
};
struct SumAbsOp : Adding {
  static constexpr double kEmpty = 0;
  template <class V>
  DN_INLINE V step(V acc, V x) const {
    return acc + abs(x);
  }
};
struct ProdOp {
  static constexpr double kEmpty = 1;
  template <class V>
  DN_INLINE static V identity() {
    return V(scalar_of<V>(1));
  }
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return a * b;
  }
  template <class V>
  DN_INLINE V step(V acc, V x) const {
    return acc * x;
  }
};
// NaN wins: vmin(b, a) keeps an a that is NaN, and the look at b is off the chain of accumulators.
struct MinOp {
  static constexpr double kEmpty = __builtin_inf();
  template <class V>
  DN_INLINE static V identity() {
    return V(scalar_of<V>(__builtin_inf()));
  }
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return select(isnan(b), b, vmin(b, a));
  }
  template <class V>
  DN_INLINE V step(V acc, V x) const {
    return (*this)(acc, x);
  }
};
struct MaxOp {
  static constexpr double kEmpty = -__builtin_inf();
  template <class V>
  DN_INLINE static V identity() {
    return V(scalar_of<V>(-__builtin_inf()));
  }
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return select(isnan(b), b, vmax(b, a));
  }
  template <class V>
  DN_INLINE V step(V acc, V x) const {
    return (*this)(acc, x);
  }
};

/// Where the rows of one task come from: memory as it lies, or blocks of kRowBlock rows that `stage` makes dense.
template <class S>
struct RowBlocks {
  const void* x;
  int64_t row_stride, column_stride;
  void (*stage)(const void* x, int64_t first_row, int64_t row_stride, int64_t column_stride, int64_t rows, int64_t columns,
                S* block);
  S* block;
};

// What an op does to numbers of type S; the rest of this file is the same for all ops.
template <class S>
struct Kernels {
  /// Elements [begin, end) of a dense row.
  S (*row)(const S* row, int64_t begin, int64_t end);
  /// The same for `width` rows side by side.
  void (*across)(const S* x, int64_t stride, int64_t begin, int64_t end, int64_t width, S* scratch, S* out);
  /// Rows [begin, end) by columns.
  void (*columns)(const RowBlocks<S>& rows, int64_t begin, int64_t end, int64_t group, int64_t width, S* scratch, S* out);
  /// a = a combined with b.
  void (*combine)(S* a, const S* b, int64_t n);
  S empty;
};

template <class S, class Op>
S row_kernel(const S* row, int64_t begin, int64_t end) {
  const Op op;
  S result;
  reduce_row<vector_of<S>, 1>(begin, end, op, [&](auto at, auto* acc) DN_FUSED { acc[0] = op.step(acc[0], at(row)); }, &result);
  return result;
}

template <class S, class Op>
void across_kernel(const S* x, int64_t stride, int64_t begin, int64_t end, int64_t width, S* scratch, S* out) {
  using V = vector_of<S>;
  const Op op;
  reduce_rows_across<V>(x, stride, begin, end, width, op, [&](V acc, V e) DN_FUSED { return op.step(acc, e); }, scratch, out);
}

template <class S, class Op>
void columns_kernel(const RowBlocks<S>& rows, int64_t begin, int64_t end, int64_t group, int64_t width, S* scratch, S* out) {
  const Op op;
  const S* base = rows.stage ? rows.block : static_cast<const S*>(rows.x);
  const int64_t stride = rows.stage ? width : rows.row_stride;
  int64_t staged = 0;
  reduce_columns<vector_of<S>, 1>(
      begin, end, group, width, op,
      [&](int64_t r, int64_t count) {
        if (!rows.stage) return;
        rows.stage(rows.x, r, rows.row_stride, rows.column_stride, count, width, rows.block);
        staged = r;
      },
      [&](auto at, int64_t r, auto* acc) DN_FUSED { acc[0] = op.step(acc[0], at(base + (r - staged) * stride)); }, scratch,
      out);
}

template <class S, class Op>
void combine_kernel(S* a, const S* b, int64_t n) {
  const Op op;
  for_row<vector_of<S>>(n, [&](auto at) DN_FUSED { at.put(a, op(at(a), at(b))); });
}

template <class S, class Op>
constexpr Kernels<S> kKernels = {row_kernel<S, Op>, across_kernel<S, Op>, columns_kernel<S, Op>, combine_kernel<S, Op>,
                                 S(Op::kEmpty)};

template <class S>
const Kernels<S>& kernels_of(ReduceOp op) {
  switch (op) {
    case ReduceOp::Sum:
      return kKernels<S, SumOp>;
    case ReduceOp::Prod:
      return kKernels<S, ProdOp>;
    case ReduceOp::Min:
      return kKernels<S, MinOp>;
    case ReduceOp::Max:
      return kKernels<S, MaxOp>;
    case ReduceOp::SumAbs:
      return kKernels<S, SumAbsOp>;
    default:
      return kKernels<S, SumSquaresOp>;
  }
}

/// Rows by columns of x from first_row on, with any strides, as a dense block of numbers to compute with.
template <class T>
void stage(const void* from, int64_t first_row, int64_t row_stride, int64_t column_stride, int64_t rows, int64_t columns,
           compute_of<T>* block) {
  const T* x = static_cast<const T*>(from) + first_row * row_stride;
  if (column_stride == 1 && is_narrow<T>) {
    for (int64_t r = 0; r < rows; ++r) read_row(x + r * row_stride, columns, block + r * columns);
  } else if (rows == 1 || column_stride < row_stride) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) block[r * columns + c] = widen(x[r * row_stride + c * column_stride]);
  } else {
    for (int64_t c = 0; c < columns; ++c)
      for (int64_t r = 0; r < rows; ++r) block[r * columns + c] = widen(x[r * row_stride + c * column_stride]);
  }
}

template <class T>
void write_strided(T* y, int64_t stride, const compute_of<T>* values, int64_t n) {
  for (int64_t i = 0; i < n; ++i) assign(y[i * stride], values[i]);
}

/// In place: values[0] becomes the tree over `parts` rows of `width`, each `stride` after the one before.
template <class S>
void combine_tree(S* values, int64_t parts, int64_t stride, int64_t width, const Kernels<S>& kernels) {
  for (int64_t span = 1; span < parts; span *= 2)
    for (int64_t p = 0; p + span < parts; p += 2 * span)
      kernels.combine(values + p * stride, values + (p + span) * stride, width);
}

/// The results of `parts` tasks, each (A, B) at partials, combined into y.
template <class T>
void combine_parts(compute_of<T>* partials, int64_t parts, const View& y, const Kernels<compute_of<T>>& kernels) {
  const int64_t B = y.size(1), n = y.size(0) * B;
  parallel_for(n, larger(64, grain_for(parts)), [&](int64_t begin, int64_t end) {
    combine_tree(partials + begin, parts, n, end - begin, kernels);
    for (int64_t i = begin; i < end; ++i) assign(y.as<T>()[i / B * y.stride(0) + i % B * y.stride(1)], partials[i]);
  });
}

/// Elements [begin, end) of a row with any stride, begin a multiple of kChunk.
template <class T>
compute_of<T> staged_row(const T* row, int64_t stride, int64_t begin, int64_t end, const Kernels<compute_of<T>>& kernels) {
  compute_of<T> chunk[kChunk], results[kChunksPerTask];
  int64_t count = 0;
  for (int64_t c = begin; c < end; c += kChunk) {
    const int64_t n = smaller(kChunk, end - c);
    stage<T>(row + c * stride, 0, 0, stride, 1, n, chunk);
    results[count++] = kernels.row(chunk, 0, n);
  }
  combine_tree(results, count, 1, 1, kernels);
  return results[0];
}

/// x (A, R, 1), each row by rows.
template <class T>
void reduce_last(const View& x, const View& y, const Kernels<compute_of<T>>& kernels) {
  using S = compute_of<T>;
  const int64_t A = x.size(0), R = x.size(1), sa = x.stride(0), sr = x.stride(1);
  const int64_t task_elements = kChunk * kChunksPerTask, parts = ceil_div(R, task_elements);
  // Rows that lie side by side go through together.
  const bool across = !is_narrow<T> && sa == 1 && sr != 1 && A >= 8;
  const int64_t width = across ? smaller(A, 64) : 1, blocks = ceil_div(A, width);
  Scratch partials(parts > 1 ? size_t(parts * A) * sizeof(S) : 0);
  parallel_for(parts * blocks, grain_for(width * smaller(R, task_elements)), [&](int64_t begin, int64_t end) {
    Scratch scratch(across ? size_t(across_scratch(task_elements, width)) * sizeof(S) : 0);
    S result[64];
    for (int64_t task = begin; task < end; ++task) {
      const int64_t part = task % parts, a = task / parts * width, n = smaller(width, A - a);
      const int64_t r0 = part * task_elements, r1 = smaller(R, r0 + task_elements);
      const T* row = x.as<T>() + a * sa;
      if constexpr (is_narrow<T>) {
        result[0] = staged_row(row, sr, r0, r1, kernels);
      } else if (across) {
        kernels.across(row, sr, r0, r1, n, scratch.as<S>(), result);
      } else {
        result[0] = sr == 1 ? kernels.row(row, r0, r1) : staged_row(row, sr, r0, r1, kernels);
      }
      if (parts == 1) {
        write_strided(y.as<T>() + a * y.stride(0), y.stride(0), result, n);
      } else {
        for (int64_t i = 0; i < n; ++i) partials.as<S>()[part * A + a + i] = result[i];
      }
    }
  });
  if (parts > 1) combine_parts<T>(partials.as<S>(), parts, y, kernels);
}

/// x (A, R, B), B > 1, by columns.
template <class T>
void reduce_middle(const View& x, const View& y, int64_t group, const Kernels<compute_of<T>>& kernels) {
  using S = compute_of<T>;
  const int64_t A = x.size(0), R = x.size(1), B = x.size(2);
  const int64_t task_rows = rows_per_task(group), parts = ceil_div(R, task_rows);
  const int64_t width = smaller(B, kColumnBlock), blocks = ceil_div(B, width);
  const bool direct = !is_narrow<T> && x.stride(2) == 1;
  Scratch partials(parts > 1 ? size_t(parts * A * B) * sizeof(S) : 0);
  parallel_for(parts * A * blocks, grain_for(width * smaller(R, task_rows)), [&](int64_t begin, int64_t end) {
    const int64_t scratch_size = columns_scratch(smaller(R, task_rows), group, width);
    Scratch scratch(size_t(scratch_size + width + (direct ? 0 : kRowBlock * width)) * sizeof(S));
    S* result = scratch.as<S>() + scratch_size;
    RowBlocks<S> rows{nullptr, x.stride(1), x.stride(2), direct ? nullptr : stage<T>, result + width};
    for (int64_t task = begin; task < end; ++task) {
      const int64_t part = task % parts, ab = task / parts, a = ab / blocks, b = ab % blocks * width;
      const int64_t n = smaller(width, B - b), r0 = part * task_rows, r1 = smaller(R, r0 + task_rows);
      rows.x = x.as<T>() + a * x.stride(0) + b * x.stride(2) + r0 * x.stride(1);
      kernels.columns(rows, 0, r1 - r0, group, n, scratch.as<S>(), result);
      if (parts == 1) {
        write_strided(y.as<T>() + a * y.stride(0) + b * y.stride(1), y.stride(1), result, n);
      } else {
        S* out = partials.as<S>() + (part * A + a) * B + b;
        for (int64_t i = 0; i < n; ++i) out[i] = result[i];
      }
    }
  });
  if (parts > 1) combine_parts<T>(partials.as<S>(), parts, y, kernels);
}

}  // namespace

void IsaBackend::reduce(ReduceOp op, const View& x, const View& y, int64_t group) {
  if (!is_floating(x.dtype) || op == ReduceOp::Any || op == ReduceOp::All) return integer_reduce(op, x, y);
  if (group <= 0) group = 64;
  visit_floats(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Kernels<compute_of<T>>& kernels = kernels_of<compute_of<T>>(op);
    const int64_t A = x.size(0), B = x.size(2);
    if (A == 0 || B == 0) return;
    if (x.size(1) == 0) {
      for (int64_t i = 0; i < A * B; ++i) assign(y.as<T>()[i / B * y.stride(0) + i % B * y.stride(1)], kernels.empty);
    } else if (B == 1) {
      reduce_last<T>(x, y, kernels);
    } else {
      reduce_middle<T>(x, y, group, kernels);
    }
  });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
