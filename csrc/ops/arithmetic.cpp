#include "ops/arithmetic.h"

#include "ops/elementwise.h"

namespace deepnet {

namespace {

Tensor scaled(const char* op, const Tensor& b, Number alpha) {
  if (alpha.integral && alpha.i == 1) return b;
  if (!alpha.integral && !is_floating(b.dtype()) && !b.impl()->is_number)
    fail<RuntimeError>(op, "a floating alpha needs floating operands, got ", name(b.dtype()));
  return mul(b, number(alpha, alpha.integral ? DType::Int64 : DType::Float64, b.device()));
}

}  // namespace

void refuse_zero(const char* op, const Tensor& a, const Tensor& b) {
  if (is_floating(result_type(a, b))) return;
  if (b.impl()->is_number ? *b.as<int64_t>() == 0
                          : b.numel() && is_true(op, eq(b, number(int64_t(0), DType::Int64, b.device()))))
    fail<RuntimeError>(op, "integer division by zero");
}

Tensor add_scaled(const Tensor& a, const Tensor& b, Number alpha) { return add(a, scaled("add", b, alpha)); }

Tensor sub_scaled(const Tensor& a, const Tensor& b, Number alpha) {
  if (a.dtype() == DType::Bool && b.dtype() == DType::Bool)
    fail<RuntimeError>("sub", "bools cannot be subtracted; use logical_xor or ^");
  return sub(a, scaled("sub", b, alpha));
}

Tensor divide(const Tensor& a, const Tensor& b, const std::optional<std::string>& rounding) {
  if (!rounding) return div(a, b);
  if (*rounding == "floor") return floor_divide(a, b);
  if (*rounding != "trunc") fail("div", "rounding_mode must be None, 'floor' or 'trunc', got '", *rounding, "'");
  refuse_zero("div", a, b);
  // Sixteen bits round the quotient first, as PyTorch does: 2.998 is 3 there.
  if (itemsize(result_type(a, b)) == 2 && is_floating(result_type(a, b))) return apply("trunc", div(a, b));
  return apply("trunc_divide", a, b);
}

Tensor floor_divide(const Tensor& a, const Tensor& b) {
  refuse_zero("floor_divide", a, b);
  return apply("floor_divide", a, b);
}

Tensor remainder(const Tensor& a, const Tensor& b) {
  refuse_zero("remainder", a, b);
  return apply("remainder", a, b);
}

Tensor fmod(const Tensor& a, const Tensor& b) {
  refuse_zero("fmod", a, b);
  return apply("fmod", a, b);
}

Tensor pow(const Tensor& a, const Tensor& b) {
  DType t = result_type(a, b);
  if (!b.impl()->is_number) return apply("pow", a, b);
  double e = b.dtype() == DType::Float64 ? *b.as<double>() : double(*b.as<int64_t>());
  if (!is_floating(t)) {
    if (e < 0) fail<RuntimeError>("pow", "integers have no negative powers, got exponent ", e);
  } else if (is_floating(a.dtype())) {
    if (e == 2) return apply("square", a);
    if (e == 1) return mul(a, 1.0);
    if (e == 0.5) return apply("sqrt", a);
    if (e == 3 && !wants_grad(a)) return mul(mul(a, a), a);
  }
  return apply("pow", a, b);
}

}  // namespace deepnet
