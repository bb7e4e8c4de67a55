// Views, joins, indexing, reductions, sorting.
#include <set>

#include "bindings/op.h"
#include "bindings/types.h"
#include "ops/copy.h"
#include "ops/factories.h"
#include "ops/index.h"
#include "ops/reduce.h"
#include "ops/views.h"

namespace deepnet::python {

namespace {

void bind_views(py::module_& m) {
  op(m, "as_strided", as_strided, "input, size, stride, storage_offset=None");
  op(m, "view", view, "input, size");
  op(m, "reshape", reshape, "input, shape");
  op(m, "permute", permute, "input, dims");
  op(m, "transpose", transpose, "input, dim0, dim1");
  op(m, "expand", expand, "input, size");
  op(m, "squeeze", squeeze, "input, dim=None");
  op(m, "unsqueeze", unsqueeze, "input, dim");
  op(
      m, "narrow",
      [](const Tensor& x, int64_t dim, const Operand& start, int64_t length) {
        return narrow(x, dim, item("narrow", start.t).i, length);
      },
      "input, dim, start, length");
  op(m, "slice_dim", slice, "input, dim, start, end, step=1");
  op(m, "select", select, "input, dim, index");
  op(m, "diagonal", diagonal, "input, offset=0, dim1=0, dim2=1");
  op(m, "unfold_dim", unfold, "input, dimension, size, step");
  op(m, "flatten", flatten, "input, start_dim=0, end_dim=-1");
  op(m, "unflatten", unflatten, "input, dim, sizes");
  op(m, "movedim", movedim, "input, source, destination");
  op(
      m, "split_with_sizes",
      [](const Tensor& x, const std::vector<int64_t>& sizes, int64_t dim) { return split(x, sizes, dim); },
      "input, split_sizes, dim=0");
  op(m, "unbind", unbind, "input, dim=0");
  op(m, "view_as_self", view_as_self, "input");
}

void bind_joins(py::module_& m) {
  op(m, "cat", cat, "tensors, dim=0");
  op(m, "stack", stack, "tensors, dim=0");
  op(m, "index_select", index_select, "input, dim, index");
  op(m, "embedding", embedding, "weight, input, padding_idx=None");
  op(m, "gather", gather, "input, dim, index");
  op(
      m, "scatter_value",
      [](const Tensor& x, int64_t dim, const Tensor& index, const Operand& src) { return scatter(x, dim, index, src.t); },
      "input, dim, index, src");
  op(m, "scatter_add", scatter_add, "input, dim, index, src");
  op(m, "scatter_reduce", scatter_reduce, "input, dim, index, src, reduce, *, include_self=True");
  op(m, "index_add_plain", index_add, "input, dim, index, source");
  op(m, "index_copy", index_copy, "input, dim, index, source");
  op(m, "flip", flip, "input, dims");
  op(m, "roll", roll, "input, shifts, dims=()");
  op(m, "nonzero_matrix", nonzero, "input");
  op(m, "masked_select", masked_select, "input, mask");
  op(m, "index_get", index, "input, indices");
  op(
      m, "index_put",
      [](const Tensor& x, const Tensors& i, const Operand& v, bool accumulate) { return index_put(x, i, v.t, accumulate); },
      "input, indices, values, accumulate=False");
  op(
      m, "index_put_",
      [](const Tensor& x, const Tensors& i, const Operand& v, bool accumulate) {
        index_put_(x, i, v.t, accumulate);
        return x;
      },
      "input, indices, values, accumulate=False");
  op(
      m, "constant_pad", [](const Tensor& x, const Dims& pads, const Operand& v) { return constant_pad(x, pads, v.t); },
      "input, pad, value=0");
  op(m, "sort_pair", sort, "input, dim=-1, descending=False");
  op(m, "topk_pair", topk, "input, k, dim=-1, largest=True");
  op(m, "searchsorted_plain", searchsorted, "sorted_sequence, input, right=False");
}

void bind_reductions(py::module_& m) {
  op(m, "sum", sum, "input, dim=None, keepdim=False, *, dtype=None");
  op(m, "mean", mean, "input, dim=None, keepdim=False, *, dtype=None");
  op(m, "prod", prod, "input, dim=None, keepdim=False, *, dtype=None");
  op(m, "amin", amin, "input, dim=(), keepdim=False");
  op(m, "amax", amax, "input, dim=(), keepdim=False");
  op(m, "any", any, "input, dim=None, keepdim=False");
  op(m, "all", all, "input, dim=None, keepdim=False");
  op(m, "var_corrected", var, "input, dim=None, correction=1.0, keepdim=False");
  op(m, "std_corrected", std_, "input, dim=None, correction=1.0, keepdim=False");
  op(m, "logsumexp", logsumexp, "input, dim, keepdim=False");
  op(m, "vector_norm", vector_norm, "input, ord=2, dim=None, keepdim=False, *, dtype=None");
  op(m, "max_dim", max_dim, "input, dim, keepdim=False");
  op(m, "min_dim", min_dim, "input, dim, keepdim=False");
  op(m, "argmax", argmax, "input, dim=None, keepdim=False");
  op(m, "argmin", argmin, "input, dim=None, keepdim=False");
  op(m, "cumsum", cumsum, "input, dim, *, dtype=None");
  op(m, "cumprod", cumprod, "input, dim, *, dtype=None");
  op(m, "logcumsumexp", logcumsumexp, "input, dim");
  op(m, "cummax_pair", cummax, "input, dim");
  op(m, "cummin_pair", cummin, "input, dim");
}

/// The same bytes as elements of another dtype; x contiguous.
Tensor reinterpret(const Tensor& x, DType dtype) {
  if (!x.contiguous()) fail<RuntimeError>("view", "only contiguous tensors can be seen as another dtype");
  int64_t from = itemsize(x.dtype()), to = itemsize(dtype);
  Shape shape = x.shape();
  if (from != to) {
    if (shape.n == 0 || shape.v[shape.n - 1] * from % to || x.impl()->offset * from % to)
      fail<RuntimeError>("view", "the last size ", x.shape(), " of ", name(x.dtype()), " does not fit ", name(dtype));
    shape.v[shape.n - 1] = shape.v[shape.n - 1] * from / to;
  }
  Tensor y = alias(x, shape, contiguous_strides(shape), x.impl()->offset * from / to);
  y.impl()->dtype = dtype;
  return y;
}

/// x = compute(x, *args, **kwargs), in place and in the graph.
py::object assign_python(py::object self, py::object compute, py::tuple args, py::dict kwargs) {
  static std::set<std::string> names;  // operators borrow their name
  std::string op = py::hasattr(compute, "__name__") ? py::cast<std::string>(compute.attr("__name__")) + "_" : "assign_";
  const char* kept = names.insert(op).first->c_str();
  Tensor x = From<Tensor>::convert(self.ptr(), {kept, "input"}), old = old_value(kept, x, is_floating(x.dtype()));
  py::object first = py::reinterpret_steal<py::object>(wrap(old.is_same(x) ? detach(x) : old));
  py::object result = compute(first, *args, **kwargs);
  assign(kept, x, From<Tensor>::convert(result.ptr(), {kept, "the result"}));
  return self;
}

}  // namespace

void bind_shape(py::module_& m) {
  bind_views(m);
  bind_joins(m);
  bind_reductions(m);
  op(m, "clone", [](const Tensor& x, Ignored) { return clone(x); }, "input, *, memory_format=None");
  op(m, "contiguous", [](const Tensor& x, Ignored) { return contiguous(x); }, "input, memory_format=None");
  op(m, "is_contiguous", [](const Tensor& x, Ignored) { return x.contiguous(); }, "input, memory_format=None");
  op(
      m, "convert",
      [](const Tensor& x, std::optional<DType> t, std::optional<Device> d, bool copy) { return to(x, t, d, copy); },
      "input, dtype=None, device=None, copy=False");
  op(m, "reinterpret", reinterpret, "input, dtype");
  op(
      m, "take_view_",
      [](const Tensor& x, const Tensor& y) {
        take_view("take_view_", x, y);
        return x;
      },
      "input, view");
  m.def("assign_", assign_python);
  op(m, "tril", tril, "input, diagonal=0");
  op(m, "triu", triu, "input, diagonal=0");
  op(m, "numel", [](const Tensor& x) { return x.numel(); }, "input");
  op(m, "dim", [](const Tensor& x) { return int64_t(x.ndim()); }, "input");
  op(m, "data_ptr", [](const Tensor& x) { return int64_t(reinterpret_cast<intptr_t>(x.data())); }, "input");
  op(m, "storage_offset", [](const Tensor& x) { return x.impl()->offset; }, "input");
  op(m, "strides", [](const Tensor& x) { return x.strides(); }, "input");
}

}  // namespace deepnet::python
