#include "ops/random.h"

#include "ops/copy.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/reduce.h"
#include "ops/views.h"

namespace deepnet {

namespace {

const Ref<Generator>& chosen(const Ref<Generator>& g) { return g ? g : default_generator(); }

Tensor run_dropout(const Tensor& x0, const Tensor& state, double p) {
  Tensor x = contiguous(x0), y = empty_like(x);
  if (y.numel())
    launch("dropout", x.device(), [x = x.view(), s = state.view(), y = y.view(), p](Backend& b) { b.dropout(x, s, y, p); });
  if (wants_grad(x))
    record("dropout", {x}, {y}, [state, p](const Backward& b) -> Tensors { return {run_dropout(b.dy(0), state, p)}; });
  return y;
}

}  // namespace

void random_(const char* op, RandomOp kind, const Tensor& y, double a, double b, const Ref<Generator>& g) {
  check_inplace(op, y);
  check_distinct(op, y);
  if (y.numel() == 0) return;
  if (grad_enabled() && requires_grad(y)) {
    Tensor value = empty_like(y);
    random_(op, kind, value, a, b, g);
    assign(op, y, value, true);
    return;
  }
  Tensor target = y.contiguous() ? y : empty_like(y);
  // Integers are drawn in 64 bits and wrapped into narrower types.
  bool convert = kind == RandomOp::Integers ? y.dtype() != DType::Int64 : !is_floating(y.dtype());
  if (convert) target = empty(y.shape(), kind == RandomOp::Integers ? DType::Int64 : DType::Float32, y.device());
  Tensor state = chosen(g)->draw(target.numel(), target.dtype());
  launch(op, y.device(), [kind, s = state.view(), y = target.view(), a, b](Backend& d) { d.random(kind, s, y, a, b); });
  if (!target.is_same(y)) copy_data(op, target, y);
  y.written(op);
}

Tensor dropout(const Tensor& x, double p, bool training, const Ref<Generator>& g) {
  if (p < 0 || p > 1) fail("dropout", "p must be in [0, 1], got ", p);
  check_floating("dropout", "input", x);
  if (!training || p == 0) return x;
  if (p == 1) return mul(x, 0.0);
  return run_dropout(x, chosen(g)->draw(x.numel(), DType::Float32), p);
}

Tensor bernoulli(const Tensor& p, const Ref<Generator>& g) {
  check_floating("bernoulli", "input", p);
  GradGuard off(false);
  Tensor u = empty_like(p);
  random_("bernoulli", RandomOp::Uniform, u, 0, 1, g);
  return to(lt(u, detach(p)), p.dtype());
}

Tensor randperm(int64_t n, DType dtype, Device device, const Ref<Generator>& g) {
  if (n < 0) fail<RuntimeError>("randperm", "n must not be negative, got ", n);
  GradGuard off(false);
  // The order of n random 62-bit keys; equal keys keep their order.
  Tensor keys = empty({n}, DType::Int64, device);
  random_("randperm", RandomOp::Integers, keys, 0, 4611686018427387904.0, g);
  return to(sort(keys, 0, false).second, dtype);
}

Tensor multinomial(const Tensor& weights, int64_t samples, bool replacement, const Ref<Generator>& g) {
  const char* op = "multinomial";
  check_floating(op, "input", weights);
  if (weights.ndim() < 1 || weights.ndim() > 2)
    fail<RuntimeError>(op, "input must have 1 or 2 dims, got shape ", weights.shape());
  int64_t n = weights.size(-1);
  if (samples < 1 || (!replacement && samples > n))
    fail<RuntimeError>(op, "cannot draw ", samples, " of ", n, replacement ? "" : " without replacement");
  GradGuard off(false);
  Tensor w = weights.ndim() == 1 ? unsqueeze(detach(weights), 0) : detach(weights),
         zero = number(0.0, DType::Float64, weights.device());
  if (is_true(op, apply("logical_or", lt(w, zero), apply("logical_not", apply("isfinite", w)))))
    fail<RuntimeError>(op, "weights must be finite and not negative");
  Tensor picked;
  if (replacement) {
    Tensor cumulative = cumsum(to(w, DType::Float64), -1, std::nullopt);
    Tensor total = narrow(cumulative, -1, n - 1, 1);
    if (is_true(op, le(total, zero))) fail<RuntimeError>(op, "the weights of a row sum to zero");
    Tensor u = empty({w.size(0), samples}, DType::Float64, w.device());
    random_(op, RandomOp::Uniform, u, 0, 1, g);
    picked = searchsorted(contiguous(cumulative), mul(u, total), true);
    picked = apply("minimum", picked, number(n - 1, DType::Int64, w.device()));
  } else {
    // The largest of w / e with e exponential are a draw without replacement (Efraimidis & Spirakis 2006).
    Tensor e = empty(w.shape(), DType::Float64, w.device());
    random_(op, RandomOp::Exponential, e, 1, 0, g);
    picked = topk(div(to(w, DType::Float64), e), samples, -1, true).second;
  }
  return weights.ndim() == 1 ? squeeze(picked, Dims{0}) : picked;
}

}  // namespace deepnet
