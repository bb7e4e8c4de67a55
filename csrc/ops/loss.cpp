#include "ops/loss.h"

#include "ops/copy.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/reduce.h"
#include "ops/softmax.h"
#include "ops/views.h"

namespace deepnet {

namespace {

void check_reduction(const char* op, const std::string& r) {
  if (r != "mean" && r != "sum" && r != "none") fail(op, "reduction must be 'mean', 'sum' or 'none', got '", r, "'");
}

/// The rows of every position's classes: (N, C, ...) to (positions, C).
Tensor class_rows(const Tensor& x) {
  if (x.ndim() == 1) return unsqueeze(x, 0);
  if (x.ndim() == 2) return x;
  return reshape(movedim(x, Dims{1}, Dims{-1}), {-1, x.size(1)});
}

void check_target(const char* op, const Tensor& input, const Tensor& target, const Tensor& weight) {
  check_floating(op, "input", input);
  if (input.ndim() < 1) fail<RuntimeError>(op, "input needs at least 1 dim, got shape ", input.shape());
  Shape expected = input.shape();
  expected.erase(input.ndim() == 1 ? 0 : 1);
  if (!(target.shape() == expected))
    fail(op, "target must have shape ", expected, " for input ", input.shape(), ", got ", target.shape());
  int64_t classes = input.ndim() == 1 ? input.size(0) : input.size(1);
  if (weight.defined() && (weight.ndim() != 1 || weight.size(0) != classes))
    fail<RuntimeError>(op, "weight must have shape (", classes, ",), got ", weight.shape());
}

/// Losses of rows (0 where ignored) and their weights, reduced.
Tensor reduce_rows(const Tensor& losses, const Tensor& weights, const std::string& reduction, const Shape& shape) {
  if (reduction == "none") return reshape(losses, shape);
  Tensor total = sum(losses, std::nullopt, false);
  return reduction == "sum" ? total : div(total, sum(weights, std::nullopt, false));
}

/// Loss of every row against its class, through one pass over the logits.
Tensor row_losses(const Tensor& logits0, const Tensor& target, int64_t ignore_index) {
  Tensor logits = contiguous(logits0);
  int64_t rows = logits.size(0);
  DType st = logits.dtype() == DType::Float64 ? DType::Float64 : DType::Float32;
  Tensor loss = empty({rows}, logits.dtype(), logits.device()), lse = empty({rows}, st, logits.device());
  if (rows)
    launch("cross_entropy", logits.device(),
           [x = logits.view(), t = target.view(), l = loss.view(), e = lse.view(), ignore_index](Backend& b) {
             b.cross_entropy_forward(x, t, l, e, ignore_index);
           });
  if (wants_grad(logits))
    record("cross_entropy", {logits}, {loss}, [x = saved(logits), target, lse, ignore_index](const Backward& b) -> Tensors {
      Tensor tx = b.unpack(x);
      if (b.create_graph()) {
        Tensor ignored = eq(target, number(ignore_index, DType::Int64, target.device()));
        Tensor safe = where(ignored, number(int64_t(0), DType::Int64, target.device()), target);
        Tensor hot = scatter(zeros(tx.shape(), tx.dtype(), tx.device()), 1, unsqueeze(safe, 1),
                             number(1.0, DType::Float64, tx.device()));
        Tensor dy = where(ignored, number(0.0, DType::Float64, tx.device()), b.dy(0));
        return {mul(sub(softmax(tx, 1), hot), unsqueeze(dy, 1))};
      }
      Tensor dx = empty_like(tx), dy = contiguous(b.dy(0));
      if (dx.numel())
        launch("cross_entropy", dx.device(),
               [x = tx.view(), t = target.view(), e = lse.view(), g = dy.view(), dx = dx.view(), ignore_index](Backend& d) {
                 d.cross_entropy_backward(x, t, e, g, dx, ignore_index);
               });
      return {dx};
    });
  return loss;
}

Tensor row_weights(const Tensor& weight, const Tensor& target, int64_t ignore_index, DType dtype) {
  GradGuard off(false);
  Tensor kept = ne(target, number(ignore_index, DType::Int64, target.device()));
  if (!weight.defined()) return to(kept, dtype);
  Tensor safe = where(kept, target, number(int64_t(0), DType::Int64, target.device()));
  return where(kept, to(index_select(detach(weight), 0, safe), dtype), number(0.0, DType::Float64, target.device()));
}

}  // namespace

Tensor cross_entropy(const Tensor& input, const Tensor& target, const Tensor& weight, const std::string& reduction,
                     int64_t ignore_index, double label_smoothing) {
  const char* op = "cross_entropy";
  check_reduction(op, reduction);
  if (label_smoothing < 0 || label_smoothing > 1) fail(op, "label_smoothing must be in [0, 1], got ", label_smoothing);
  if (is_floating(target.dtype())) {  // probabilities
    if (!(target.shape() == input.shape()))
      fail(op, "target probabilities must have input's shape ", input.shape(), ", got ", target.shape());
    Tensor rows = class_rows(input), p = class_rows(target);
    if (label_smoothing > 0) p = add(mul(p, 1 - label_smoothing), label_smoothing / double(rows.size(1)));
    Tensor weighted = mul(log_softmax(rows, 1), p);
    if (weight.defined()) weighted = mul(weighted, weight);
    Tensor losses = neg(sum(weighted, Dims{1}, false));
    Shape shape = input.shape();
    shape.erase(input.ndim() == 1 ? 0 : 1);
    if (reduction == "none") return reshape(losses, shape);
    Tensor total = sum(losses, std::nullopt, false);
    return reduction == "sum" ? total : mul(total, 1.0 / double(rows.size(0)));
  }
  check_target(op, input, target, weight);
  Tensor rows = class_rows(input), t = contiguous(reshape(to(detach(target), DType::Int64), {-1}));
  Tensor losses = row_losses(rows, t, ignore_index);
  if (!weight.defined() && label_smoothing == 0) {
    if (reduction == "none") return reshape(losses, target.shape());
    Tensor total = sum(losses, std::nullopt, false);
    if (reduction == "sum") return total;
    // Ignored rows do not count; the count is an integer sum, exact for any order.
    return div(total, to(sum(ne(t, number(ignore_index, DType::Int64, t.device())), std::nullopt, false), total.dtype()));
  }
  Tensor w = row_weights(weight, t, ignore_index, rows.dtype());
  losses = mul(losses, w);
  Tensor result = reduce_rows(losses, w, reduction, target.shape());
  if (label_smoothing == 0) return result;
  // Smoothing mixes in the mean over classes of the (weighted) negative log-probabilities.
  Tensor kept = ne(t, number(ignore_index, DType::Int64, t.device()));
  Tensor logp = log_softmax(rows, 1);
  Tensor smooth = neg(sum(weight.defined() ? mul(logp, weight) : logp, Dims{1}, false));
  smooth = where(kept, smooth, number(0.0, DType::Float64, t.device()));
  Tensor mixed = reduce_rows(smooth, w, reduction, target.shape());
  return add(mul(result, 1 - label_smoothing), mul(mixed, label_smoothing / double(rows.size(1))));
}

Tensor nll_loss(const Tensor& input, const Tensor& target, const Tensor& weight, const std::string& reduction,
                int64_t ignore_index) {
  const char* op = "nll_loss";
  check_reduction(op, reduction);
  check_index(op, "target", target);
  check_target(op, input, target, weight);
  Tensor rows = class_rows(input), t = contiguous(reshape(to(detach(target), DType::Int64), {-1}));
  Tensor kept = ne(t, number(ignore_index, DType::Int64, t.device()));
  Tensor safe = where(kept, t, number(int64_t(0), DType::Int64, t.device()));
  Tensor picked = squeeze(gather(rows, 1, unsqueeze(safe, 1)), Dims{1});
  Tensor w = row_weights(weight, t, ignore_index, rows.dtype());
  Tensor losses = neg(mul(picked, w));
  return reduce_rows(losses, w, reduction, target.shape());
}

}  // namespace deepnet
