#include "ops/index.h"

#include "ops/elementwise.h"
#include "ops/factories.h"
#include "ops/indexing.h"

namespace deepnet {

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

}  // namespace deepnet
