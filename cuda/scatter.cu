// Writing through an index. A destination takes its sources in order, so it is one thread's: either a thread walks along dim
// with all destinations of its line, or sources are sorted by destination and a thread takes each run of equal ones.
#include "convert.h"
#include "cuda_backend.h"
#include "index_report.h"
#include "layout.h"
#include "runtime.h"
#include "sort.h"

namespace deepnet::gpu {
namespace {

// How an accumulator takes a source.
struct TakeLast {
  template <class S>
  DN_DEVICE S operator()(S, S b) const {
    return b;
  }
};
struct TakeSum {
  template <class S>
  DN_DEVICE S operator()(S a, S b) const {
    return a + b;
  }
  DN_DEVICE int64_t operator()(int64_t a, int64_t b) const { return int64_t(uint64_t(a) + uint64_t(b)); }
};
struct TakeProduct {
  template <class S>
  DN_DEVICE S operator()(S a, S b) const {
    return a * b;
  }
  DN_DEVICE int64_t operator()(int64_t a, int64_t b) const { return int64_t(uint64_t(a) * uint64_t(b)); }
};
struct TakeSmallest {
  template <class S>
  DN_DEVICE S operator()(S a, S b) const {
    return a < b || a != a ? a : b;
  }
};
struct TakeLargest {
  template <class S>
  DN_DEVICE S operator()(S a, S b) const {
    return a > b || a != a ? a : b;
  }
};

/// y, index and src along dim: sizes and steps; what is equal for all kernels.
struct Line {
  void* y;
  const void* src;
  const int64_t* index;
  DType y_dtype, src_dtype;
  int64_t size, count;                // y's size along dim, and the number of sources along it
  int64_t y_dim, index_dim, src_dim;  // steps along dim
  int kernel;
};

/// A thread for each position beside dim; layout: y, index, src without dim.
template <class S, class Take>
DN_KERNEL void walk_lines(Line l, Layout<3> layout, Take take, IndexReport* report) {
  for (int64_t i = thread_id(); i < layout.total; i += thread_count()) {
    int64_t at[3];
    layout.offsets(i, at);
    for (int64_t r = 0; r < l.count; ++r) {
      const int64_t k = l.index[at[1] + r * l.index_dim];
      if (!index_valid(k, l.size, l.kernel, report)) continue;
      const int64_t to = at[0] + k * l.y_dim;
      store_any<S>(l.y, l.y_dtype, to,
                   take(load_any<S>(l.y, l.y_dtype, to), load_any<S>(l.src, l.src_dtype, at[2] + r * l.src_dim)));
    }
  }
}

/// One index for all positions: items (key: destination along dim, index: source along dim).
DN_KERNEL void slice_items(const int64_t* index, int64_t step, NarrowItem* items, int64_t count, int64_t size, int kernel,
                           IndexReport* report) {
  for (int64_t r = thread_id(); r < count; r += thread_count()) {
    const int64_t k = index[r * step];
    items[r] = NarrowItem::make(index_valid(k, size, kernel, report) ? uint32_t(k) : ~0u, r);
  }
}

/// A thread for each run of equal destinations at each position; sources as TAKE's type allows, sums of narrow floats in float.
template <class S, class Take>
DN_KERNEL void take_slices(Line l, const NarrowItem* items, Layout<3> layout, Take take) {
  const int64_t positions = layout.total;
  for (int64_t i = thread_id(); i < l.count * positions; i += thread_count()) {
    const int64_t first = quotient(i, positions);
    const uint32_t key = items[first].key();
    if (key == ~0u || (first > 0 && items[first - 1].key() == key)) continue;
    int64_t at[3];
    layout.offsets(i - first * positions, at);
    const int64_t to = at[0] + key * l.y_dim;
    S acc = load_any<S>(l.y, l.y_dtype, to);
    for (int64_t r = first; r < l.count && items[r].key() == key; ++r)
      acc = take(acc, load_any<S>(l.src, l.src_dtype, at[2] + items[r].index() * l.src_dim));
    store_any<S>(l.y, l.y_dtype, to, acc);
  }
}

/// Items of all sources: key: the destination's offset, index: (source along dim) * positions + position.
DN_KERNEL void element_items(Line l, WideItem* items, Layout<3> layout, IndexReport* report) {
  const int64_t positions = layout.total;
  for (int64_t i = thread_id(); i < l.count * positions; i += thread_count()) {
    const int64_t r = quotient(i, positions);
    int64_t at[3];
    layout.offsets(i - r * positions, at);
    const int64_t k = l.index[at[1] + r * l.index_dim];
    items[i] = WideItem::make(index_valid(k, l.size, l.kernel, report) ? uint64_t(at[0] + k * l.y_dim) : ~uint64_t(0), i);
  }
}

template <class S, class Take>
DN_KERNEL void take_elements(Line l, const WideItem* items, Layout<3> layout, Take take) {
  const int64_t positions = layout.total, total = l.count * positions;
  for (int64_t i = thread_id(); i < total; i += thread_count()) {
    const uint64_t key = items[i].key();
    if (key == ~uint64_t(0) || (i > 0 && items[i - 1].key() == key)) continue;
    S acc = load_any<S>(l.y, l.y_dtype, int64_t(key));
    for (int64_t s = i; s < total && items[s].key() == key; ++s) {
      const int64_t source = items[s].index(), r = quotient(source, positions);
      int64_t at[3];
      layout.offsets(source - r * positions, at);
      acc = take(acc, load_any<S>(l.src, l.src_dtype, at[2] + r * l.src_dim));
    }
    store_any<S>(l.y, l.y_dtype, int64_t(key), acc);
  }
}

Dims without(const Dims& d, int axis) {
  Dims rest;
  for (int i = 0; i < d.n; ++i)
    if (i != axis) rest.push_back(d.v[i]);
  return rest;
}

// So many lines keep the device busy; so few sources are quickly walked.
constexpr int64_t kManyLines = 16384;
constexpr int64_t kShortLine = 32;

template <class S, class Take>
void scatter_as(Call& call, const Line& l, const Layout<3>& layout, bool one_index, Take take) {
  const int64_t total = l.count * layout.total;
  // A walk rounds narrow sums at every step; sorted, they stay in float32 until the last source.
  const bool sums =
      is_narrow_float(l.y_dtype) && l.count > 1 && (std::is_same_v<Take, TakeSum> || std::is_same_v<Take, TakeProduct>);
  if (!sums && (l.count <= kShortLine || (layout.total >= kManyLines && !one_index)))
    return call.run_items(walk_lines<S, Take>, layout.total, l, layout, take, call.report());
  constexpr int64_t kNarrowKeys = (int64_t(1) << 32) - 1;
  if (one_index && l.size < kNarrowKeys && l.count < kNarrowKeys) {
    NarrowItem *items = call.scratch<NarrowItem>(l.count), *spare = call.scratch<NarrowItem>(l.count);
    call.run_items(slice_items, l.count, l.index, l.index_dim, items, l.count, l.size, l.kernel, call.report());
    items = sort_items(call, items, spare, 1, l.count);
    return call.run_items(take_slices<S, Take>, total, l, items, layout, take);
  }
  WideItem *items = call.scratch<WideItem>(total), *spare = call.scratch<WideItem>(total);
  call.run_items(element_items, total, l, items, layout, call.report());
  items = sort_items(call, items, spare, 1, total);
  call.run_items(take_elements<S, Take>, total, l, items, layout, take);
}

template <class S>
void scatter_with(Call& call, ScatterOp op, const Line& l, const Layout<3>& layout, bool one_index) {
  switch (op) {
    case ScatterOp::Set:
      return scatter_as<S>(call, l, layout, one_index, TakeLast{});
    case ScatterOp::Add:
      return scatter_as<S>(call, l, layout, one_index, TakeSum{});
    case ScatterOp::Mul:
      return scatter_as<S>(call, l, layout, one_index, TakeProduct{});
    case ScatterOp::Min:
      return scatter_as<S>(call, l, layout, one_index, TakeSmallest{});
    case ScatterOp::Max:
      return scatter_as<S>(call, l, layout, one_index, TakeLargest{});
  }
}

void scatter_along(Call& call, IndexKernel kernel, const View& y, const View& index, const View& src, int dim, ScatterOp op) {
  if (src.numel() == 0) return;
  const Line l{y.data,        src.data,      index.as<int64_t>(), y.dtype,         src.dtype,  y.size(dim),
               src.size(dim), y.stride(dim), index.stride(dim),   src.stride(dim), int(kernel)};
  View rest[3] = {y, index, src};
  for (View& v : rest) {
    v.strides = without(v.strides, dim);
    v.shape = without(src.shape, dim);
  }
  const View* const operands[3] = {&rest[0], &rest[1], &rest[2]};
  const Layout<3> layout = layout_of(rest[2].shape, operands, true);
  bool one_index = true;
  for (int d = 0; d < rest[1].ndim(); ++d) one_index = one_index && (rest[1].size(d) == 1 || rest[1].stride(d) == 0);
  if (!is_floating(y.dtype)) return scatter_with<int64_t>(call, op, l, layout, one_index);
  if (y.dtype == DType::Float64) return scatter_with<double>(call, op, l, layout, one_index);
  scatter_with<float>(call, op, l, layout, one_index);
}

}  // namespace

void CudaBackend::scatter(const View& y, const View& index, const View& src, int dim, ScatterOp op) {
  Call call(device_, "scatter");
  scatter_along(call, kScatter, y, index, src, dim, op);
}

void CudaBackend::index_put(const View& y, const View& index, const View& src, ScatterOp op) {
  Call call(device_, "index_put");
  View wide = index;
  wide.shape = src.shape;
  wide.strides = Strides::filled(src.ndim(), 0);
  if (src.ndim()) wide.strides[0] = index.stride(0);
  scatter_along(call, kIndexPut, y, wide, src, 0, op);
}

}  // namespace deepnet::gpu
