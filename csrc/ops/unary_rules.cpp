// The unary elementwise operators and their gradients.
#include <cmath>

#include "ops/elementwise.h"
#include "ops/gamma.h"

namespace deepnet {

namespace {

using T = const Tensor&;

Tensor zero(T dy, T, T) { return zeros_like(dy); }
Tensor one_minus(T x) { return add(neg(x), 1.0); }
Tensor one_plus(T x) { return add(x, 1.0); }
Tensor sq(T x) { return mul(x, x); }
Tensor constant_over(T dy, double c, T x) { return div(mul(dy, c), x); }

}  // namespace

const UnaryRule unary_rules[] = {
    {"neg", MapOp::Neg, Result::Same, false, false, [](T dy, T, T) { return neg(dy); }},
    {"abs", MapOp::Abs, Result::Same, true, false, [](T dy, T x, T) { return mul(dy, apply("sign", x)); }},
    {"sign", MapOp::Sign, Result::Same, false, false, zero},
    {"square", MapOp::Square, Result::Same, true, false, [](T dy, T x, T) { return mul(dy, mul(x, 2.0)); }},
    {"sqrt", MapOp::Sqrt, Result::Floating, false, true, [](T dy, T, T y) { return div(dy, mul(y, 2.0)); }},
    {"rsqrt", MapOp::Rsqrt, Result::Floating, false, true, [](T dy, T, T y) { return mul(mul(dy, -0.5), mul(sq(y), y)); }},
    {"reciprocal", MapOp::Reciprocal, Result::Floating, false, true, [](T dy, T, T y) { return neg(mul(dy, sq(y))); }},
    {"exp", MapOp::Exp, Result::Floating, false, true, [](T dy, T, T y) { return mul(dy, y); }, MapOp::Mul},
    {"exp2", MapOp::Exp2, Result::Floating, false, true, [](T dy, T, T y) { return mul(mul(dy, y), M_LN2); }},
    {"expm1", MapOp::Expm1, Result::Floating, false, true, [](T dy, T, T y) { return mul(dy, one_plus(y)); }},
    {"log", MapOp::Log, Result::Floating, true, false, [](T dy, T x, T) { return div(dy, x); }},
    {"log2", MapOp::Log2, Result::Floating, true, false, [](T dy, T x, T) { return constant_over(dy, M_LOG2E, x); }},
    {"log10", MapOp::Log10, Result::Floating, true, false, [](T dy, T x, T) { return constant_over(dy, M_LOG10E, x); }},
    {"log1p", MapOp::Log1p, Result::Floating, true, false, [](T dy, T x, T) { return div(dy, one_plus(x)); }},
    {"sin", MapOp::Sin, Result::Floating, true, false, [](T dy, T x, T) { return mul(dy, apply("cos", x)); }},
    {"cos", MapOp::Cos, Result::Floating, true, false, [](T dy, T x, T) { return neg(mul(dy, apply("sin", x))); }},
    {"tan", MapOp::Tan, Result::Floating, false, true, [](T dy, T, T y) { return mul(dy, one_plus(sq(y))); }},
    {"asin", MapOp::Asin, Result::Floating, true, false, [](T dy, T x, T) { return mul(dy, apply("rsqrt", one_minus(sq(x)))); }},
    {"acos", MapOp::Acos, Result::Floating, true, false, [](T dy, T x, T) { return neg(mul(dy, apply("rsqrt", one_minus(sq(x))))); }},
    {"atan", MapOp::Atan, Result::Floating, true, false, [](T dy, T x, T) { return div(dy, one_plus(sq(x))); }},
    {"sinh", MapOp::Sinh, Result::Floating, true, false, [](T dy, T x, T) { return mul(dy, apply("cosh", x)); }},
    {"cosh", MapOp::Cosh, Result::Floating, true, false, [](T dy, T x, T) { return mul(dy, apply("sinh", x)); }},
    {"tanh", MapOp::Tanh, Result::Floating, false, true, [](T dy, T, T y) { return mul(dy, one_minus(sq(y))); }, MapOp::TanhGrad},
    {"asinh", MapOp::Asinh, Result::Floating, true, false, [](T dy, T x, T) { return mul(dy, apply("rsqrt", one_plus(sq(x)))); }},
    {"acosh", MapOp::Acosh, Result::Floating, true, false, [](T dy, T x, T) { return mul(dy, apply("rsqrt", add(sq(x), -1.0))); }},
    {"atanh", MapOp::Atanh, Result::Floating, true, false, [](T dy, T x, T) { return div(dy, one_minus(sq(x))); }},
    {"erf", MapOp::Erf, Result::Floating, true, false,
     [](T dy, T x, T) { return mul(mul(dy, M_2_SQRTPI), apply("exp", neg(sq(x)))); }},
    {"erfc", MapOp::Erfc, Result::Floating, true, false,
     [](T dy, T x, T) { return mul(mul(dy, -M_2_SQRTPI), apply("exp", neg(sq(x)))); }},
    {"erfinv", MapOp::Erfinv, Result::Floating, false, true,
     [](T dy, T, T y) { return mul(mul(dy, 1.0 / M_2_SQRTPI), apply("exp", sq(y))); }},
    {"lgamma", MapOp::Lgamma, Result::Floating, true, false, [](T dy, T x, T) { return mul(dy, apply("digamma", x)); }},
    {"digamma", MapOp::Digamma, Result::Floating, true, false, [](T dy, T x, T) { return mul(dy, polygamma(x, 1)); }},
    {"floor", MapOp::Floor, Result::Same, false, false, zero},
    {"ceil", MapOp::Ceil, Result::Same, false, false, zero},
    {"trunc", MapOp::Trunc, Result::Same, false, false, zero},
    {"round", MapOp::Round, Result::Same, false, false, zero},
    {"isnan", MapOp::IsNan, Result::Predicate, false, false, nullptr},
    {"isinf", MapOp::IsInf, Result::Predicate, false, false, nullptr},
    {"isfinite", MapOp::IsFinite, Result::Predicate, false, false, nullptr},
    {"logical_not", MapOp::LogicalNot, Result::Predicate, false, false, nullptr},
    {"sigmoid", MapOp::Sigmoid, Result::Floating, false, true, [](T dy, T, T y) { return mul(dy, mul(y, one_minus(y))); },
     MapOp::SigmoidGrad},
    {"logsigmoid", MapOp::LogSigmoid, Result::Floating, true, false,
     [](T dy, T x, T) { return mul(dy, apply("sigmoid", neg(x))); }, MapOp::LogSigmoidGrad},
    {"relu", MapOp::Relu, Result::Same, false, true,
     [](T dy, T, T y) { return where(gt(y, number(0.0, DType::Float64, y.device())), dy, number(0.0, DType::Float64, y.device())); },
     MapOp::ReluGrad},
    {"silu", MapOp::Silu, Result::Floating, true, false,
     [](T dy, T x, T) {
       Tensor s = apply("sigmoid", x);
       return mul(dy, mul(s, one_plus(mul(x, one_minus(s)))));
     },
     MapOp::SiluGrad},
    {"mish", MapOp::Mish, Result::Floating, true, false,
     [](T dy, T x, T) {
       Tensor t = apply("tanh", neg(apply("logsigmoid", neg(x)))), s = apply("sigmoid", x);
       return mul(dy, add(t, mul(mul(x, s), one_minus(sq(t)))));
     },
     MapOp::MishGrad},
    {"hardswish", MapOp::Hardswish, Result::Floating, true, false,
     [](T dy, T x, T) {
       Tensor lo = number(-3.0, DType::Float64, x.device()), hi = number(3.0, DType::Float64, x.device());
       Tensor zero = number(0.0, DType::Float64, x.device());
       return where(le(x, lo), zero, where(ge(x, hi), dy, mul(dy, add(mul(x, 1.0 / 3), 0.5))));
     },
     MapOp::HardswishGrad},
    {"hardsigmoid", MapOp::Hardsigmoid, Result::Floating, true, false,
     [](T dy, T x, T) {
       Tensor three = number(3.0, DType::Float64, x.device()), zero = number(0.0, DType::Float64, x.device());
       return where(lt(apply("abs", x), three), mul(dy, 1.0 / 6), zero);
     },
     MapOp::HardsigmoidGrad},
    {"gelu_erf", MapOp::Gelu, Result::Floating, true, false,
     [](T dy, T x, T) {
       Tensor cdf = mul(one_plus(apply("erf", mul(x, M_SQRT1_2))), 0.5);
       Tensor pdf = mul(apply("exp", mul(sq(x), -0.5)), 0.5 * M_2_SQRTPI * M_SQRT1_2);
       return mul(dy, add(cdf, mul(x, pdf)));
     },
     MapOp::GeluGrad},
    {"gelu_tanh", MapOp::GeluTanh, Result::Floating, true, false,
     [](T dy, T x, T) {
       constexpr double c = M_2_SQRTPI * M_SQRT1_2, a = 0.044715;
       Tensor t = apply("tanh", mul(add(x, mul(mul(sq(x), x), a)), c));
       Tensor inner = mul(add(mul(sq(x), 3 * a), 1.0), c);
       return mul(dy, add(mul(one_plus(t), 0.5), mul(mul(x, 0.5), mul(one_minus(sq(t)), inner))));
     },
     MapOp::GeluTanhGrad},
    {"bitwise_not", MapOp::BitwiseNot, Result::Same, false, false, nullptr},
};
const size_t unary_rule_count = sizeof(unary_rules) / sizeof(unary_rules[0]);

}  // namespace deepnet
