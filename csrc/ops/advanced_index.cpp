// NumPy's advanced indexing, brought down to one gather along a joined dim.
#include "ops/index.h"

#include "ops/elementwise.h"
#include "ops/indexing.h"

namespace deepnet {

namespace {

/// Negative indices count from the end.
Tensor resolve(const Tensor& index, int64_t size) {
  GradGuard off(false);
  Tensor i = to(detach(index), DType::Int64);
  return where(lt(i, number(int64_t(0), DType::Int64, i.device())), add(i, number(size, DType::Int64, i.device())), i);
}

/// Advanced indexing reduced to one gather: where the indexed elements lie, and what the result looks like.
struct Places {
  Tensor moved;      // x with the indexed dims in front
  Tensor positions;  // flat positions among the indexed dims, int64, 1-d
  Shape index_shape;
  Shape rest;        // sizes of the dims left whole
  int64_t span = 1;  // positions there are
  int at = 0;        // where the index dims stand in the result
  int indexed = 0;   // how many dims are indexed
  Dims order;        // moved = permute(x, order)
};

Places locate(const char* op, const Tensor& x, const Tensors& given) {
  Tensors indices;
  for (const Tensor& t : given) {
    if (t.defined() && (t.dtype() == DType::Bool || t.dtype() == DType::UInt8)) {
      int first = int(indices.size());
      for (int i = 0; i < t.ndim(); ++i)
        if (first + i >= x.ndim() || t.size(i) != x.size(first + i))
          fail<IndexError>(op, "a mask of shape ", t.shape(), " does not fit ", x.shape(), " at dim ", first);
      Tensor hits = nonzero(t);
      for (int i = 0; i < t.ndim(); ++i) indices.push_back(select(hits, 1, i));
      if (t.ndim() == 0) fail<IndexError>(op, "a 0-d mask is not offered as an index here");
    } else {
      if (t.defined()) check_index(op, "an index", t);
      indices.push_back(t);
    }
  }
  if (int(indices.size()) > x.ndim())
    fail<IndexError>(op, "too many indices: ", indices.size(), " for a tensor of ", x.ndim(), " dims");
  Places p;
  bool together = true;
  int first = -1, last = -1;
  Dims whole;
  for (int i = 0; i < x.ndim(); ++i) {
    bool indexed = i < int(indices.size()) && indices[i].defined();
    if (!indexed) {
      whole.push_back(i);
      p.rest.push_back(x.size(i));
      continue;
    }
    if (first < 0) first = i;
    if (last >= 0 && i != last + 1) together = false;
    last = i;
    p.order.push_back(i);
    p.index_shape = p.indexed ? broadcast_shapes(op, p.index_shape, indices[i].shape()) : indices[i].shape();
    ++p.indexed;
  }
  p.at = together ? first : 0;
  GradGuard off(false);
  Tensor flat;
  for (int k = 0; k < p.indexed; ++k) {
    int d = int(p.order.v[k]);
    Tensor i = resolve(to(indices[d], DType::Int64, x.device(), false), x.size(d));
    // Each index is checked on its own: a wrong one must not alias a neighbour's row.
    if (i.numel() && !(current_recorder && current_recorder->refuses_reads())) {
      Tensor bad = apply("logical_or", lt(i, number(int64_t(0), DType::Int64, i.device())),
                         ge(i, number(x.size(d), DType::Int64, i.device())));
      if (is_true(op, bad)) fail<IndexError>(op, "an index for dim ", d, " is out of range for size ", x.size(d));
    }
    flat = flat.defined() ? add(mul(flat, number(x.size(d), DType::Int64, i.device())), i) : i;
    p.span *= x.size(d);
  }
  p.positions = contiguous(reshape(expand(flat, p.index_shape), {-1}));
  for (int64_t d : whole) p.order.push_back(d);
  return p;
}

/// From (index dims, rest) to where NumPy puts the index dims.
Dims result_order(const Places& p) {
  Dims order;
  int n = p.index_shape.n;
  for (int i = 0; i < p.at; ++i) order.push_back(n + i);
  for (int i = 0; i < n; ++i) order.push_back(i);
  for (int i = p.at; i < p.rest.n; ++i) order.push_back(n + i);
  return order;
}

Dims inverse(const Dims& order) {
  Dims back = order;
  for (int i = 0; i < order.n; ++i) back.v[order.v[i]] = i;
  return back;
}

Shape joined(const Shape& a, const Shape& b) {
  Shape s = a;
  for (int64_t x : b) s.push_back(x);
  return s;
}

}  // namespace

Tensor index(const Tensor& x, const Tensors& indices) {
  Places p = locate("index", x, indices);
  if (p.indexed == 0) return view_as_self(x);
  Tensor rows = reshape(permute(x, p.order), joined({p.span}, p.rest));
  Tensor picked = reshape(index_select(rows, 0, p.positions), joined(p.index_shape, p.rest));
  return permute(picked, result_order(p));
}

Tensor index_put(const Tensor& x, const Tensors& indices, const Tensor& value, bool accumulate) {
  Places p = locate("index_put", x, indices);
  if (p.indexed == 0) return expand(to(value, x.dtype()), x.shape());
  Tensor moved = permute(x, p.order);
  Shape moved_shape = moved.shape();
  Tensor rows = reshape(moved, joined({p.span}, p.rest));
  Dims order = result_order(p);
  Shape natural = joined(p.index_shape, p.rest), shown = natural;
  for (int i = 0; i < order.n; ++i) shown.v[i] = natural.v[order.v[i]];
  Tensor v = to(to(value, x.dtype()), x.dtype(), x.device(), false);
  while (v.ndim() > shown.n && v.size(0) == 1) v = select(v, 0, 0);
  Tensor src = reshape(permute(expand(v, shown), inverse(order)), joined({p.positions.numel()}, p.rest));
  Tensor put_rows = accumulate ? index_add(rows, 0, p.positions, src) : index_copy(rows, 0, p.positions, src);
  return permute(reshape(put_rows, moved_shape), inverse(p.order));
}

void index_put_(const Tensor& x, const Tensors& indices, const Tensor& value, bool accumulate) {
  if (wants_grad(x, value)) {
    assign("index_put_", x, index_put(old_value("index_put_", x, true), indices, value, accumulate));
    return;
  }
  check_inplace("index_put_", x);
  check_distinct("index_put_", x);
  Places p = locate("index_put_", x, indices);
  if (p.indexed == 0) {
    copy_(x, value);
    return;
  }
  GradGuard off(false);
  Tensor moved = permute(detach(x), p.order), rows;
  Shape rows_shape = joined({p.span}, p.rest);
  rows = reshape(moved, rows_shape);
  bool in_place = rows.impl()->storage.get() == x.impl()->storage.get();
  Dims order = result_order(p);
  Shape natural = joined(p.index_shape, p.rest), shown = natural;
  for (int i = 0; i < order.n; ++i) shown.v[i] = natural.v[order.v[i]];
  Tensor v = to(value, x.dtype(), x.device(), false);
  while (v.ndim() > shown.n && v.size(0) == 1) v = select(v, 0, 0);
  Tensor src = reshape(permute(expand(v, shown), inverse(order)), joined({p.positions.numel()}, p.rest));
  put("index_put_", rows, 0, p.positions, src, accumulate ? ScatterOp::Add : ScatterOp::Set);
  if (!in_place) copy_data("index_put_", permute(reshape(rows, moved.shape()), inverse(p.order)), x);
  x.written("index_put_");
}

}  // namespace deepnet
