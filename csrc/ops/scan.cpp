// Running sums, products and extremes.
#include <limits>

#include "ops/copy.h"
#include "ops/elementwise.h"
#include "ops/factories.h"
#include "ops/index.h"
#include "ops/reduce.h"
#include "ops/views.h"

namespace deepnet {

namespace {

DType sum_dtype(DType t) { return is_floating(t) ? t : DType::Int64; }

Tensor scan_plain(const char* op, ScanOp kind, const Tensor& x, int d, const Tensor& indices = {}) {
  Tensor c = contiguous(detach(x)), y = empty_like(c);
  if (c.numel() == 0) return y;
  View iv = indices.defined() ? around(indices, d).view() : View();
  launch(op, x.device(), [kind, x = around(c, d).view(), y = around(y, d).view(), iv](Backend& b) { b.scan(kind, x, y, iv); });
  return y;
}

std::pair<Tensor, Tensor> running_extreme(const char* op, ScanOp kind, const Tensor& x, int64_t dim) {
  int d = wrap_dim(op, dim, x.ndim());
  Tensor indices = empty(x.shape(), DType::Int64, x.device());
  Tensor y = scan_plain(op, kind, x, d, indices);
  if (is_floating(x.dtype()) && wants_grad(x))
    record(op, {x}, {y, indices}, [indices, d](const Backward& b) -> Tensors {
      return {scatter_add(zeros(b.dy(0).shape(), b.dy(0).dtype(), b.dy(0).device()), d, indices, b.dy(0))};
    });
  return {y, indices};
}

Tensor reverse_cumsum(const Tensor& x, int d) { return flip(cumsum(flip(x, {d}), d, std::nullopt), {d}); }

/// The gradient of a running product where some elements are zero: element i's is the sum over j >= i of dy_j times the product
/// up to j without i.
Tensor cumprod_gradient_with_zeros(const Tensor& dy, const Tensor& x, int d) {
  int last = std::max(x.ndim() - 1, 0);
  Tensor rows = transpose(x.ndim() ? x : reshape(x, {1}), d, last), g = transpose(dy.ndim() ? dy : reshape(dy, {1}), d, last);
  int64_t n = rows.size(-1);
  Tensor own = to(eye(n, n, DType::Float32, x.device()), DType::Bool);
  Tensor without = where(own, number(1.0, DType::Float64, x.device()), unsqueeze(rows, -2));
  Tensor products = triu(cumprod(without, -1, std::nullopt), 0);
  return reshape(transpose(sum(mul(products, unsqueeze(g, -2)), Dims{-1}, false), d, last), x.shape());
}

/// The same of a running log-sum, for derivatives of its own: dx_i = sum over j >= i of dy_j exp(x_i - y_j), each term of which
/// has any sign and no logarithm.
Tensor logcumsumexp_gradient(const Tensor& dy, const Tensor& x, const Tensor& y, int d) {
  int last = std::max(x.ndim() - 1, 0);
  auto rows = [&](const Tensor& t) { return transpose(t.ndim() ? t : reshape(t, {1}), d, last); };
  Tensor r = rows(x);
  int64_t n = r.size(-1);
  Tensor from = to(triu(full({n, n}, Number{true, 1, 1}, DType::Float32, x.device()), 0), DType::Bool);
  Tensor none = number(-std::numeric_limits<double>::infinity(), DType::Float64, x.device());
  Tensor shares = apply("exp", where(from, sub(unsqueeze(r, -1), unsqueeze(rows(y), -2)), none));
  return reshape(transpose(sum(mul(shares, unsqueeze(rows(dy), -2)), Dims{-1}, false), d, last), x.shape());
}

}  // namespace

Tensor cumsum(const Tensor& input, int64_t dim, std::optional<DType> dtype) {
  Tensor x = to(input, dtype ? *dtype : sum_dtype(input.dtype()));
  int d = wrap_dim("cumsum", dim, x.ndim());
  Tensor y = scan_plain("cumsum", ScanOp::Sum, x, d);
  if (is_floating(x.dtype()) && wants_grad(x))
    record("cumsum", {x}, {y}, [d](const Backward& b) -> Tensors { return {reverse_cumsum(b.dy(0), d)}; });
  return y;
}

Tensor cumprod(const Tensor& input, int64_t dim, std::optional<DType> dtype) {
  Tensor x = to(input, dtype ? *dtype : sum_dtype(input.dtype()));
  int d = wrap_dim("cumprod", dim, x.ndim());
  Tensor y = scan_plain("cumprod", ScanOp::Prod, x, d);
  if (is_floating(x.dtype()) && wants_grad(x))
    record("cumprod", {x}, {y}, [x = saved(x), y = saved(y), d](const Backward& b) -> Tensors {
      Tensor t = b.unpack(x), dy = b.dy(0);
      Tensor quick = div(reverse_cumsum(mul(dy, b.unpack(y)), d), t);
      // Where a row holds a zero the quotient is undefined: there sum over outputs of the product without element i.
      if (!is_true("cumprod", eq(t, number(0.0, DType::Float64, t.device())))) return {quick};
      return {cumprod_gradient_with_zeros(dy, t, d)};
    });
  return y;
}

Tensor logcumsumexp(const Tensor& x, int64_t dim) {
  check_floating("logcumsumexp", "input", x);
  int d = wrap_dim("logcumsumexp", dim, x.ndim());
  Tensor y = scan_plain("logcumsumexp", ScanOp::LogSumExp, x, d);
  if (wants_grad(x))
    record("logcumsumexp", {x}, {y}, [x = saved(x), y = saved(y), d](const Backward& b) -> Tensors {
      // dx_i = sum over j >= i of dy_j exp(x_i - y_j), positive and negative parts in logarithms.
      Tensor t = b.unpack(x), out = b.unpack(y), dy = b.dy(0);
      if (b.create_graph()) return {logcumsumexp_gradient(dy, t, out, d)};
      auto part = [&](const Tensor& g) {
        Tensor logs = sub(apply("log", g), out);
        return apply("exp", add(flip(logcumsumexp(flip(logs, {d}), d), {d}), t));
      };
      Tensor zero = number(0.0, DType::Float64, t.device());
      return {sub(part(apply("maximum", dy, zero)), part(apply("maximum", neg(dy), zero)))};
    });
  return y;
}

std::pair<Tensor, Tensor> cummax(const Tensor& x, int64_t dim) { return running_extreme("cummax", ScanOp::Max, x, dim); }
std::pair<Tensor, Tensor> cummin(const Tensor& x, int64_t dim) { return running_extreme("cummin", ScanOp::Min, x, dim); }

}  // namespace deepnet
