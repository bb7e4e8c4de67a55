#include "ops/reduce.h"

#include <cmath>

#include "math/batch_group.h"
#include "ops/copy.h"
#include "ops/elementwise.h"
#include "ops/factories.h"
#include "ops/index.h"
#include "ops/views.h"

namespace deepnet {

namespace {

struct Plan {
  Tensor input;   // (A, R, B), no history
  Shape kept;     // the result's shape with reduced dims at 1
  Shape result;   // without them unless keepdim
  int64_t count;  // elements behind each result
};

/// Brings the reduced dims together: last where the last dim is reduced (rows), else before the others that stay (columns).
Plan plan(const char* op, const Tensor& x, const OptDims& dim, bool keepdim) {
  std::vector<bool> mask = dim_mask(op, dim, x.ndim());
  Plan p;
  p.count = 1;
  Dims outer, reduced, inner;
  int last_reduced = -1;
  for (int i = 0; i < x.ndim(); ++i) {
    if (mask[i]) last_reduced = i;
    p.kept.push_back(mask[i] ? 1 : x.size(i));
    if (mask[i]) p.count *= x.size(i);
    if (!mask[i] || keepdim) p.result.push_back(mask[i] ? 1 : x.size(i));
  }
  for (int i = 0; i < x.ndim(); ++i) {
    if (mask[i])
      reduced.push_back(i);
    else if (i > last_reduced)
      inner.push_back(i);
    else
      outer.push_back(i);
  }
  Dims order = outer;
  for (int64_t d : reduced) order.push_back(d);
  for (int64_t d : inner) order.push_back(d);
  GradGuard off(false);
  Shape three{1, p.count, 1};
  for (int64_t d : outer) three.v[0] *= x.size(int(d));
  for (int64_t d : inner) three.v[2] *= x.size(int(d));
  p.input = reshape(permute(detach(x), order), three);
  return p;
}

Tensor run(const char* op, ReduceOp kind, const Plan& p, DType dtype, int64_t group = 0) {
  Tensor y = empty(p.result, dtype, p.input.device());
  if (y.numel() == 0) return y;
  Tensor flat = alias(y, {p.input.size(0), p.input.size(2)}, {p.input.size(2), 1}, 0);
  launch(op, y.device(), [kind, group, x = p.input.view(), y = flat.view()](Backend& b) { b.reduce(kind, x, y, group); });
  return y;
}

DType sum_dtype(DType t) { return is_floating(t) ? t : DType::Int64; }

/// dy with the reduced dims back at size 1.
Tensor unreduce(const Tensor& dy, const Shape& kept) { return reshape(dy, kept); }

Tensor extreme(const char* op, ReduceOp kind, const Tensor& x, const OptDims& dim, bool keepdim) {
  Plan p = plan(op, x, dim, keepdim);
  if (p.count == 0 && numel(p.result)) fail<IndexError>(op, "a reduction over no elements has no value; shape ", x.shape());
  Tensor y = run(op, kind, p, x.dtype());
  if (is_floating(x.dtype()) && wants_grad(x))
    record(op, {x}, {y}, [x = saved(x), y = saved(y), kept = p.kept](const Backward& b) -> Tensors {
      Tensor hit = to(eq(b.unpack(x), reshape(b.unpack(y), kept)), b.dy(0).dtype());
      Dims dims;
      for (int i = 0; i < kept.n; ++i)
        if (kept.v[i] == 1) dims.push_back(i);
      Tensor count = sum(hit, dims, true);
      return {mul(hit, div(unreduce(b.dy(0), kept), count))};
    });
  return y;
}

std::pair<Tensor, Tensor> extreme_dim(const char* op, bool largest, const Tensor& x, int64_t dim, bool keepdim) {
  int d = wrap_dim(op, dim, x.ndim());
  Dims one{d};
  Plan p = plan(op, x, one, keepdim);
  if (p.count == 0 && numel(p.result)) fail<IndexError>(op, "a reduction over no elements has no value; shape ", x.shape());
  // Around one dim the three axes are (before, dim, after) whatever stays, so that the index counts along it.
  Tensor around_dim = around(contiguous(detach(x)), d);
  Tensor values = empty(p.result, x.dtype(), x.device()), indices = empty(p.result, DType::Int64, x.device());
  if (values.numel()) {
    Shape two{around_dim.size(0), around_dim.size(2)};
    launch(op, x.device(),
           [largest, x = around_dim.view(), v = alias(values, two, contiguous_strides(two), 0).view(),
            i = alias(indices, two, contiguous_strides(two), 0).view()](Backend& b) { b.arg_reduce(largest, x, v, i); });
  }
  if (is_floating(x.dtype()) && wants_grad(x))
    record(op, {x}, {values, indices}, [indices, from = x.shape(), kept = p.kept, d](const Backward& b) -> Tensors {
      Tensor dx = zeros(from, b.dy(0).dtype(), b.dy(0).device());
      return {scatter_add(dx, d, reshape(indices, kept), unreduce(b.dy(0), kept))};
    });
  return {values, indices};
}

Tensor arg_extreme(const char* op, bool largest, const Tensor& x, std::optional<int64_t> dim, bool keepdim) {
  GradGuard off(false);
  if (dim) return extreme_dim(op, largest, detach(x), *dim, keepdim).second;
  if (x.numel() == 0) fail<IndexError>(op, "a reduction over no elements has no index");
  Tensor i = extreme_dim(op, largest, reshape(detach(x), {-1}), 0, false).second;
  return keepdim ? reshape(i, Dims::filled(x.ndim(), 1)) : i;
}

/// 1 followed by all but the last column: the product of what comes before each.
Tensor narrow_pad(const Tensor& cumulative) {
  int64_t n = cumulative.size(1);
  Tensor ones = full({cumulative.size(0), 1}, Number{true, 1, 0}, cumulative.dtype(), cumulative.device());
  return cat({ones, slice(cumulative, 1, 0, n - 1, 1)}, 1);
}

}  // namespace

Tensor sum(const Tensor& input, const OptDims& dim, bool keepdim, std::optional<DType> dtype) {
  Tensor x = dtype ? to(input, *dtype) : input;
  Plan p = plan("sum", x, dim, keepdim);
  Tensor y = run("sum", ReduceOp::Sum, p, dtype ? *dtype : sum_dtype(x.dtype()));
  if (is_floating(x.dtype()) && wants_grad(x))
    record("sum", {x}, {y},
           [from = x.shape(), kept = p.kept](const Backward& b) -> Tensors { return {expand(unreduce(b.dy(0), kept), from)}; });
  return y;
}

Tensor sum_batch(const Tensor& x, const Dims& dims) {
  std::vector<bool> mask = dim_mask("sum", dims, x.ndim());
  // Only a sum over dim 0 mixes samples. Positions of a sample: the other summed dims.
  if (!mask[0] || x.ndim() == 0) return sum(x, dims, true);
  int64_t positions = 1;
  for (int i = 1; i < x.ndim(); ++i)
    if (mask[i]) positions *= x.size(i);
  Dims rest;
  for (int i = 1; i < x.ndim(); ++i)
    if (mask[i]) rest.push_back(i);
  Tensor y;
  Plan p = plan("sum", x, dims, true);
  if (p.input.size(2) > 1 || rest.empty()) {
    // Rows (samples, positions) in order above the channels: one pass by columns with a group for every sample or 64 rows.
    Tensor input = p.input;
    if (input.size(2) == 1) {
      // One value a sample: columns of width 1 are rows to the kernel, so make the batch sum explicit.
      Tensor y3 = empty({1, 2}, x.dtype(), x.device());
      Tensor twice = empty({1, input.size(1), 2}, x.dtype(), x.device());
      copy_data("sum", alias(input, {1, input.size(1), 2}, {0, input.stride(1), 0}, input.impl()->offset), twice);
      launch("sum", x.device(), [x = twice.view(), y = y3.view()](Backend& b) { b.reduce(ReduceOp::Sum, x, y, 64); });
      y = empty(p.result, x.dtype(), x.device());
      copy_data("sum", alias(y3, p.result, contiguous_strides(p.result), 0), y);
    } else {
      y = run("sum", ReduceOp::Sum, p, x.dtype(), batch_group(positions));
    }
  } else {
    // The last dim is summed too: first within every sample by rows, then over samples in groups that hold about 64 positions.
    GradGuard off(false);
    // Sums of samples of sixteen bits are kept in 32: only the result is rounded.
    DType wide = itemsize(x.dtype()) == 2 && is_floating(x.dtype()) ? DType::Float32 : x.dtype();
    Tensor per_sample = sum(to(detach(x), wide), rest, true);
    int64_t group = positions ? batch_group(positions) / positions : 64;
    Plan q = plan("sum", per_sample, Dims{0}, true);
    if (q.input.size(2) == 1) {
      y = sum_batch(per_sample, Dims{0});
    } else {
      y = run("sum", ReduceOp::Sum, q, wide, group);
    }
    y = to(y, x.dtype());
  }
  if (wants_grad(x))
    record("sum", {x}, {y},
           [from = x.shape(), kept = p.kept](const Backward& b) -> Tensors { return {expand(unreduce(b.dy(0), kept), from)}; });
  return y;
}

Tensor mean(const Tensor& input, const OptDims& dim, bool keepdim, std::optional<DType> dtype) {
  Tensor x = dtype ? to(input, *dtype) : input;
  if (!is_floating(x.dtype())) fail<RuntimeError>("mean", "input must be floating, got ", name(x.dtype()), "; pass dtype");
  std::vector<bool> mask = dim_mask("mean", dim, x.ndim());
  int64_t count = 1;
  for (int i = 0; i < x.ndim(); ++i)
    if (mask[i]) count *= x.size(i);
  return div(sum(x, dim, keepdim), number(double(count), DType::Float64, x.device()));
}

Tensor prod(const Tensor& input, const OptDims& dim, bool keepdim, std::optional<DType> dtype) {
  Tensor x = dtype ? to(input, *dtype) : input;
  Plan p = plan("prod", x, dim, keepdim);
  Tensor y = run("prod", ReduceOp::Prod, p, dtype ? *dtype : sum_dtype(x.dtype()));
  if (is_floating(x.dtype()) && wants_grad(x))
    record("prod", {x}, {y}, [x = saved(x), kept = p.kept, dim](const Backward& b) -> Tensors {
      // The product of all others, from both sides: right where elements are zero.
      Tensor t = b.unpack(x);
      std::vector<bool> mask = dim_mask("prod", dim, t.ndim());
      Dims order, back = Dims::filled(t.ndim(), 0);
      for (int i = 0; i < t.ndim(); ++i)
        if (!mask[i]) order.push_back(i);
      int64_t count = 1;
      for (int i = 0; i < t.ndim(); ++i)
        if (mask[i]) {
          order.push_back(i);
          count *= t.size(i);
        }
      for (int i = 0; i < order.n; ++i) back.v[order.v[i]] = i;
      Tensor moved = permute(t, order);
      Shape moved_shape = moved.shape();
      if (count == 0 || moved.numel() == 0) return {zeros(t.shape(), t.dtype(), t.device())};
      Tensor rows = reshape(moved, {-1, count});
      Tensor before = narrow_pad(cumprod(rows, 1, std::nullopt)),
             after = flip(narrow_pad(cumprod(flip(rows, {1}), 1, std::nullopt)), {1});
      Tensor others = permute(reshape(mul(before, after), moved_shape), back);
      return {mul(others, unreduce(b.dy(0), kept))};
    });
  return y;
}

Tensor amin(const Tensor& x, const OptDims& dim, bool keepdim) { return extreme("amin", ReduceOp::Min, x, dim, keepdim); }
Tensor amax(const Tensor& x, const OptDims& dim, bool keepdim) { return extreme("amax", ReduceOp::Max, x, dim, keepdim); }
Tensor any(const Tensor& x, const OptDims& dim, bool keepdim) {
  return run("any", ReduceOp::Any, plan("any", x, dim, keepdim), x.dtype() == DType::UInt8 ? DType::UInt8 : DType::Bool);
}
Tensor all(const Tensor& x, const OptDims& dim, bool keepdim) {
  return run("all", ReduceOp::All, plan("all", x, dim, keepdim), x.dtype() == DType::UInt8 ? DType::UInt8 : DType::Bool);
}

Tensor var(const Tensor& x, const OptDims& dim, double correction, bool keepdim) {
  check_floating("var", "input", x);
  std::vector<bool> mask = dim_mask("var", dim, x.ndim());
  int64_t count = 1;
  for (int i = 0; i < x.ndim(); ++i)
    if (mask[i]) count *= x.size(i);
  Tensor centered = sub(x, mean(x, dim, true));
  return div(sum(mul(centered, centered), dim, keepdim),
             number(std::max(0.0, double(count) - correction), DType::Float64, x.device()));
}

Tensor std_(const Tensor& x, const OptDims& dim, double correction, bool keepdim) {
  return apply("sqrt", var(x, dim, correction, keepdim));
}

Tensor logsumexp(const Tensor& input, const Dims& dim, bool keepdim) {
  Tensor x = is_floating(input.dtype()) ? input : to(input, default_dtype());
  OptDims d = dim;
  dim_mask("logsumexp", d, x.ndim());
  Tensor top;
  {
    GradGuard off(false);
    if (x.numel()) {
      top = amax(detach(x), d, true);
      top = where(apply("isfinite", top), top, number(0.0, DType::Float64, x.device()));
    } else {
      top = zeros(plan("logsumexp", x, d, true).kept, x.dtype(), x.device());
    }
  }
  Tensor s = add(apply("log", sum(apply("exp", sub(x, top)), d, true)), top);
  return keepdim ? s : reshape(s, plan("logsumexp", detach(x), d, false).result);
}

Tensor vector_norm(const Tensor& input, double ord, const OptDims& dim, bool keepdim, std::optional<DType> dtype) {
  Tensor x = dtype ? to(input, *dtype) : input;
  check_floating("vector_norm", "input", x);
  if (ord == 2) {
    Plan p = plan("vector_norm", x, dim, keepdim);
    Tensor y = run("vector_norm", ReduceOp::SumSquares, p, x.dtype());
    y = unary(unary_rule("sqrt"), y);
    if (wants_grad(x))
      record("vector_norm", {x}, {y}, [x = saved(x), y = saved(y), kept = p.kept](const Backward& b) -> Tensors {
        Tensor n = reshape(b.unpack(y), kept), zero = number(0.0, DType::Float64, n.device());
        // 0 at 0, as the smallest subgradient.
        return {where(eq(n, zero), zero, mul(b.unpack(x), div(reshape(b.dy(0), kept), n)))};
      });
    return y;
  }
  if (ord == INFINITY) return amax(apply("abs", x), dim, keepdim);
  if (ord == -INFINITY) return amin(apply("abs", x), dim, keepdim);
  if (ord == 1) return sum(apply("abs", x), dim, keepdim);
  Tensor y;
  {
    GradGuard off(false);
    auto number_of = [&](double v) { return number(v, DType::Float64, x.device()); };
    y = ord == 0 ? sum(to(ne(x, number_of(0)), x.dtype()), dim, keepdim)
                 : apply("pow", sum(apply("pow", apply("abs", x), number_of(ord)), dim, keepdim), number_of(1 / ord));
  }
  if (wants_grad(x))
    record("vector_norm", {x}, {y},
           [x = saved(x), y = saved(y), ord, kept = plan("vector_norm", x, dim, keepdim).kept](const Backward& b) -> Tensors {
             Tensor t = b.unpack(x), zero = number(0.0, DType::Float64, t.device());
             if (ord == 0) return {Tensor()};  // a count: constant wherever it has a slope
             // sign(x) |x|^(p-1) n^(1-p), and 0 where the element or the norm is 0: the smallest subgradient, where there is
             // one.
             Tensor n = reshape(b.unpack(y), kept), none = apply("logical_or", eq(t, zero), eq(n, zero));
             Tensor ratio = apply("pow", div(apply("abs", t), n), number(ord - 1, DType::Float64, t.device()));
             return {mul(reshape(b.dy(0), kept), where(none, zero, mul(apply("sign", t), ratio)))};
           });
  return y;
}

std::pair<Tensor, Tensor> max_dim(const Tensor& x, int64_t dim, bool keepdim) {
  return extreme_dim("max", true, x, dim, keepdim);
}
std::pair<Tensor, Tensor> min_dim(const Tensor& x, int64_t dim, bool keepdim) {
  return extreme_dim("min", false, x, dim, keepdim);
}
Tensor argmax(const Tensor& x, std::optional<int64_t> dim, bool keepdim) {
  return arg_extreme("argmax", true, x, dim, keepdim);
}
Tensor argmin(const Tensor& x, std::optional<int64_t> dim, bool keepdim) {
  return arg_extreme("argmin", false, x, dim, keepdim);
}

}  // namespace deepnet
