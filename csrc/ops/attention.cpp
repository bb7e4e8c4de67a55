#include "ops/attention.h"

#include <cmath>
#include <limits>

#include "autograd/recompose.h"
#include "ops/copy.h"
#include "ops/elementwise.h"
#include "ops/factories.h"
#include "ops/matmul.h"
#include "ops/random.h"
#include "ops/reduce.h"
#include "ops/softmax.h"
#include "ops/views.h"

namespace deepnet {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The same from simpler operators: for dropout, gradients of masks, and second derivatives.
Tensor composed(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask, double dropout_p, bool causal,
                double scale) {
  Tensor scores = mul(matmul(q, transpose(k, -2, -1)), scale);
  if (mask.defined()) scores = add(scores, mask);
  if (causal) {
    Tensor seen = tril(full({q.size(-2), k.size(-2)}, Number{true, 1, 0}, DType::Bool, q.device()), 0);
    scores = where(seen, scores, number(-kInfinity, DType::Float64, q.device()));
  }
  Tensor p = softmax(scores, -1);
  if (mask.defined()) {  // a row that sees nothing is 0
    Tensor dead = eq(amax(detach(scores), Dims{-1}, true), number(-kInfinity, DType::Float64, q.device()));
    p = where(dead, number(0.0, DType::Float64, q.device()), p);
  }
  return matmul(dropout(p, dropout_p, true), v);
}

Tensor fused(const Tensor& q0, const Tensor& k0, const Tensor& v0, const Tensor& mask, bool causal, double scale) {
  const char* op = "scaled_dot_product_attention";
  Tensor q = contiguous(q0), k = contiguous(k0), v = contiguous(v0);
  Tensor out = empty({q.size(0), q.size(1), v.size(2)}, q.dtype(), q.device());
  Tensor lse = empty({q.size(0), q.size(1)}, q.dtype() == DType::Float64 ? DType::Float64 : DType::Float32, q.device());
  View m = mask.defined() ? mask.view() : View();
  launch(op, q.device(),
         [q = q.view(), k = k.view(), v = v.view(), m, out = out.view(), lse = lse.view(), scale, causal](Backend& b) {
           b.attention_forward(q, k, v, m, out, lse, scale, causal);
         });
  if (wants_grad(q, k, v))
    record(
        op, {q, k, v}, {out},
        [q = saved(q), k = saved(k), v = saved(v), out = saved(out), lse, mask, causal, scale](const Backward& b) -> Tensors {
          Tensor tq = b.unpack(q), tk = b.unpack(k), tv = b.unpack(v);
          if (b.create_graph())
            return recomposed_gradient({tq, tk, tv}, {b.dy(0)},
                                       [&]() -> Tensors { return {composed(tq, tk, tv, mask, 0, causal, scale)}; });
          Tensor y = b.unpack(out), dy = contiguous(b.dy(0));
          Tensor dq = empty_like(tq), dk = empty_like(tk), dv = empty_like(tv);
          View m = mask.defined() ? mask.view() : View();
          launch("scaled_dot_product_attention", tq.device(),
                 [q = tq.view(), k = tk.view(), v = tv.view(), m, y = y.view(), lse = lse.view(), dy = dy.view(),
                  dq = dq.view(), dk = dk.view(), dv = dv.view(), scale,
                  causal](Backend& d) { d.attention_backward(q, k, v, m, y, lse, dy, dq, dk, dv, scale, causal); });
          return {dq, dk, dv};
        });
  return out;
}

}  // namespace

Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask0, double dropout_p,
                                    bool causal, std::optional<double> scale0) {
  const char* op = "scaled_dot_product_attention";
  check_floating(op, "query", q);
  check_same_dtype(op, q, k);
  check_same_dtype(op, q, v);
  if (q.ndim() < 2 || k.ndim() < 2 || v.ndim() < 2)
    fail<RuntimeError>(op, "needs at least 2 dims, got ", q.shape(), ", ", k.shape(), " and ", v.shape());
  if (q.size(-1) != k.size(-1) || k.size(-2) != v.size(-2))
    fail<RuntimeError>(op, "query ", q.shape(), " and key ", k.shape(), " must agree in their last size, key and value ",
                       v.shape(), " in their length");
  if (causal && mask0.defined()) fail<RuntimeError>(op, "attn_mask and is_causal cannot both be given");
  if (dropout_p < 0 || dropout_p > 1) fail(op, "dropout_p must be in [0, 1], got ", dropout_p);
  double scale = scale0.value_or(1 / std::sqrt(double(q.size(-1))));
  Tensor mask = mask0;
  if (mask.defined() && mask.dtype() == DType::Bool)
    mask = where(mask, number(0.0, DType::Float64, q.device()), number(-kInfinity, DType::Float64, q.device()));
  if (mask.defined()) mask = to(mask, q.dtype());
  int64_t t = q.size(-2), s = k.size(-2), d = q.size(-1), e = v.size(-1);
  if (dropout_p > 0 || (mask.defined() && wants_grad(mask)) || q.numel() == 0 || k.numel() == 0 || v.numel() == 0)
    return composed(q, k, v, mask, dropout_p, causal, scale);
  auto leading = [](const Tensor& x) {
    Shape b = x.shape();
    b.n -= 2;
    return b;
  };
  Shape batch = broadcast_shapes(op, broadcast_shapes(op, leading(q), leading(k)), leading(v));
  auto with = [&batch](int64_t rows, int64_t cols) {
    Shape x = batch;
    x.push_back(rows);
    x.push_back(cols);
    return x;
  };
  int64_t count = numel(batch);
  if (mask.defined()) {
    Tensor m2 = mask;
    while (m2.ndim() > 2 && m2.size(0) == 1) m2 = select(m2, 0, 0);
    mask = m2.ndim() <= 2 ? expand(m2, {count, t, s}) : reshape(expand(mask, with(t, s)), {count, t, s});
    mask = detach(mask);
  }
  Tensor out = fused(reshape(expand(q, with(t, d)), {count, t, d}), reshape(expand(k, with(s, d)), {count, s, d}),
                     reshape(expand(v, with(s, e)), {count, s, e}), mask, causal, scale);
  return reshape(out, with(t, e));
}

}  // namespace deepnet
