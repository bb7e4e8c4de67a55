"""Functions of one argument."""

from deepnet.documentation._text import unary

TABLE = {
    "abs": unary(
        "Return the size of each element.",
        "deepnet.abs(deepnet.tensor([-1.5, 2.0]))",
        "tensor([1.5000, 2.0000])",
    ),
    "acos": unary(
        "Return the angle in [0, pi] that has each element as its cosine.",
        "deepnet.acos(deepnet.tensor([1.0, 0.0]))",
        "tensor([0.0000, 1.5708])",
    ),
    "acosh": unary(
        "Return the non-negative inverse of cosh.",
        "deepnet.acosh(deepnet.tensor([1.0, 2.0]))",
        "tensor([0.0000, 1.3170])",
    ),
    "asin": unary(
        "Return the angle in [-pi/2, pi/2] that has each element as its sine.",
        "deepnet.asin(deepnet.tensor([0.0, 1.0]))",
        "tensor([0.0000, 1.5708])",
    ),
    "asinh": unary(
        "Return the inverse of sinh.",
        "deepnet.asinh(deepnet.tensor([0.0, 2.0]))",
        "tensor([0.0000, 1.4436])",
    ),
    "atan": unary(
        "Return the angle in (-pi/2, pi/2) that has each element as its tangent.",
        "deepnet.atan(deepnet.tensor([0.0, 1.0]))",
        "tensor([0.0000, 0.7854])",
    ),
    "atanh": unary(
        "Return the inverse of tanh.",
        "deepnet.atanh(deepnet.tensor([0.0, 0.5]))",
        "tensor([0.0000, 0.5493])",
    ),
    "bitwise_not": unary(
        "Flip every bit of integers; negate bools.",
        "deepnet.bitwise_not(deepnet.tensor([0, 5]))",
        "tensor([-1, -6])",
    ),
    "ceil": unary(
        "Return the smallest whole number not below each element.",
        "deepnet.ceil(deepnet.tensor([-0.5, 1.2]))",
        "tensor([-0.,  2.])",
    ),
    "cos": unary(
        "Return the cosine of each element, an angle in radians.",
        "deepnet.cos(deepnet.tensor([0.0, 1.0]))",
        "tensor([1.0000, 0.5403])",
    ),
    "cosh": unary(
        "Return the hyperbolic cosine of each element.",
        "deepnet.cosh(deepnet.tensor([0.0, 1.0]))",
        "tensor([1.0000, 1.5431])",
    ),
    "digamma": unary(
        "Return the derivative of lgamma at each element.",
        "deepnet.digamma(deepnet.tensor([1.0, 2.0]))",
        "tensor([-0.5772,  0.4228])",
    ),
    "erf": unary(
        "Return the error function, 2 / sqrt(pi) times the integral of exp(-t**2) from 0 to each element.",
        "deepnet.erf(deepnet.tensor([0.0, 1.0]))",
        "tensor([0.0000, 0.8427])",
    ),
    "erfc": unary(
        "Return 1 - erf, without cancellation where erf is near 1.",
        "deepnet.erfc(deepnet.tensor([0.0, 3.0]))",
        "tensor([1.0000e+00, 2.2090e-05])",
    ),
    "erfinv": unary(
        "Return the inverse of erf; inf at 1 and -inf at -1.",
        "deepnet.erfinv(deepnet.tensor([0.0, 0.5]))",
        "tensor([0.0000, 0.4769])",
    ),
    "exp": unary(
        "Return e to the power of each element.",
        "deepnet.exp(deepnet.tensor([0.0, 1.0]))",
        "tensor([1.0000, 2.7183])",
    ),
    "exp2": unary(
        "Return 2 to the power of each element.",
        "deepnet.exp2(deepnet.tensor([0.0, 3.0]))",
        "tensor([1., 8.])",
    ),
    "expm1": unary(
        "Return exp(x) - 1, exact for small x.",
        "deepnet.expm1(deepnet.tensor([0.0, 1.0]))",
        "tensor([0.0000, 1.7183])",
    ),
    "floor": unary(
        "Return the largest whole number not above each element.",
        "deepnet.floor(deepnet.tensor([-0.5, 1.2]))",
        "tensor([-1.,  1.])",
    ),
    "isfinite": unary(
        "Return whether each element is neither infinite nor NaN.",
        "deepnet.isfinite(deepnet.tensor([1.0, deepnet.inf, deepnet.nan]))",
        "tensor([ True, False, False])",
    ),
    "isinf": unary(
        "Return whether each element is infinite.",
        "deepnet.isinf(deepnet.tensor([1.0, deepnet.inf, deepnet.nan]))",
        "tensor([False,  True, False])",
    ),
    "isnan": unary(
        "Return whether each element is NaN.",
        "deepnet.isnan(deepnet.tensor([1.0, deepnet.inf, deepnet.nan]))",
        "tensor([False, False,  True])",
    ),
    "lgamma": unary(
        "Return the logarithm of the size of the gamma function.",
        "deepnet.lgamma(deepnet.tensor([1.0, 5.0]))",
        "tensor([0.0000, 3.1781])",
    ),
    "log": unary(
        "Return the natural logarithm of each element; NaN below 0.",
        "deepnet.log(deepnet.tensor([1.0, 10.0]))",
        "tensor([0.0000, 2.3026])",
    ),
    "log10": unary(
        "Return the logarithm to base 10 of each element.",
        "deepnet.log10(deepnet.tensor([1.0, 100.0]))",
        "tensor([0., 2.])",
    ),
    "log1p": unary(
        "Return log(1 + x), exact for small x.",
        "deepnet.log1p(deepnet.tensor([0.0, 1.0]))",
        "tensor([0.0000, 0.6931])",
    ),
    "log2": unary(
        "Return the logarithm to base 2 of each element.",
        "deepnet.log2(deepnet.tensor([1.0, 8.0]))",
        "tensor([0., 3.])",
    ),
    "logical_not": unary(
        "Return whether each element is zero.",
        "deepnet.logical_not(deepnet.tensor([0, 3]))",
        "tensor([ True, False])",
    ),
    "neg": unary(
        "Return the negative of each element.",
        "deepnet.neg(deepnet.tensor([1.0, -2.0]))",
        "tensor([-1.,  2.])",
    ),
    "reciprocal": unary(
        "Return 1 / x.",
        "deepnet.reciprocal(deepnet.tensor([2.0, 4.0]))",
        "tensor([0.5000, 0.2500])",
    ),
    "relu": unary(
        "Return max(x, 0); the gradient at 0 is 0.",
        "deepnet.relu(deepnet.tensor([-1.0, 2.0]))",
        "tensor([0., 2.])",
    ),
    "round_": unary(
        "Round each element to the nearest whole number, halves to even, in place.",
        "deepnet.tensor([0.5, 1.5, 1.7]).round_()",
        "tensor([0., 2., 2.])",
    ),
    "rsqrt": unary(
        "Return 1 / sqrt(x).",
        "deepnet.rsqrt(deepnet.tensor([4.0, 16.0]))",
        "tensor([0.5000, 0.2500])",
    ),
    "selu": unary(
        "Return scale * elu(x, alpha) with the constants of self-normalising networks.",
        "deepnet.selu(deepnet.tensor([-1.0, 1.0]))",
        "tensor([-1.1113,  1.0507])",
    ),
    "sigmoid": unary(
        "Return 1 / (1 + exp(-x)), without overflow.",
        "deepnet.sigmoid(deepnet.tensor([0.0, 2.0]))",
        "tensor([0.5000, 0.8808])",
    ),
    "sign": unary(
        "Return -1, 0 or 1 by each element's sign.",
        "deepnet.sign(deepnet.tensor([-2.0, 0.0, 3.0]))",
        "tensor([-1.,  0.,  1.])",
    ),
    "sin": unary(
        "Return the sine of each element, an angle in radians.",
        "deepnet.sin(deepnet.tensor([0.0, 1.0]))",
        "tensor([0.0000, 0.8415])",
    ),
    "sinh": unary(
        "Return the hyperbolic sine of each element.",
        "deepnet.sinh(deepnet.tensor([0.0, 1.0]))",
        "tensor([0.0000, 1.1752])",
    ),
    "sqrt": unary(
        "Return the square root of each element, rightly rounded; NaN below 0.",
        "deepnet.sqrt(deepnet.tensor([4.0, 9.0]))",
        "tensor([2., 3.])",
    ),
    "square": unary(
        "Return x * x.",
        "deepnet.square(deepnet.tensor([2.0, -3.0]))",
        "tensor([4., 9.])",
    ),
    "tan": unary(
        "Return the tangent of each element, an angle in radians.",
        "deepnet.tan(deepnet.tensor([0.0, 1.0]))",
        "tensor([0.0000, 1.5574])",
    ),
    "tanh": unary(
        "Return the hyperbolic tangent of each element.",
        "deepnet.tanh(deepnet.tensor([0.0, 1.0]))",
        "tensor([0.0000, 0.7616])",
    ),
    "trunc": unary(
        "Return each element without its fraction.",
        "deepnet.trunc(deepnet.tensor([-1.7, 1.7]))",
        "tensor([-1.,  1.])",
    ),
}
