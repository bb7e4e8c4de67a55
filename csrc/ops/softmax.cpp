#include "ops/softmax.h"

#include "ops/copy.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/views.h"

namespace deepnet {

namespace {

View rows_of(const Tensor& x) {
  Shape s{x.numel() / std::max<int64_t>(x.size(-1), 1), x.size(-1)};
  return alias(x, s, contiguous_strides(s), x.impl()->offset).view();
}

Tensor last_axis(const Tensor& x, bool log) {
  const char* op = log ? "log_softmax" : "softmax";
  Tensor rows = contiguous(x), y = empty_like(rows);
  if (y.numel()) launch(op, x.device(), [x = rows_of(rows), y = rows_of(y), log](Backend& b) { b.softmax_forward(x, y, log); });
  if (wants_grad(rows))
    record(op, {rows}, {y}, [y = saved(y), log, op](const Backward& b) -> Tensors {
      Tensor p = b.unpack(y), dy = b.dy(0);
      if (b.create_graph()) {
        if (log) return {sub(dy, mul(apply("exp", p), sum(dy, Dims{-1}, true)))};
        return {mul(p, sub(dy, sum(mul(dy, p), Dims{-1}, true)))};
      }
      Tensor g = contiguous(dy), dx = empty_like(p);
      if (dx.numel())
        launch(op, dx.device(),
               [y = rows_of(p), dy = rows_of(g), dx = rows_of(dx), log](Backend& d) { d.softmax_backward(y, dy, dx, log); });
      return {dx};
    });
  return y;
}

Tensor along(const char* op, const Tensor& input, int64_t dim, std::optional<DType> dtype, bool log) {
  Tensor x = dtype ? to(input, *dtype) : input;
  check_floating(op, "input", x);
  int d = wrap_dim(op, dim, x.ndim());
  if (x.ndim() == 0) return reshape(last_axis(reshape(x, {1}), log), {});
  if (d == x.ndim() - 1) return last_axis(x, log);
  return transpose(last_axis(transpose(x, d, -1), log), d, -1);
}

}  // namespace

Tensor softmax(const Tensor& x, int64_t dim, std::optional<DType> dtype) { return along("softmax", x, dim, dtype, false); }
Tensor log_softmax(const Tensor& x, int64_t dim, std::optional<DType> dtype) {
  return along("log_softmax", x, dim, dtype, true);
}

}  // namespace deepnet
