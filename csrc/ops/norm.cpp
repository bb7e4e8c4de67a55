#include "ops/norm.h"

#include <limits>

#include "math/batch_group.h"
#include "ops/arithmetic.h"
#include "ops/copy.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/views.h"

namespace deepnet {

namespace {

View optional_view(const Tensor& t) { return t.defined() ? t.view() : View(); }

DType statistics_dtype(DType t) { return t == DType::Float64 ? t : DType::Float32; }

/// The composite that defines the gradient's gradient.
Tensors norm_gradient_composed(const Tensor& dy, const Tensor& x, const Tensor& weight, const Backward& b, double eps,
                               bool rms) {
  Tensor xc = rms ? x : sub(x, mean(x, Dims{-1}, true));
  Tensor rstd = apply("rsqrt", add(mean(mul(xc, xc), Dims{-1}, true), eps));
  Tensor xhat = mul(xc, rstd), g = weight.defined() ? mul(dy, weight) : dy;
  Tensor inner = sub(g, mul(xhat, mean(mul(g, xhat), Dims{-1}, true)));
  Tensor dx = mul(rstd, rms ? inner : sub(inner, mean(g, Dims{-1}, true)));
  return {b.needs(0) ? dx : Tensor(), b.needs(1) ? sum(mul(dy, xhat), Dims{0}, false) : Tensor(),
          b.needs(2) ? sum(dy, Dims{0}, false) : Tensor()};
}

/// x (R, C) by rows; weight and bias (C). batch: the shape whose dim 0 is the batch, for the order of weight gradients.
Tensor norm_rows(const char* op, const Tensor& x, const Tensor& weight, const Tensor& bias, double eps, bool rms,
                 int64_t group) {
  int64_t rows = x.size(0);
  Tensor y = empty_like(x), mean = empty({rows}, statistics_dtype(x.dtype()), x.device()), rstd = empty_like(mean);
  Tensor w = weight.defined() ? contiguous(weight) : weight, c = bias.defined() ? contiguous(bias) : bias;
  if (y.numel())
    launch(op, x.device(),
           [x = x.view(), w = optional_view(w), c = optional_view(c), y = y.view(), m = mean.view(), r = rstd.view(), eps,
            rms](Backend& b) { b.layer_norm_forward(x, w, c, y, m, r, eps, rms); });
  if (wants_grad(x, w, c))
    record(op, {x, w, c}, {y}, [x = saved(x), w = saved(w), mean, rstd, op, eps, rms, group](const Backward& b) -> Tensors {
      Tensor tx = b.unpack(x), tw = b.unpack(w), dy = contiguous(b.dy(0));
      if (b.create_graph()) return norm_gradient_composed(b.dy(0), tx, tw, b, eps, rms);
      Tensor dx = b.needs(0) ? empty_like(tx) : Tensor();
      Tensor dw = b.needs(1) ? zeros({tx.size(1)}, tx.dtype(), tx.device()) : Tensor();
      Tensor db = b.needs(2) ? zeros({tx.size(1)}, tx.dtype(), tx.device()) : Tensor();
      if (tx.numel())
        launch(op, tx.device(),
               [dy = dy.view(), x = tx.view(), w = optional_view(tw), m = mean.view(), r = rstd.view(), dx = optional_view(dx),
                dw = optional_view(dw), db = optional_view(db), rms,
                group](Backend& d) { d.layer_norm_backward(dy, x, w, m, r, dx, dw, db, rms, group); });
      return {dx, dw, db};
    });
  return y;
}

Tensor over_trailing(const char* op, const Tensor& x, const Dims& shape, const Tensor& weight, const Tensor& bias, double eps,
                     bool rms) {
  check_floating(op, "input", x);
  bool fits = shape.n >= 1 && shape.n <= x.ndim();
  for (int i = 1; fits && i <= shape.n; ++i) fits = x.size(-i) == shape[-i];
  if (!fits) fail<RuntimeError>(op, "normalized_shape ", shape, " must be the last sizes of the input ", x.shape());
  for (const Tensor* p : {&weight, &bias})
    if (p->defined() && !(p->shape() == shape))
      fail<RuntimeError>(op, "weight and bias must have shape ", shape, ", got ", p->shape());
  int64_t cols = numel(shape), rows = cols ? x.numel() / cols : 0;
  auto flat = [&](const Tensor& p) { return p.defined() ? reshape(to(p, x.dtype()), {cols}) : p; };
  int64_t positions = 1;  // of one sample
  for (int i = 1; i < x.ndim() - shape.n; ++i) positions *= x.size(i);
  Tensor y = norm_rows(op, contiguous(reshape(x, {rows, cols})), flat(weight), flat(bias), eps, rms, batch_group(positions));
  return reshape(y, x.shape());
}

/// (1, C, 1, ...) for broadcasting over (N, C, ...).
Tensor per_channel(const Tensor& t, int ndim) {
  Shape s = Dims::filled(ndim, 1);
  s.v[1] = t.numel();
  return reshape(t, s);
}

Tensors batch_norm_gradient_composed(const Tensor& dy, const Tensor& x, const Tensor& weight, const Tensor& mean0,
                                     const Tensor& rstd0, const Backward& b, double eps, bool training) {
  Dims dims{0};
  for (int i = 2; i < x.ndim(); ++i) dims.push_back(i);
  Tensor m, r;
  if (training) {
    m = mean(x, dims, true);
    Tensor xc = sub(x, m);
    r = apply("rsqrt", add(mean(mul(xc, xc), dims, true), eps));
  } else {
    m = per_channel(mean0, x.ndim());
    r = per_channel(rstd0, x.ndim());
  }
  Tensor xhat = mul(sub(x, m), r), g = weight.defined() ? mul(dy, per_channel(weight, x.ndim())) : dy;
  Tensor dx = mul(r, training ? sub(sub(g, mean(g, dims, true)), mul(xhat, mean(mul(g, xhat), dims, true))) : g);
  return {b.needs(0) ? dx : Tensor(), b.needs(1) ? sum(mul(dy, xhat), dims, false) : Tensor(),
          b.needs(2) ? sum(dy, dims, false) : Tensor()};
}

}  // namespace

Tensor layer_norm(const Tensor& x, const Dims& normalized_shape, const Tensor& weight, const Tensor& bias, double eps) {
  return over_trailing("layer_norm", x, normalized_shape, weight, bias, eps, false);
}

Tensor rms_norm(const Tensor& x, const Dims& normalized_shape, const Tensor& weight, std::optional<double> eps) {
  double e = eps                           ? *eps
             : x.dtype() == DType::Float64 ? std::numeric_limits<double>::epsilon()
                                           : double(std::numeric_limits<float>::epsilon());
  return over_trailing("rms_norm", x, normalized_shape, weight, Tensor(), e, true);
}

Tensor batch_norm(const Tensor& x0, const Tensor& weight0, const Tensor& bias0, const Tensor& running_mean,
                  const Tensor& running_var, bool training, double momentum, double eps) {
  const char* op = "batch_norm";
  check_floating(op, "input", x0);
  if (x0.ndim() == 1 && x0.numel() == 0) return mul(x0, 1.0);  // nothing to normalise
  if (x0.ndim() < 2) fail<RuntimeError>(op, "needs input (N, C, ...), got shape ", x0.shape());
  int64_t n = x0.size(0), c = x0.size(1), s = c && n ? x0.numel() / (n * c) : 0;
  for (const Tensor* p : {&weight0, &bias0, &running_mean, &running_var})
    if (p->defined() && p->numel() != c)
      fail<RuntimeError>(op, "per-channel tensors must have ", c, " elements, got shape ", p->shape());
  if (!training && (!running_mean.defined() || !running_var.defined()))
    fail<RuntimeError>(op, "needs running_mean and running_var outside of training");
  if (training && n * s == 1) fail(op, "needs more than 1 value per channel in training, got input ", x0.shape());
  Tensor x = contiguous(x0);
  DType st = statistics_dtype(x.dtype());
  auto flat = [&](const Tensor& p) { return p.defined() ? contiguous(to(p, x.dtype())) : p; };
  Tensor weight = flat(weight0), bias = flat(bias0);
  Shape three{n, c, s};
  auto as3 = [three](const Tensor& t) { return alias(t, three, contiguous_strides(three), t.impl()->offset).view(); };
  Tensor mean, var, rstd, y = empty_like(x);
  if (x.numel() == 0) return mul(x, 1.0);
  {
    GradGuard off(false);
    if (training) {
      mean = empty({c}, st, x.device());
      var = empty({c}, st, x.device());
      launch(op, x.device(), [x = as3(x), m = mean.view(), v = var.view()](Backend& b) { b.batch_norm_stats(x, m, v); });
      if (running_mean.defined()) {
        // running += momentum * (batch - running), the variance unbiased.
        double unbias = double(n * s) / double(n * s - 1);
        Tensor new_mean = add(mul(running_mean, 1 - momentum), mul(mean, momentum));
        Tensor new_var = add(mul(running_var, 1 - momentum), mul(var, momentum * unbias));
        copy_data(op, new_mean, running_mean);
        running_mean.written(op);
        copy_data(op, new_var, running_var);
        running_var.written(op);
      }
    } else {
      mean = contiguous(to(running_mean, st));
      var = contiguous(to(running_var, st));
    }
    rstd = apply("rsqrt", add(var, eps));
    if (!training && mean.is_same(running_mean)) mean = clone(mean);
  }
  launch(op, x.device(),
         [x = as3(x), m = mean.view(), r = rstd.view(), w = optional_view(weight), b = optional_view(bias),
          y = as3(y)](Backend& d) { d.batch_norm_apply(x, m, r, w, b, y); });
  if (wants_grad(x, weight, bias))
    record(op, {x, weight, bias}, {y},
           [x = saved(x), w = saved(weight), mean, rstd, as3, op, training, eps](const Backward& b) -> Tensors {
             Tensor tx = b.unpack(x), tw = b.unpack(w);
             if (b.create_graph()) return batch_norm_gradient_composed(b.dy(0), tx, tw, mean, rstd, b, eps, training);
             Tensor dy = contiguous(b.dy(0));
             Tensor dx = b.needs(0) ? empty_like(tx) : Tensor();
             Tensor dw = b.needs(1) ? empty({tx.size(1)}, tx.dtype(), tx.device()) : Tensor();
             Tensor db = b.needs(2) ? empty({tx.size(1)}, tx.dtype(), tx.device()) : Tensor();
             launch(op, tx.device(),
                    [dy = as3(dy), x = as3(tx), m = mean.view(), r = rstd.view(), w = optional_view(tw),
                     dx = dx.defined() ? as3(dx) : View(), dw = optional_view(dw), db = optional_view(db),
                     training](Backend& d) { d.batch_norm_backward(dy, x, m, r, w, dx, dw, db, training); });
             return {dx, dw, db};
           });
  return y;
}

Tensor group_norm(const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias, double eps) {
  const char* op = "group_norm";
  check_floating(op, "input", x);
  if (x.ndim() < 2 || groups < 1 || x.size(1) % groups)
    fail<RuntimeError>(op, "needs input (N, C, ...) with C a multiple of num_groups=", groups, ", got shape ", x.shape());
  int64_t rows = x.size(0) * groups;
  Tensor y = x.numel() == 0
                 ? mul(x, 1.0)
                 : reshape(norm_rows(op, contiguous(reshape(x, {rows, x.numel() / rows})), Tensor(), Tensor(), eps, false, 64),
                           x.shape());
  for (const Tensor* p : {&weight, &bias})
    if (p->defined() && p->numel() != x.size(1))
      fail<RuntimeError>(op, "weight and bias must have ", x.size(1), " elements, got shape ", p->shape());
  if (weight.defined()) y = mul(y, per_channel(weight, x.ndim()));
  if (bias.defined()) y = add(y, per_channel(bias, x.ndim()));
  return y;
}

}  // namespace deepnet
