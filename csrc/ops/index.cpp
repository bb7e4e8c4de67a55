#include "ops/index.h"

#include "ops/copy.h"
#include "ops/elementwise.h"
#include "ops/factories.h"
#include "ops/reduce.h"
#include "ops/views.h"

namespace deepnet {

namespace {

/// v with dim in front, as kernels that work along dim 0 want it.
View front(const View& v, int dim) {
  View w = v;
  for (int i = dim; i > 0; --i) {
    w.shape.v[i] = v.shape.v[i - 1];
    w.strides.v[i] = v.strides.v[i - 1];
  }
  if (v.shape.n) {
    w.shape.v[0] = v.shape.v[dim];
    w.strides.v[0] = v.strides.v[dim];
  }
  return w;
}

/// Negative indices count from the end.
Tensor resolve(const Tensor& index, int64_t size) {
  GradGuard off(false);
  Tensor i = to(detach(index), DType::Int64);
  return where(lt(i, number(int64_t(0), DType::Int64, i.device())), add(i, number(size, DType::Int64, i.device())), i);
}

Tensor as_int64(const Tensor& index) {
  GradGuard off(false);
  return to(detach(index), DType::Int64);
}

Tensor one_d(const char* op, const Tensor& index) {
  check_index(op, "index", index);
  if (index.ndim() > 1) fail<IndexError>(op, "index must be 1-d, got shape ", index.shape());
  return index.ndim() == 0 ? reshape(index, {1}) : index;
}

void put(const char* op, const Tensor& target, int dim, const Tensor& index, const Tensor& src, ScatterOp how) {
  if (index.numel() == 0 || src.numel() == 0) return;
  launch(op, target.device(), [y = front(target.view(), dim), i = index.view(), s = front(src.view(), dim), how](Backend& b) {
    b.index_put(y, i, s, how);
  });
}

Tensor at_least_1d(const Tensor& x) { return x.ndim() == 0 ? reshape(x, {1}) : x; }

void check_scatter(const char* op, const Tensor& x, int d, const Tensor& index, const Tensor& src) {
  check_index(op, "index", index);
  if (std::max(index.ndim(), 1) != std::max(x.ndim(), 1) || std::max(src.ndim(), 1) != std::max(x.ndim(), 1))
    fail<RuntimeError>(op, "input, index and src must have one number of dims, got ", x.shape(), ", ", index.shape(), " and ",
                       src.shape());
  for (int i = 0; i < index.ndim(); ++i)
    if (index.size(i) > src.size(i) || (i != d && index.size(i) > x.size(i)))
      fail<RuntimeError>(op, "index ", index.shape(), " must not exceed src ", src.shape(), " nor input ", x.shape(),
                         " outside dim ", d);
}

/// src cropped to index's shape, as scatter reads it.
Tensor crop(const Tensor& src, const Shape& shape) {
  return src.shape() == shape ? src : as_strided(src, shape, src.strides(), std::nullopt);
}

void run_scatter(const char* op, const Tensor& y, int d, const Tensor& index, const Tensor& src, ScatterOp how) {
  if (index.numel() == 0) return;
  launch(op, y.device(), [y = y.view(), i = index.view(), s = src.view(), d, how](Backend& b) { b.scatter(y, i, s, d, how); });
}

}  // namespace

Tensor cat(const Tensors& all, int64_t dim) {
  if (all.empty()) fail<RuntimeError>("cat", "needs at least one tensor");
  Tensors list;
  for (const Tensor& t : all) {
    if (t.ndim() == 0) fail<RuntimeError>("cat", "0-d tensors cannot be joined; use stack");
    if (!(t.ndim() == 1 && t.size(0) == 0) || all.size() == 1) list.push_back(t);  // the legacy empty tensor fits anywhere
  }
  DType dtype = result_type(all);
  if (list.empty()) return to(all[0], dtype, std::nullopt, true);
  const Tensor& first = list[0];
  int d = wrap_dim("cat", dim, first.ndim());
  Shape shape = first.shape();
  shape.v[d] = 0;
  std::vector<int64_t> sizes;
  for (const Tensor& t : list) {
    check_same_device("cat", first, t);
    Shape s = t.shape();
    if (s.n == shape.n) s.v[d] = 0;
    Shape expected = shape;
    expected.v[d] = 0;
    if (!(s == expected))
      fail<RuntimeError>("cat", "shapes must agree outside dim ", d, ", got ", first.shape(), " and ", t.shape());
    shape.v[d] += t.size(d);
    sizes.push_back(t.size(d));
  }
  Tensor y = empty(shape, dtype, first.device());
  int64_t start = 0;
  for (const Tensor& t : list) {
    Tensor place = alias(y, t.shape(), y.strides(), start * y.stride(d));
    if (t.numel()) launch("cat", y.device(), [x = t.view(), y = place.view()](Backend& b) { b.copy(x, y); });
    start += t.size(d);
  }
  if (is_floating(dtype) && wants_grad_any(list))
    record("cat", list, {y}, [sizes, d](const Backward& b) -> Tensors {
      Tensors dxs(sizes.size());
      int64_t start = 0;
      for (size_t i = 0; i < sizes.size(); ++i) {
        if (b.needs(int(i))) dxs[i] = slice(b.dy(0), d, start, start + sizes[i], 1);
        start += sizes[i];
      }
      return dxs;
    });
  return y;
}

Tensor stack(const Tensors& list, int64_t dim) {
  if (list.empty()) fail<RuntimeError>("stack", "needs at least one tensor");
  int d = wrap_dim("stack", dim, list[0].ndim() + 1);
  Tensors wide;
  for (const Tensor& t : list) {
    if (!(t.shape() == list[0].shape()))
      fail<RuntimeError>("stack", "shapes must agree, got ", list[0].shape(), " and ", t.shape());
    wide.push_back(unsqueeze(t, d));
  }
  return cat(wide, d);
}

Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index) {
  int d = wrap_dim("index_select", dim, x.ndim());
  Tensor i = as_int64(one_d("index_select", index));
  Tensor source = at_least_1d(x);
  Shape shape = source.shape();
  shape.v[d] = i.numel();
  Tensor y = empty(shape, x.dtype(), x.device());
  if (y.numel())
    launch("index_select", x.device(),
           [x = front(source.view(), d), i = i.view(), y = front(y.view(), d)](Backend& b) { b.index_select(x, i, y); });
  if (is_floating(x.dtype()) && wants_grad(source))
    record("index_select", {source}, {y}, [i, from = source.shape(), d](const Backward& b) -> Tensors {
      return {index_add(zeros(from, b.dy(0).dtype(), b.dy(0).device()), d, i, b.dy(0))};
    });
  return x.ndim() == 0 ? reshape(y, x.shape()) : y;
}

Tensor embedding(const Tensor& weight, const Tensor& index, std::optional<int64_t> padding_idx) {
  if (weight.ndim() != 2) fail<RuntimeError>("embedding", "weight must have 2 dims, got shape ", weight.shape());
  check_index("embedding", "input", index);
  Tensor flat = reshape(as_int64(index), {-1});
  Shape shape = index.shape();
  shape.push_back(weight.size(1));
  int64_t pad = padding_idx ? (*padding_idx < 0 ? *padding_idx + weight.size(0) : *padding_idx) : -1;
  Tensor y = empty({flat.numel(), weight.size(1)}, weight.dtype(), weight.device());
  if (y.numel())
    launch("embedding", weight.device(),
           [w = weight.view(), i = flat.view(), y = y.view()](Backend& b) { b.index_select(w, i, y); });
  if (wants_grad(weight))
    record("embedding", {weight}, {y}, [flat, from = weight.shape(), pad](const Backward& b) -> Tensors {
      Tensor dy = b.dy(0);
      if (pad >= 0) {
        Tensor keep = reshape(ne(flat, number(pad, DType::Int64, flat.device())), {-1, 1});
        dy = where(keep, dy, number(0.0, DType::Float64, dy.device()));
      }
      return {index_add(zeros(from, dy.dtype(), dy.device()), 0, flat, dy)};
    });
  return reshape(y, shape);
}

Tensor gather(const Tensor& x, int64_t dim, const Tensor& index) {
  int d = wrap_dim("gather", dim, x.ndim());
  check_index("gather", "index", index);
  if (std::max(index.ndim(), 1) != std::max(x.ndim(), 1))
    fail<RuntimeError>("gather", "input and index must have one number of dims, got ", x.shape(), " and ", index.shape());
  Tensor source = at_least_1d(x), i = at_least_1d(as_int64(index));
  for (int k = 0; k < i.ndim(); ++k)
    if (k != d && i.size(k) > source.size(k))
      fail<RuntimeError>("gather", "index ", index.shape(), " exceeds input ", x.shape(), " outside dim ", d);
  Tensor y = empty(i.shape(), x.dtype(), x.device());
  if (y.numel())
    launch("gather", x.device(), [x = source.view(), i = i.view(), y = y.view(), d](Backend& b) { b.gather(x, i, y, d); });
  if (is_floating(x.dtype()) && wants_grad(source))
    record("gather", {source}, {y}, [i, from = source.shape(), d](const Backward& b) -> Tensors {
      return {scatter_add(zeros(from, b.dy(0).dtype(), b.dy(0).device()), d, i, b.dy(0))};
    });
  return y.shape() == index.shape() ? y : reshape(y, index.shape());
}

Tensor scatter(const Tensor& x0, int64_t dim, const Tensor& index0, const Tensor& src0) {
  int d = wrap_dim("scatter", dim, x0.ndim());
  Tensor x = at_least_1d(x0), index = at_least_1d(as_int64(index0));
  Tensor src = src0.ndim() == 0 && src0.impl()->is_number ? expand(to(src0, x.dtype()), index.shape()) : at_least_1d(src0);
  check_index("scatter", "index", index0);
  check_scatter("scatter", x, d, index, src);
  check_same_dtype("scatter", x, src);
  src = crop(src, index.shape());
  Tensor y = clone(detach(x));
  run_scatter("scatter", y, d, index, src, ScatterOp::Set);
  if (is_floating(x.dtype()) && wants_grad(x, src))
    record("scatter", {x, src}, {y}, [index, d](const Backward& b) -> Tensors {
      Tensor zero = number(0.0, DType::Float64, index.device());
      return {b.needs(0) ? scatter(b.dy(0), d, index, zero) : Tensor(), b.needs(1) ? gather(b.dy(0), d, index) : Tensor()};
    });
  return x0.ndim() == 0 ? reshape(y, {}) : y;
}

Tensor scatter_add(const Tensor& x0, int64_t dim, const Tensor& index0, const Tensor& src0) {
  int d = wrap_dim("scatter_add", dim, x0.ndim());
  Tensor x = at_least_1d(x0), index = at_least_1d(as_int64(index0)), src = at_least_1d(src0);
  check_index("scatter_add", "index", index0);
  check_scatter("scatter_add", x, d, index, src);
  check_same_dtype("scatter_add", x, src);
  src = crop(src, index.shape());
  Tensor y = clone(detach(x));
  run_scatter("scatter_add", y, d, index, src, ScatterOp::Add);
  if (is_floating(x.dtype()) && wants_grad(x, src))
    record("scatter_add", {x, src}, {y},
           [index, d](const Backward& b) -> Tensors { return {b.dy(0), b.needs(1) ? gather(b.dy(0), d, index) : Tensor()}; });
  return x0.ndim() == 0 ? reshape(y, {}) : y;
}

Tensor scatter_reduce(const Tensor& x0, int64_t dim, const Tensor& index0, const Tensor& src0, const std::string& reduce,
                      bool include_self) {
  const char* op = "scatter_reduce";
  int d = wrap_dim(op, dim, x0.ndim());
  Tensor x = at_least_1d(x0), index = at_least_1d(as_int64(index0)), src = at_least_1d(src0);
  check_scatter(op, x, d, index, src);
  check_same_dtype(op, x, src);
  src = crop(src, index.shape());
  ScatterOp how = reduce == "prod"   ? ScatterOp::Mul
                  : reduce == "amin" ? ScatterOp::Min
                  : reduce == "amax" ? ScatterOp::Max
                                     : ScatterOp::Add;
  if (reduce != "sum" && reduce != "mean" && reduce != "prod" && reduce != "amin" && reduce != "amax")
    fail(op, "reduce must be sum, prod, mean, amin or amax, got ", reduce);
  Tensor one = full(index.shape(), Number{true, 1, 0}, x.dtype(), x.device());
  auto hits = [&] { return scatter_add(zeros(x.shape(), x.dtype(), x.device()), d, index, one); };
  Tensor start = x, zero = number(0.0, DType::Float64, x.device());
  if (!include_self) {
    // Destinations that get something forget their own value first.
    double identity = reduce == "prod" ? 1 : reduce == "amin" ? 1.0 / 0 : reduce == "amax" ? -1.0 / 0 : 0;
    Tensor id =
        full(index.shape(), Number{false, 0, identity}, is_floating(x.dtype()) ? x.dtype() : DType::Float64, x.device());
    if (!is_floating(x.dtype()) && (how == ScatterOp::Min || how == ScatterOp::Max))
      start = scatter(x, d, index, src);  // any source will do where the extreme is taken among them
    else
      start = scatter(x, d, index, to(id, x.dtype()));
  }
  if (how == ScatterOp::Add) {
    Tensor y = scatter_add(start, d, index, src);
    if (reduce == "mean") {
      Tensor count = hits();
      count = apply("maximum", include_self ? add(count, number(int64_t(1), DType::Int64, x.device())) : count,
                    number(int64_t(1), DType::Int64, x.device()));
      y = is_floating(x.dtype()) ? div(y, count) : apply("floor_divide", y, count);
    }
    return x0.ndim() == 0 ? reshape(y, {}) : y;
  }
  Tensor y = clone(detach(start));
  run_scatter(op, y, d, index, src, how);
  if (is_floating(x.dtype()) && wants_grad(start, src))
    record(op, {start, src}, {y},
           [start = saved(start), src = saved(src), y = saved(y), index, d, how](const Backward& b) -> Tensors {
             Tensor s = b.unpack(start), v = b.unpack(src), out = b.unpack(y), dy = b.dy(0);
             if (how == ScatterOp::Mul) return {mul(dy, div(out, s)), div(gather(mul(dy, out), d, index), v)};
             Tensor own = to(eq(s, out), dy.dtype()), theirs = to(eq(v, gather(out, d, index)), dy.dtype());
             Tensor count = scatter_add(own, d, index, theirs);
             Tensor shared = div(dy, count);
             return {mul(own, shared), mul(theirs, gather(shared, d, index))};
           });
  return x0.ndim() == 0 ? reshape(y, {}) : y;
}

Tensor index_add(const Tensor& x0, int64_t dim, const Tensor& index, const Tensor& src0) {
  int d = wrap_dim("index_add", dim, x0.ndim());
  Tensor x = at_least_1d(x0), src = at_least_1d(src0), i = as_int64(one_d("index_add", index));
  check_same_dtype("index_add", x, src);
  Shape expected = x.shape();
  expected.v[d] = i.numel();
  if (!(src.shape() == expected)) fail<RuntimeError>("index_add", "source must have shape ", expected, ", got ", src.shape());
  Tensor y = clone(detach(x));
  put("index_add", y, d, i, src, ScatterOp::Add);
  if (is_floating(x.dtype()) && wants_grad(x, src))
    record("index_add", {x, src}, {y},
           [i, d](const Backward& b) -> Tensors { return {b.dy(0), b.needs(1) ? index_select(b.dy(0), d, i) : Tensor()}; });
  return x0.ndim() == 0 ? reshape(y, {}) : y;
}

Tensor index_copy(const Tensor& x0, int64_t dim, const Tensor& index, const Tensor& src0) {
  int d = wrap_dim("index_copy", dim, x0.ndim());
  Tensor x = at_least_1d(x0), src = at_least_1d(src0), i = as_int64(one_d("index_copy", index));
  check_same_dtype("index_copy", x, src);
  Shape expected = x.shape();
  expected.v[d] = i.numel();
  if (!(src.shape() == expected)) fail<RuntimeError>("index_copy", "source must have shape ", expected, ", got ", src.shape());
  Tensor y = clone(detach(x));
  put("index_copy", y, d, i, src, ScatterOp::Set);
  if (is_floating(x.dtype()) && wants_grad(x, src))
    record("index_copy", {x, src}, {y}, [i, d, from = src.shape()](const Backward& b) -> Tensors {
      return {b.needs(0) ? index_copy(b.dy(0), d, i, zeros(from, b.dy(0).dtype(), b.dy(0).device())) : Tensor(),
              b.needs(1) ? index_select(b.dy(0), d, i) : Tensor()};
    });
  return x0.ndim() == 0 ? reshape(y, {}) : y;
}

Tensor flip(const Tensor& x, const Dims& dims) {
  std::vector<bool> mask = dim_mask("flip", dims, x.ndim());
  if (dims.empty() || x.ndim() == 0) return clone(x);
  // A kernel's view may run backwards; only tensors may not.
  Tensor y = empty_like(x);
  View from = x.view();
  for (int i = 0; i < x.ndim(); ++i) {
    if (!mask[i] || x.size(i) == 0) continue;
    from.data = static_cast<char*>(from.data) + (x.size(i) - 1) * from.strides.v[i] * itemsize(x.dtype());
    from.strides.v[i] = -from.strides.v[i];
  }
  if (x.numel()) launch("flip", x.device(), [from, y = y.view()](Backend& b) { b.copy(from, y); });
  if (wants_grad(x)) record("flip", {x}, {y}, [dims](const Backward& b) -> Tensors { return {flip(b.dy(0), dims)}; });
  return y;
}

Tensor roll(const Tensor& x, const Dims& shifts, const Dims& dims) {
  if (dims.empty()) {
    if (shifts.n != 1) fail<RuntimeError>("roll", "without dims there must be one shift, got ", shifts);
    return reshape(roll(reshape(x, {-1}), shifts, {0}), x.shape());
  }
  if (shifts.n != dims.n) fail<RuntimeError>("roll", "shifts ", shifts, " and dims ", dims, " must have one length");
  Tensor y = x;
  for (int i = 0; i < dims.n; ++i) {
    int d = wrap_dim("roll", dims.v[i], x.ndim());
    if (x.ndim() == 0 || x.size(d) == 0) continue;
    int64_t n = x.size(d), s = ((shifts.v[i] % n) + n) % n;
    y = cat({slice(y, d, n - s, n, 1), slice(y, d, 0, n - s, 1)}, d);
  }
  return y.is_same(x) ? clone(x) : y;
}

Tensor nonzero(const Tensor& x) {
  if (current_recorder && current_recorder->refuses_reads())
    fail<RuntimeError>("nonzero", "its result's size depends on values, which a capture cannot replay");
  GradGuard off(false);
  Tensor c = contiguous(detach(x));
  int64_t count = c.numel() ? backend(c.device()).count_nonzero(c.view()) : 0;
  Tensor flat = empty({count}, DType::Int64, x.device());
  if (count) launch("nonzero", x.device(), [x = c.view(), y = flat.view()](Backend& b) { b.nonzero(x, y); });
  Tensors columns;
  Strides s = contiguous_strides(x.shape());
  for (int i = 0; i < x.ndim(); ++i) {
    Tensor part = apply("floor_divide", flat, number(s.v[i], DType::Int64, x.device()));
    columns.push_back(apply("remainder", part, number(std::max<int64_t>(x.size(i), 1), DType::Int64, x.device())));
  }
  return columns.empty() ? empty({count, 0}, DType::Int64, x.device()) : stack(columns, 1);
}

namespace {

/// The flat positions of a mask's true elements.
Tensor true_positions(const Tensor& mask) {
  Tensor where_true = nonzero(reshape(mask, {-1}));
  return reshape(where_true, {-1});
}

}  // namespace

Tensor masked_select(const Tensor& x, const Tensor& mask) {
  if (mask.dtype() != DType::Bool) fail<RuntimeError>("masked_select", "mask must be bool, got ", name(mask.dtype()));
  Shape shape = broadcast_shapes("masked_select", x.shape(), mask.shape());
  Tensor at = true_positions(contiguous(expand(mask, shape)));
  return index_select(reshape(expand(x, shape), {-1}), 0, at);
}

namespace {

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
    assign("index_put_", x, index_put(old_value("index_put_", x), indices, value, accumulate));
    return;
  }
  check_inplace("index_put_", x);
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

Tensor constant_pad(const Tensor& x, const Dims& pads, const Tensor& value) {
  if (pads.n % 2 || pads.n > 2 * x.ndim()) fail<RuntimeError>("pad", "needs pairs for at most ", x.ndim(), " dims, got ", pads);
  Shape shape = x.shape();
  Tensor inner = x;
  Dims before = Dims::filled(x.ndim(), 0);
  bool grows = false;
  for (int i = 0; i < pads.n / 2; ++i) {
    int d = x.ndim() - 1 - i;
    int64_t a = pads.v[2 * i], b = pads.v[2 * i + 1];
    shape.v[d] += a + b;
    if (shape.v[d] < 0) fail<RuntimeError>("pad", "dim ", d, " of size ", x.size(d), " cannot be padded by ", a, " and ", b);
    if (a < 0 || b < 0)
      inner =
          slice(inner, d, std::max<int64_t>(0, -a), std::max(std::max<int64_t>(0, -a), x.size(d) + std::min<int64_t>(0, b)), 1);
    before.v[d] = std::max<int64_t>(0, a);
    grows |= a > 0 || b > 0;
  }
  if (!grows) return clone(inner);
  Tensor y = empty(shape, x.dtype(), x.device());
  copy_data("pad", value.device() == x.device() ? value : to(value, value.dtype(), x.device(), false), y);
  int64_t offset = 0;
  for (int i = 0; i < shape.n; ++i) offset += before.v[i] * y.stride(i);
  Tensor place = alias(y, inner.shape(), y.strides(), offset);
  if (inner.numel()) launch("pad", y.device(), [x = inner.view(), y = place.view()](Backend& b) { b.copy(x, y); });
  if (is_floating(x.dtype()) && wants_grad(inner))
    record("pad", {inner}, {y}, [before, from = inner.shape()](const Backward& b) -> Tensors {
      Tensor dx = b.dy(0);
      for (int i = 0; i < from.n; ++i)
        if (from.v[i] != dx.size(i)) dx = slice(dx, i, before.v[i], before.v[i] + from.v[i], 1);
      return {dx};
    });
  return y;
}

namespace {

/// Runs a kernel on rows along dim; values and indices come back in x's layout.
template <class F>
std::pair<Tensor, Tensor> along(const char* op, const Tensor& x, int d, int64_t length, F kernel) {
  int last = std::max(x.ndim() - 1, 0);
  GradGuard off(false);
  Tensor c = contiguous(transpose(at_least_1d(detach(x)), d, last));
  Shape shape = c.shape();
  int64_t n = shape.v[shape.n - 1];
  shape.v[shape.n - 1] = length;
  Tensor values = empty(shape, x.dtype(), x.device()), indices = empty(shape, DType::Int64, x.device());
  if (values.numel()) {
    int64_t rows = values.numel() / length;
    Shape in{rows, n}, out{rows, length};
    launch(op, x.device(),
           [kernel, x = alias(c, in, contiguous_strides(in), c.impl()->offset).view(),
            v = alias(values, out, contiguous_strides(out), 0).view(),
            i = alias(indices, out, contiguous_strides(out), 0).view()](Backend& b) { kernel(b, x, v, i); });
  }
  Tensor v = transpose(values, d, last), i = transpose(indices, d, last);
  if (x.ndim() == 0) return {reshape(v, {}), reshape(i, {})};
  return {contiguous(v), contiguous(i)};
}

std::pair<Tensor, Tensor> with_gradient(const char* op, const Tensor& x, int d, std::pair<Tensor, Tensor> out) {
  if (is_floating(x.dtype()) && wants_grad(x))
    record(op, {x}, {out.first, out.second}, [i = out.second, from = x.shape(), d](const Backward& b) -> Tensors {
      return {scatter_add(zeros(from, b.dy(0).dtype(), b.dy(0).device()), d, i, b.dy(0))};
    });
  return out;
}

}  // namespace

std::pair<Tensor, Tensor> sort(const Tensor& x, int64_t dim, bool descending) {
  int d = wrap_dim("sort", dim, x.ndim());
  int64_t n = x.ndim() ? x.size(d) : 1;
  return with_gradient("sort", x, d,
                       along("sort", x, d, n, [descending](Backend& b, const View& x, const View& v, const View& i) {
                         b.sort(x, v, i, descending);
                       }));
}

std::pair<Tensor, Tensor> topk(const Tensor& x, int64_t k, int64_t dim, bool largest) {
  int d = wrap_dim("topk", dim, x.ndim());
  int64_t n = x.ndim() ? x.size(d) : 1;
  if (k < 0 || k > n) fail<RuntimeError>("topk", "k must be in [0, ", n, "], got ", k);
  return with_gradient("topk", x, d, along("topk", x, d, k, [largest](Backend& b, const View& x, const View& v, const View& i) {
                         b.topk(x, v, i, largest);
                       }));
}

Tensor searchsorted(const Tensor& sorted, const Tensor& values, bool right) {
  GradGuard off(false);
  DType t = result_type(sorted, values);
  if (t == DType::Bool) t = DType::UInt8;
  Tensor s = contiguous(to(detach(sorted), t)), v = contiguous(to(detach(values), t));
  if (s.ndim() == 0) fail<RuntimeError>("searchsorted", "the sorted sequence needs at least 1 dim");
  Tensor y = empty(v.shape(), DType::Int64, v.device());
  if (y.numel() == 0) return y;
  int64_t rows = s.ndim() > 1 ? s.numel() / std::max<int64_t>(s.size(-1), 1) : 1;
  if (s.ndim() > 1) {
    Shape a = s.shape(), b = v.shape();
    if (a.n != b.n) fail<RuntimeError>("searchsorted", "leading sizes must agree, got ", a, " and ", b);
    for (int i = 0; i + 1 < a.n; ++i)
      if (a.v[i] != b.v[i]) fail<RuntimeError>("searchsorted", "leading sizes must agree, got ", a, " and ", b);
  }
  Shape in{rows, s.size(-1)}, out{rows, v.numel() / rows};
  launch("searchsorted", v.device(),
         [s = alias(s, in, contiguous_strides(in), s.impl()->offset).view(),
          v = alias(v, out, contiguous_strides(out), v.impl()->offset).view(),
          y = alias(y, out, contiguous_strides(out), 0).view(), right](Backend& b) { b.searchsorted(s, v, y, right); });
  return y;
}

}  // namespace deepnet
