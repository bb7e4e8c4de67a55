// The elementwise operators: names shared by every device. Their formulas stand in the other headers of this folder.
#pragma once

#include <cstdint>

namespace deepnet {

/// Arguments in the order of the functor's call. "int" marks those that also have an integer form (computed in int64).
enum class MapOp : uint8_t {
  // one argument
  Identity,  // int
  Neg,
  Abs,
  Sign,
  Square,  // int
  Sqrt,
  Rsqrt,
  Reciprocal,
  Exp,
  Exp2,
  Expm1,
  Log,
  Log2,
  Log10,
  Log1p,
  Sin,
  Cos,
  Tan,
  Asin,
  Acos,
  Atan,
  Sinh,
  Cosh,
  Tanh,
  Asinh,
  Acosh,
  Atanh,
  Erf,
  Erfc,
  Erfinv,
  Lgamma,
  Digamma,
  Floor,
  Ceil,
  Trunc,
  Round,  // Round: halves to even
  IsNan,
  IsInf,
  IsFinite,  // 1 or 0
  LogicalNot,
  BitwiseNot,  // int
  Sigmoid,
  LogSigmoid,
  Relu,
  Silu,
  Mish,
  Hardswish,
  Hardsigmoid,
  Gelu,
  GeluTanh,
  // two arguments
  Add,
  Sub,
  Mul,  // int
  Div,  // true division
  FloorDiv,
  TruncDiv,  // int; a zero integer divisor gives 0: the operator refuses it before
  Remainder,
  Fmod,  // int; Remainder has the divisor's sign, Fmod the dividend's
  Pow,   // int (negative exponents: 0, but 1 and -1 exact)
  Atan2,
  Hypot,
  Copysign,
  Nextafter,
  Xlogy,
  Logaddexp,
  Heaviside,
  Minimum,
  Maximum,  // int; NaN wins
  Fmin,
  Fmax,  // a number wins over NaN
  Eq,
  Ne,
  Lt,
  Le,
  Gt,
  Ge,  // int; 1 or 0
  BitwiseAnd,
  BitwiseOr,
  BitwiseXor,
  ShiftLeft,
  ShiftRight,
  Gcd,
  Lcm,  // int only
  LogicalAnd,
  LogicalOr,
  LogicalXor,  // int
  LeakyRelu,   // (x, slope)
  Celu,        // (x, alpha): max(0, x) + min(0, alpha * (exp(x / alpha) - 1))
  // three and four arguments
  Where,   // int; (condition, a, b)
  Clamp,   // int; (x, low, high): min(max(x, low), high), NaN stays
  Lerp,    // (a, b, w): a + w * (b - a) for |w| < 0.5, else b - (b - a) * (1 - w)
  MulAdd,  // int; (a, b, c): a * b + c, rounded twice
  Addcmul,
  Addcdiv,   // (a, b, c, v): a + v * b * c, a + v * b / c; Addcmul int
  Elu,       // (x, alpha, scale, input_scale)
  Softplus,  // (x, beta, threshold)
  // gradients: (dy, what the forward saved, parameters)
  ReluGrad,  // (dy, y): dy where y > 0
  TanhGrad,
  SigmoidGrad,  // (dy, y)
  GeluGrad,
  GeluTanhGrad,
  SiluGrad,
  MishGrad,
  HardswishGrad,
  HardsigmoidGrad,
  LogSigmoidGrad,  // (dy, x)
  LeakyReluGrad,   // (dy, x, slope)
  EluGrad,         // (dy, x, alpha, scale, input_scale)
  SoftplusGrad,    // (dy, x, beta, threshold)
  Count
};

}  // namespace deepnet
