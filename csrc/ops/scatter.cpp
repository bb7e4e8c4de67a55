// gather, and scatter with its reductions.
#include "ops/index.h"

#include <limits>

#include "ops/elementwise.h"
#include "ops/indexing.h"

namespace deepnet {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

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

Tensor gather(const Tensor& x, int64_t dim, const Tensor& index) {
  int d = wrap_dim("gather", dim, x.ndim());
  if (index.numel()) check_index("gather", "index", index);
  if (index.numel() && std::max(index.ndim(), 1) != std::max(x.ndim(), 1))
    fail<RuntimeError>("gather", "input and index must have one number of dims, got ", x.shape(), " and ", index.shape());
  Tensor source = at_least_1d(x), i = at_least_1d(as_int64(index));
  for (int k = 0; k < i.ndim() && i.numel(); ++k)
    if (k != d && i.size(k) > source.size(k))
      fail<RuntimeError>("gather", "index ", index.shape(), " exceeds input ", x.shape(), " outside dim ", d);
  Tensor y = empty(i.shape(), x.dtype(), x.device());
  if (y.numel())
    launch("gather", x.device(), [x = source.view(), i = i.view(), y = y.view(), d](Backend& b) { b.gather(x, i, y, d); });
  if (is_floating(x.dtype()) && wants_grad(source))
    record("gather", {source}, {y}, [i, from = source.shape(), d](const Backward& b) -> Tensors {
      if (i.numel() == 0) return {zeros(from, b.dy(0).dtype(), b.dy(0).device())};
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
    double identity = reduce == "prod" ? 1 : reduce == "amin" ? kInfinity : reduce == "amax" ? -kInfinity : 0;
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
             if (how == ScatterOp::Mul) {
               // Without element e a product is P / e for e != 0 while no other factor is 0; without the only 0 it is P of the
               // rest.
               Tensor zero = number(0.0, DType::Float64, s.device()), one = number(1.0, DType::Float64, s.device());
               Tensor s0 = eq(s, zero), v0 = eq(v, zero), sx = where(s0, one, s), vx = where(v0, one, v);
               Tensor zeros_at = scatter_add(to(s0, dy.dtype()), d, index, to(v0, dy.dtype()));
               Tensor product = scatter_reduce(sx, d, index, vx, "prod", true);
               auto others = [&](const Tensor& is_zero, const Tensor& factor, const Tensor& count, const Tensor& p) {
                 return where(eq(count, to(is_zero, count.dtype())), div(p, factor), zero);
               };
               return {mul(dy, others(s0, sx, zeros_at, product)),
                       mul(gather(dy, d, index), others(v0, vx, gather(zeros_at, d, index), gather(product, d, index)))};
             }
             Tensor own = to(eq(s, out), dy.dtype()), theirs = to(eq(v, gather(out, d, index)), dy.dtype());
             Tensor count = scatter_add(own, d, index, theirs);
             Tensor shared = div(dy, count);
             return {mul(own, shared), mul(theirs, gather(shared, d, index))};
           });
  return x0.ndim() == 0 ? reshape(y, {}) : y;
}

}  // namespace deepnet
