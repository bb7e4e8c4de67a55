#include "ops/elementwise.h"

#include "bindings/op.h"
#include "bindings/types.h"
#include "ops/arithmetic.h"
#include "ops/copy.h"
#include "ops/gamma.h"
#include "ops/reduce.h"

namespace deepnet::python {

namespace {

Tensor unbox(const OptOperand& o) { return o.t; }

/// Python-number operands are weak; a rule takes them as they are.
void bind_rules(py::module_& m) {
  for (size_t i = 0; i < unary_rule_count; ++i) {
    const UnaryRule& r = unary_rules[i];
    op(m, r.name, [&r](const Tensor& x) { return unary(r, x); }, "input");
    if (r.result == Result::Predicate && r.op != MapOp::LogicalNot) continue;
    auto* name = new std::string(std::string(r.name) + "_");
    op(m, name->c_str(), [&r, name](const Tensor& x) { return unary_inplace(r, name->c_str(), x); }, "input");
  }
  for (size_t i = 0; i < binary_rule_count; ++i) {
    const BinaryRule& r = binary_rules[i];
    std::string plain = r.name;
    // Those with arguments of their own are bound below. A function takes numbers on both sides, a method's first is the
    // tensor; installing the function last leaves the module with it and the type with the method.
    bool special = plain == "add" || plain == "sub" || plain == "floor_divide" || plain == "remainder" || plain == "fmod" ||
                   plain == "pow";
    if (!special) {
      op(m, r.name, [&r](const Tensor& a, const Operand& b) { return binary(r, a, b.t); }, "input, other");
      op(m, r.name, [&r](const Operand& a, const Operand& b) { return binary(r, a.t, b.t); }, "input, other");
    }
    if (plain == "add" || plain == "sub" || r.result == Result::Predicate) continue;
    auto* name = new std::string(plain + "_");
    op(
        m, name->c_str(), [&r, name](const Tensor& a, const Operand& b) { return binary_inplace(r, name->c_str(), a, b.t); },
        "input, other");
  }
}

Tensor add_inplace(const Tensor& a, const Operand& b, Number alpha) {
  bool plain = alpha.integral && alpha.i == 1;
  return binary_inplace(binary_rule("add"), "add_", a,
                        plain ? b.t : mul(b.t, number(alpha, alpha.integral ? DType::Int64 : DType::Float64, b.t.device())));
}
Tensor sub_inplace(const Tensor& a, const Operand& b, Number alpha) {
  bool plain = alpha.integral && alpha.i == 1;
  return binary_inplace(binary_rule("sub"), "sub_", a,
                        plain ? b.t : mul(b.t, number(alpha, alpha.integral ? DType::Int64 : DType::Float64, b.t.device())));
}

template <class F>
Tensor replace(const char* name, const Tensor& x, F f) {
  Tensor old = old_value(name, x, is_floating(x.dtype()));
  assign(name, x, f(old.is_same(x) ? detach(x) : old));
  return x;
}

Tensor leaky(const Tensor& x, double slope) {
  Tensor s = number(slope, DType::Float64, x.device());
  Tensor y = run_map("leaky_relu", MapOp::LeakyRelu, x.dtype(), {x, s});
  if (wants_grad(x))
    record("leaky_relu", {x}, {y}, [x = saved(x), slope](const Backward& b) -> Tensors {
      Tensor t = b.unpack(x), s = number(slope, DType::Float64, t.device());
      if (!b.create_graph()) return {run_map("leaky_relu", MapOp::LeakyReluGrad, t.dtype(), {b.dy(0), t, s})};
      return {where(gt(t, number(0.0, DType::Float64, t.device())), b.dy(0), mul(b.dy(0), s))};
    });
  return y;
}

Tensor elu(const Tensor& x, double alpha, double scale, double input_scale) {
  auto num = [&](double v) { return number(v, DType::Float64, x.device()); };
  Tensor y = run_map("elu", MapOp::Elu, x.dtype(), {x, num(alpha), num(scale), num(input_scale)});
  if (wants_grad(x))
    record("elu", {x}, {y}, [x = saved(x), alpha, scale, input_scale](const Backward& b) -> Tensors {
      Tensor t = b.unpack(x);
      auto num = [&](double v) { return number(v, DType::Float64, t.device()); };
      if (!b.create_graph())
        return {run_map("elu", MapOp::EluGrad, t.dtype(), {b.dy(0), t, num(alpha), num(scale), num(input_scale)})};
      Tensor below = mul(apply("exp", mul(t, input_scale)), alpha * scale * input_scale);
      return {mul(b.dy(0), where(gt(t, num(0)), num(scale), below))};
    });
  return y;
}

Tensor softplus(const Tensor& x, double beta, double threshold) {
  auto num = [&](double v) { return number(v, DType::Float64, x.device()); };
  Tensor y = run_map("softplus", MapOp::Softplus, x.dtype(), {x, num(beta), num(threshold)});
  if (wants_grad(x))
    record("softplus", {x}, {y}, [x = saved(x), beta, threshold](const Backward& b) -> Tensors {
      Tensor t = b.unpack(x);
      auto num = [&](double v) { return number(v, DType::Float64, t.device()); };
      if (!b.create_graph())
        return {run_map("softplus", MapOp::SoftplusGrad, t.dtype(), {b.dy(0), t, num(beta), num(threshold)})};
      Tensor z = mul(t, beta);
      return {where(gt(z, num(threshold)), b.dy(0), mul(b.dy(0), apply("sigmoid", z)))};
    });
  return y;
}

Tensor celu(const Tensor& x, double alpha) {
  if (alpha == 0) fail("celu", "alpha must not be 0");
  return elu(x, alpha, 1, 1 / alpha);
}

Tensor gelu(const Tensor& x, const std::string& approximate) {
  static const UnaryRule &exact = unary_rule("gelu_erf"), &tanh = unary_rule("gelu_tanh");
  check_floating("gelu", "input", x);
  if (approximate == "none") return unary(exact, x);
  if (approximate == "tanh") return unary(tanh, x);
  fail("gelu", "approximate must be 'none' or 'tanh', got '", approximate, "'");
}

Tensor clamp_checked(const Tensor& x, const OptOperand& low, const OptOperand& high) {
  return clamp(x, unbox(low), unbox(high));
}

Tensor real_function(const char* name, const Tensor& x) {
  check_floating(name, "input", x);
  return x;
}

}  // namespace

void bind_elementwise(py::module_& m) {
  bind_rules(m);
  op(
      m, "add", [](const Tensor& a, const Operand& b, Number alpha) { return add_scaled(a, b.t, alpha); },
      "input, other, *, alpha=1");
  op(
      m, "sub", [](const Tensor& a, const Operand& b, Number alpha) { return sub_scaled(a, b.t, alpha); },
      "input, other, *, alpha=1");
  op(
      m, "rsub", [](const Tensor& a, const Operand& b, Number alpha) { return sub_scaled(b.t, a, alpha); },
      "input, other, *, alpha=1");
  op(m, "add_", add_inplace, "input, other, *, alpha=1");
  op(m, "sub_", sub_inplace, "input, other, *, alpha=1");
  op(
      m, "div", [](const Tensor& a, const Operand& b, const std::optional<std::string>& mode) { return divide(a, b.t, mode); },
      "input, other, *, rounding_mode=None");
  op(
      m, "div_",
      [](const Tensor& a, const Operand& b, const std::optional<std::string>& mode) {
        if (!mode) return binary_inplace(binary_rule("true_divide"), "div_", a, b.t);
        return replace("div_", a, [&](const Tensor& x) { return divide(x, b.t, mode); });
      },
      "input, other, *, rounding_mode=None");
  op(m, "floor_divide", [](const Tensor& a, const Operand& b) { return floor_divide(a, b.t); }, "input, other");
  // Either side may be a number, so the module's function is bound last and the methods before.
  op(m, "remainder", [](const Tensor& a, const Operand& b) { return remainder(a, b.t); }, "input, other");
  op(m, "remainder", [](const Operand& a, const Operand& b) { return remainder(a.t, b.t); }, "input, other");
  op(m, "fmod", [](const Tensor& a, const Operand& b) { return fmod(a, b.t); }, "input, other");
  op(m, "pow", [](const Tensor& a, const Operand& b) { return pow(a, b.t); }, "input, exponent");
  op(m, "pow", [](const Operand& a, const Operand& b) { return pow(a.t, b.t); }, "input, exponent");
  op(
      m, "pow_",
      [](const Tensor& a, const Operand& b) { return replace("pow_", a, [&](const Tensor& x) { return pow(x, b.t); }); },
      "input, exponent");
  op(
      m, "where", [](const Tensor& c, const Operand& a, const Operand& b) { return where(c, a.t, b.t); },
      "condition, input, other");
  op(
      m, "masked_fill", [](const Tensor& x, const Tensor& mask, const Operand& value) { return masked_fill(x, mask, value.t); },
      "input, mask, value");
  op(
      m, "masked_fill_",
      [](const Tensor& x, const Tensor& mask, const Operand& value) {
        return replace("masked_fill_", x, [&](const Tensor& t) { return masked_fill(t, mask, value.t); });
      },
      "input, mask, value");
  op(m, "clamp", clamp_checked, "input, min=None, max=None");
  op(
      m, "clamp_",
      [](const Tensor& x, const OptOperand& low, const OptOperand& high) {
        Tensor old = old_value("clamp_", x, wants_grad(low.t, high.t));
        if (old.is_same(x) && low.t.defined() && high.t.defined() && low.t.ndim() == 0 && high.t.ndim() == 0 &&
            is_floating(x.dtype()) && may_write(x, x.shape(), x.dtype(), {&low.t, &high.t})) {
          run_map("clamp_", MapOp::Clamp, x.dtype(), {detach(x), low.t, high.t}, &x);
          x.written("clamp_");
          return x;
        }
        assign("clamp_", x, clamp(old.is_same(x) ? detach(x) : old, low.t, high.t));
        return x;
      },
      "input, min=None, max=None");
  op(m, "lerp", [](const Tensor& a, const Tensor& b, const Operand& w) { return lerp(a, b, w.t); }, "input, end, weight");
  op(
      m, "lerp_",
      [](const Tensor& a, const Tensor& b, const Operand& w) {
        bool fits = broadcast_shapes("lerp_", broadcast_shapes("lerp_", a.shape(), b.shape()), w.t.shape()) == a.shape() &&
                    a.dtype() == b.dtype() && is_floating(a.dtype()) && may_write(a, a.shape(), a.dtype(), {&b, &w.t});
        if (fits && !wants_grad(a, b, w.t)) {
          check_inplace("lerp_", a);
          check_distinct("lerp_", a);
          run_map("lerp_", MapOp::Lerp, a.dtype(), {detach(a), b, w.t}, &a);
          a.written("lerp_");
          return a;
        }
        return replace("lerp_", a, [&](const Tensor& x) { return lerp(x, b, w.t); });
      },
      "input, end, weight");
  op(
      m, "addcmul", [](const Tensor& x, const Tensor& a, const Tensor& b, const Operand& v) { return addcmul(x, a, b, v.t); },
      "input, tensor1, tensor2, *, value=1");
  op(
      m, "addcdiv", [](const Tensor& x, const Tensor& a, const Tensor& b, const Operand& v) { return addcdiv(x, a, b, v.t); },
      "input, tensor1, tensor2, *, value=1");
  op(
      m, "addcmul_",
      [](const Tensor& x, const Tensor& a, const Tensor& b, const Operand& v) {
        return replace("addcmul_", x, [&](const Tensor& t) { return addcmul(t, a, b, v.t); });
      },
      "input, tensor1, tensor2, *, value=1");
  op(
      m, "addcdiv_",
      [](const Tensor& x, const Tensor& a, const Tensor& b, const Operand& v) {
        return replace("addcdiv_", x, [&](const Tensor& t) { return addcdiv(t, a, b, v.t); });
      },
      "input, tensor1, tensor2, *, value=1");
  op(
      m, "leaky_relu", [](const Tensor& x, double slope) { return leaky(real_function("leaky_relu", x), slope); },
      "input, negative_slope=0.01");
  op(
      m, "elu",
      [](const Tensor& x, double alpha, double scale, double input_scale) {
        return elu(real_function("elu", x), alpha, scale, input_scale);
      },
      "input, alpha=1.0, scale=1.0, input_scale=1.0");
  op(m, "celu", [](const Tensor& x, double alpha) { return celu(real_function("celu", x), alpha); }, "input, alpha=1.0");
  op(
      m, "selu", [](const Tensor& x) { return elu(real_function("selu", x), 1.6732632423543772848, 1.0507009873554804934, 1); },
      "input");
  op(
      m, "softplus",
      [](const Tensor& x, double beta, double threshold) { return softplus(real_function("softplus", x), beta, threshold); },
      "input, beta=1.0, threshold=20.0");
  op(m, "polygamma_plain", polygamma, "input, n");
  op(m, "gelu", gelu, "input, *, approximate='none'");
  op(
      m, "copy_",
      [](const Tensor& x, const Operand& src, bool) {
        copy_(x, src.t);
        return x;
      },
      "input, src, non_blocking=False");
  op(
      m, "fill_",
      [](const Tensor& x, const Operand& v) {
        if (v.t.ndim() != 0) fail<RuntimeError>("fill_", "value must be a number or a 0-d tensor, got shape ", v.t.shape());
        if (v.t.impl()->is_number)
          fill_(x, item("fill_", v.t));
        else
          copy_(x, v.t);
        return x;
      },
      "input, value");
  op(
      m, "zero_",
      [](const Tensor& x) {
        fill_(x, Number{true, 0, 0});
        return x;
      },
      "input");
}

}  // namespace deepnet::python
