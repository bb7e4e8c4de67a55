// The binary elementwise operators and their gradients.
#include <cmath>

#include "ops/elementwise.h"

namespace deepnet {

namespace {

using T = const Tensor&;

Tensor dy_itself(T dy, T, T, T) { return dy; }
Tensor dy_negated(T dy, T, T, T) { return neg(dy); }
Tensor zero(T dy, T, T, T) { return zeros_like(dy); }
Tensor num(double v, T like) { return number(v, DType::Float64, like.device()); }
Tensor sq(T x) { return mul(x, x); }

/// Half to each where they tie.
Tensor share(T dy, T wins, T ties) { return where(wins, dy, where(ties, mul(dy, 0.5), num(0, dy))); }

Tensor pow_base(T dy, T a, T b, T) {
  // b * a^(b-1), and 0 where b is 0 even at a = 0.
  Tensor p = mul(b, apply("pow", a, add(b, -1.0)));
  return mul(dy, where(eq(b, num(0, dy)), num(0, dy), p));
}
Tensor pow_exponent(T dy, T a, T b, T y) {
  Tensor zero_base = apply("logical_and", eq(a, num(0, dy)), ge(b, num(0, dy)));
  return mul(dy, where(zero_base, num(0, dy), mul(y, apply("log", a))));
}

}  // namespace

const BinaryRule binary_rules[] = {
    {"add", MapOp::Add, Result::Same, false, false, false, dy_itself, dy_itself},
    {"sub", MapOp::Sub, Result::Same, false, false, false, dy_itself, dy_negated},
    {"mul", MapOp::Mul, Result::Same, true, true, false, [](T dy, T, T b, T) { return mul(dy, b); },
     [](T dy, T a, T, T) { return mul(dy, a); }},
    {"true_divide", MapOp::Div, Result::Floating, false, true, true, [](T dy, T, T b, T) { return div(dy, b); },
     [](T dy, T, T b, T y) { return neg(div(mul(dy, y), b)); }},
    {"floor_divide", MapOp::FloorDiv, Result::Same, false, false, false, zero, zero},
    {"trunc_divide", MapOp::TruncDiv, Result::Same, false, false, false, zero, zero},
    {"remainder", MapOp::Remainder, Result::Same, true, true, false, dy_itself,
     [](T dy, T a, T b, T) { return neg(mul(dy, apply("floor_divide", a, b))); }},
    {"fmod", MapOp::Fmod, Result::Same, true, true, false, dy_itself,
     [](T dy, T a, T b, T) { return neg(mul(dy, apply("trunc", div(a, b)))); }},
    {"pow", MapOp::Pow, Result::Same, true, true, true, pow_base, pow_exponent},
    {"atan2", MapOp::Atan2, Result::Floating, true, true, false,
     [](T dy, T a, T b, T) { return mul(dy, div(b, add(sq(a), sq(b)))); },
     [](T dy, T a, T b, T) { return neg(mul(dy, div(a, add(sq(a), sq(b))))); }},
    {"hypot", MapOp::Hypot, Result::Same, true, true, true, [](T dy, T a, T, T y) { return mul(dy, div(a, y)); },
     [](T dy, T, T b, T y) { return mul(dy, div(b, y)); }},
    {"copysign", MapOp::Copysign, Result::Floating, true, false, true,
     [](T dy, T a, T, T y) { return mul(dy, mul(apply("sign", a), apply("sign", y))); }, zero},
    {"nextafter", MapOp::Nextafter, Result::Same, true, true, false,
     [](T dy, T a, T b, T) { return where(ne(a, b), dy, num(0, dy)); }, zero},
    {"xlogy", MapOp::Xlogy, Result::Floating, true, true, false,
     [](T dy, T a, T b, T) {
       return where(apply("logical_and", eq(a, num(0, dy)), le(b, num(0, dy))), num(0, dy), mul(dy, apply("log", b)));
     },
     [](T dy, T a, T b, T) { return mul(dy, div(a, b)); }},
    {"logaddexp", MapOp::Logaddexp, Result::Floating, true, true, true,
     [](T dy, T a, T, T y) { return mul(dy, apply("exp", sub(a, y))); },
     [](T dy, T, T b, T y) { return mul(dy, apply("exp", sub(b, y))); }},
    {"heaviside", MapOp::Heaviside, Result::Same, true, false, false, zero,
     [](T dy, T a, T, T) { return where(eq(a, num(0, dy)), dy, num(0, dy)); }},
    {"minimum", MapOp::Minimum, Result::Same, true, true, false,
     [](T dy, T a, T b, T) { return share(dy, lt(a, b), eq(a, b)); },
     [](T dy, T a, T b, T) { return share(dy, lt(b, a), eq(a, b)); }},
    {"maximum", MapOp::Maximum, Result::Same, true, true, false,
     [](T dy, T a, T b, T) { return share(dy, gt(a, b), eq(a, b)); },
     [](T dy, T a, T b, T) { return share(dy, gt(b, a), eq(a, b)); }},
    {"fmin", MapOp::Fmin, Result::Same, true, true, false,
     [](T dy, T a, T b, T) { return where(apply("logical_or", le(a, b), apply("isnan", b)), dy, num(0, dy)); },
     [](T dy, T a, T b, T) { return where(apply("logical_or", le(a, b), apply("isnan", b)), num(0, dy), dy); }},
    {"fmax", MapOp::Fmax, Result::Same, true, true, false,
     [](T dy, T a, T b, T) { return where(apply("logical_or", ge(a, b), apply("isnan", b)), dy, num(0, dy)); },
     [](T dy, T a, T b, T) { return where(apply("logical_or", ge(a, b), apply("isnan", b)), num(0, dy), dy); }},
    {"eq", MapOp::Eq, Result::Predicate, false, false, false, nullptr, nullptr},
    {"ne", MapOp::Ne, Result::Predicate, false, false, false, nullptr, nullptr},
    {"lt", MapOp::Lt, Result::Predicate, false, false, false, nullptr, nullptr},
    {"le", MapOp::Le, Result::Predicate, false, false, false, nullptr, nullptr},
    {"gt", MapOp::Gt, Result::Predicate, false, false, false, nullptr, nullptr},
    {"ge", MapOp::Ge, Result::Predicate, false, false, false, nullptr, nullptr},
    {"logical_and", MapOp::LogicalAnd, Result::Predicate, false, false, false, nullptr, nullptr},
    {"logical_or", MapOp::LogicalOr, Result::Predicate, false, false, false, nullptr, nullptr},
    {"logical_xor", MapOp::LogicalXor, Result::Predicate, false, false, false, nullptr, nullptr},
    {"bitwise_and", MapOp::BitwiseAnd, Result::Same, false, false, false, nullptr, nullptr, true},
    {"bitwise_or", MapOp::BitwiseOr, Result::Same, false, false, false, nullptr, nullptr, true},
    {"bitwise_xor", MapOp::BitwiseXor, Result::Same, false, false, false, nullptr, nullptr, true},
    {"bitwise_left_shift", MapOp::ShiftLeft, Result::Same, false, false, false, nullptr, nullptr, true},
    {"bitwise_right_shift", MapOp::ShiftRight, Result::Same, false, false, false, nullptr, nullptr, true},
    {"gcd", MapOp::Gcd, Result::Same, false, false, false, nullptr, nullptr, true},
    {"lcm", MapOp::Lcm, Result::Same, false, false, false, nullptr, nullptr, true},
};
const size_t binary_rule_count = sizeof(binary_rules) / sizeof(binary_rules[0]);

}  // namespace deepnet
