#include "ops/matmul.h"

#include "math/batch_group.h"
#include "ops/arithmetic.h"
#include "ops/copy.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/views.h"

namespace deepnet {

namespace {

void check_product(const char* op, const Tensor& a, const Tensor& b, int64_t k1, int64_t k2) {
  check_same_dtype(op, a, b);
  check_same_device(op, a, b);
  if (k1 != k2) fail<RuntimeError>(op, "inner sizes must agree, got ", a.shape(), " and ", b.shape());
}

Tensor multiply(const char* op, const Tensor& a, const Tensor& b);

/// Gradients of y = a b for 3-d operands of one batch size.
Tensor product_with_gradient(const char* op, const Tensor& a, const Tensor& b) {
  Tensor y = product(op, a, b, Tensor(), 0);
  if (is_floating(y.dtype()) && wants_grad(a, b))
    record(op, {a, b}, {y}, [op, a = saved(a), b = saved(b)](const Backward& g) -> Tensors {
      Tensor dy = g.dy(0);
      return {g.needs(0) ? multiply(op, dy, transpose(g.unpack(b), 1, 2)) : Tensor(),
              g.needs(1) ? multiply(op, transpose(g.unpack(a), 1, 2), dy) : Tensor()};
    });
  return y;
}

Tensor multiply(const char* op, const Tensor& a, const Tensor& b) { return product_with_gradient(op, a, b); }

/// (M, K) x (K, N) whose gradient of b sums over the rows of a as a batch.
Tensor matrix(const char* op, const Tensor& a, const Tensor& b) {
  check_product(op, a, b, a.size(1), b.size(0));
  return select(multiply(op, unsqueeze(a, 0), unsqueeze(b, 0)), 0, 0);
}

}  // namespace

Tensor product(const char* op, const Tensor& a, const Tensor& b, const Tensor& bias, int64_t group) {
  Shape shape{a.size(0), a.size(1), b.size(2)};
  Tensor y = empty(shape, a.dtype(), a.device());
  if (y.numel() == 0) return y;
  if (a.size(2) == 0) {
    launch(op, y.device(), [y = y.view()](Backend& d) { d.fill(y, Number{true, 0, 0}); });
    if (bias.defined()) copy_data(op, bias, y);
    return y;
  }
  View bias_view = bias.defined() ? broadcast_view(bias, shape) : View();
  launch(op, y.device(),
         [a = a.view(), b = b.view(), bias_view, y = y.view(), group](Backend& d) { d.matmul(a, b, bias_view, y, group); });
  return y;
}

int64_t row_group(const Shape& shape) {
  int64_t positions = 1;
  for (int i = 1; i + 1 < shape.n; ++i) positions *= shape.v[i];
  return batch_group(positions);
}

Tensor mm(const Tensor& a, const Tensor& b) {
  if (a.ndim() != 2 || b.ndim() != 2) fail<RuntimeError>("mm", "needs matrices, got shapes ", a.shape(), " and ", b.shape());
  return matrix("mm", a, b);
}

Tensor bmm(const Tensor& a, const Tensor& b) {
  if (a.ndim() != 3 || b.ndim() != 3)
    fail<RuntimeError>("bmm", "needs 3-d tensors, got shapes ", a.shape(), " and ", b.shape());
  if (a.size(0) != b.size(0)) fail<RuntimeError>("bmm", "batch sizes must agree, got ", a.shape(), " and ", b.shape());
  check_product("bmm", a, b, a.size(2), b.size(1));
  return multiply("bmm", a, b);
}

Tensor mv(const Tensor& a, const Tensor& x) {
  if (a.ndim() != 2 || x.ndim() != 1)
    fail<RuntimeError>("mv", "needs a matrix and a vector, got shapes ", a.shape(), " and ", x.shape());
  check_product("mv", a, x, a.size(1), x.size(0));
  return squeeze(matrix("mv", a, unsqueeze(x, 1)), Dims{1});
}

Tensor dot(const Tensor& a, const Tensor& b) {
  if (a.ndim() != 1 || b.ndim() != 1) fail<RuntimeError>("dot", "needs vectors, got shapes ", a.shape(), " and ", b.shape());
  check_product("dot", a, b, a.size(0), b.size(0));
  return reshape(matrix("dot", unsqueeze(a, 0), unsqueeze(b, 1)), {});
}

Tensor matmul(const Tensor& a, const Tensor& b) {
  if (a.ndim() == 0 || b.ndim() == 0) fail<RuntimeError>("matmul", "0-d tensors have no product; use *");
  if (a.ndim() == 2 && b.ndim() == 2) return matrix("matmul", a, b);
  if (a.ndim() == 1 && b.ndim() == 1) return dot(a, b);
  if (a.ndim() == 1) return squeeze(matmul(unsqueeze(a, 0), b), Dims{-2});
  if (b.ndim() == 1) return squeeze(matmul(a, unsqueeze(b, 1)), Dims{-1});
  check_product("matmul", a, b, a.size(-1), b.size(-2));
  int64_t m = a.size(-2), k = a.size(-1), n = b.size(-1);
  Shape batch_a = a.shape(), batch_b = b.shape();
  batch_a.n -= 2;
  batch_b.n -= 2;
  if (b.ndim() == 2) {  // rows of a all meet one matrix
    Shape out = a.shape();
    out.v[out.n - 1] = n;
    return reshape(matrix("matmul", reshape(a, {numel(batch_a) * m, k}), b), out);
  }
  Shape batch = broadcast_shapes("matmul", batch_a, batch_b);
  auto with = [&batch](int64_t rows, int64_t cols) {
    Shape s = batch;
    s.push_back(rows);
    s.push_back(cols);
    return s;
  };
  int64_t count = numel(batch);
  Tensor y = multiply("matmul", reshape(expand(a, with(m, k)), {count, m, k}), reshape(expand(b, with(k, n)), {count, k, n}));
  return reshape(y, with(m, n));
}

Tensor addmm(const Tensor& c, const Tensor& a, const Tensor& b, Number beta, Number alpha) {
  if (a.ndim() != 2 || b.ndim() != 2) fail<RuntimeError>("addmm", "needs matrices, got shapes ", a.shape(), " and ", b.shape());
  Tensor y = matrix("addmm", a, b);
  if (!(alpha.integral && alpha.i == 1)) y = mul(y, number(alpha, alpha.integral ? DType::Int64 : DType::Float64, y.device()));
  if (beta.real() == 0) return y;
  if (!(broadcast_shapes("addmm", c.shape(), y.shape()) == y.shape()))
    fail<RuntimeError>("addmm", "input of shape ", c.shape(), " does not broadcast to ", y.shape());
  return add(beta.integral && beta.i == 1 ? c : mul(c, number(beta, beta.integral ? DType::Int64 : DType::Float64, y.device())),
             y);
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (weight.ndim() == 1) {
    Tensor y = matmul(x, weight);
    return bias.defined() ? add(y, bias) : y;
  }
  if (weight.ndim() != 2 || x.ndim() == 0)
    fail<RuntimeError>("linear", "needs input (..., in) and weight (out, in), got ", x.shape(), " and ", weight.shape());
  if (x.size(-1) != weight.size(1))
    fail<RuntimeError>("linear", "input's last size must be the weight's ", weight.size(1), ", got input ", x.shape(),
                       " and weight ", weight.shape());
  check_same_dtype("linear", x, weight);
  check_same_device("linear", x, weight);
  if (bias.defined()) check_same_dtype("linear", x, bias);
  Tensor rows = unsqueeze(reshape(x, {-1, x.size(-1)}), 0);
  Shape out = x.shape();
  out.v[out.n - 1] = weight.size(0);
  Tensor y = product("linear", rows, transpose(unsqueeze(detach(weight), 0), 1, 2), bias, 0);
  if (wants_grad(rows, weight, bias))
    record("linear", {rows, weight, bias}, {y},
           [x = saved(rows), w = saved(weight), group = row_group(x.shape())](const Backward& b) -> Tensors {
             Tensor dy = b.dy(0), tx = b.unpack(x), tw = b.unpack(w), dx, dw, db;
             if (b.create_graph()) {
               dx = b.needs(0) ? multiply("linear", dy, unsqueeze(tw, 0)) : Tensor();
               dw = b.needs(1) ? select(multiply("linear", transpose(dy, 1, 2), tx), 0, 0) : Tensor();
               db = b.needs(2) ? sum(dy, Dims{0, 1}, false) : Tensor();
               return {dx, dw, db};
             }
             if (b.needs(0)) dx = product("linear", dy, unsqueeze(tw, 0), Tensor(), 0);
             if (b.needs(1)) dw = select(product("linear", transpose(dy, 1, 2), tx, Tensor(), group), 0, 0);
             if (b.needs(2)) {
               db = empty({dy.size(2)}, dy.dtype(), dy.device());
               Tensor g = contiguous(dy);
               if (g.numel())
                 launch("linear", dy.device(),
                        [g = g.view(), y = alias(db, {1, db.size(0)}, {db.size(0), 1}, 0).view(), group](Backend& d) {
                          d.reduce(ReduceOp::Sum, g, y, group);
                        });
               else
                 fill_(db, Number{true, 0, 0});
             }
             return {dx, dw, db};
           });
  return reshape(y, out);
}

}  // namespace deepnet
