"""Arithmetic, functions of one and two arguments, comparison, logic, choice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from op_case import OpCase, bools, call, f, given, ints, refuses
from scipy import special

import deepnet as dn

INTEGERS = ("int64", "int32", "int16", "int8", "uint8")
SHORT = ("float16", "bfloat16")
TIGHT = (1e-14, 3e-7)  # about 2 ulp in float32


def unary(name, reference, low=-2.0, high=2.0, kinks=(), **more):
    """A function of one argument; its refusal is of what is no tensor."""
    return OpCase(
        name,
        reference,
        (call(f(3, 5, low=low, high=high, kinks=kinks)), call(f(67, low=low, high=high, kinks=kinks))),
        elementwise=True,
        **{"each": True, "rtol": TIGHT, "dtypes": SHORT, **more},
    )


def kernel(name, reference, low=-2.0, high=2.0, **more):
    """One of the extension's: it refuses by itself what is no tensor."""
    refusals = (refuses("x", error=TypeError, words=rf"^{name}: input must be a Tensor, got str"),)
    return replace(unary(name, reference, low, high, **{"extremes": True, **more}), refusals=refusals)


def binary(name, reference, a=None, b=None, said=None, **more):
    """A function of two broadcast arguments; its refusal, in the name `said`, is of shapes that do not broadcast."""
    a, b = a or {}, b or {}
    calls = (call(f(3, 5, **a), f(3, 5, **b)), call(f(2, 1, 3, **a), f(4, 1, **b)), call(f(7, **a), f(**b)))
    return OpCase(
        name,
        reference,
        more.pop("calls", calls),
        elementwise=True,
        **{"each": True, "rtol": TIGHT, "dtypes": SHORT, **more},
        refusals=(
            refuses(f(2, 3, **a), f(4, 3, **b), words=rf"^{said or name}: shapes must broadcast, got \(2, 3\) and \(4, 3\)"),
        ),
    )


def whole(name, reference, a=None, b=None, **more):
    """A function of two integers or bools."""
    case = binary(
        name,
        reference,
        a or {"low": -9, "high": 10},
        b or {"low": -9, "high": 10},
        **{"only": INTEGERS, "derivatives": 0, **more},
    )
    return case


def predicate(name, reference, **more):
    return binary(
        name,
        reference,
        {"low": -3, "high": 3},
        {"low": -3, "high": 3},
        derivatives=0,
        **{"dtypes": (*INTEGERS, *SHORT, "bool"), **more},
    )


def frexp(x):
    mantissa, exponent = np.frexp(x)
    return mantissa, exponent.astype(np.int32)


def remainder(a, b):
    return a - b * np.floor_divide(a, b) if a.dtype.kind == "f" else np.remainder(a, b)


SPECIAL_VALUES = given(np.array([0.0, -0.0, 1.5, -np.inf, np.inf, np.nan, -1.5]), grad=False)

UNARY = [
    kernel("neg", np.negative, dtypes=(*INTEGERS[:4], *SHORT), aliases=("negative",)),
    kernel("abs", np.abs, kinks=(0,), dtypes=(*INTEGERS, *SHORT), aliases=("absolute",)),
    kernel("sign", np.sign, kinks=(0,), dtypes=(*INTEGERS, *SHORT)),
    kernel("square", np.square, dtypes=("int64", "int32")),
    kernel("sqrt", np.sqrt, 0.2, 4),
    kernel("rsqrt", lambda x: 1 / np.sqrt(x), 0.2, 4),
    kernel("reciprocal", np.reciprocal, 0.3, 3),
    kernel("exp", np.exp),
    kernel("exp2", np.exp2),
    kernel("expm1", np.expm1),
    kernel("log", np.log, 0.2, 4),
    kernel("log2", np.log2, 0.2, 4),
    kernel("log10", np.log10, 0.2, 4),
    kernel("log1p", np.log1p, -0.8, 4),
    kernel("sin", np.sin, -4, 4),
    kernel("cos", np.cos, -4, 4, rtol=(1e-14, 5e-7)),
    kernel("tan", np.tan, -1.3, 1.3),
    kernel("asin", np.arcsin, -0.9, 0.9, aliases=("arcsin",)),
    kernel("acos", np.arccos, -0.9, 0.9, aliases=("arccos",)),
    kernel("atan", np.arctan, -3, 3, aliases=("arctan",)),
    kernel("sinh", np.sinh),
    kernel("cosh", np.cosh),
    kernel("tanh", np.tanh, rtol=(1e-14, 5e-7)),
    kernel("asinh", np.arcsinh, aliases=("arcsinh",)),
    kernel("acosh", np.arccosh, 1.2, 4, aliases=("arccosh",)),
    kernel("atanh", np.arctanh, -0.9, 0.9, aliases=("arctanh",)),
    kernel("erf", special.erf, rtol=(1e-14, 5e-7)),
    kernel("erfc", special.erfc, rtol=(1e-14, 5e-7)),
    kernel("erfinv", special.erfinv, -0.9, 0.9, rtol=(1e-13, 5e-7)),
    kernel("lgamma", special.gammaln, 0.3, 6, kinks=(1, 2), rtol=(1e-13, 1e-6), extremes=False),
    kernel("digamma", special.digamma, 0.3, 6, kinks=(1.4616,), rtol=(1e-13, 2e-6)),
    kernel("floor", np.floor, kinks=(-2, -1, 0, 1, 2), aliases=()),
    kernel("ceil", np.ceil, kinks=(-2, -1, 0, 1, 2)),
    kernel("trunc", np.trunc, kinks=(-2, -1, 0, 1, 2), aliases=("fix",)),
    kernel("round", np.round, kinks=(-1.5, -0.5, 0.5, 1.5)),
    unary("frac", lambda x: x - np.trunc(x), kinks=(-2, -1, 0, 1, 2)),
    unary("positive", np.positive),
    unary("deg2rad", np.deg2rad, -180, 180),
    unary("rad2deg", np.rad2deg),
    unary("sinc", np.sinc, -3, 3, kinks=(-3, -2, -1, 0, 1, 2), rtol=(1e-13, 2e-6)),
    unary("logit", special.logit, 0.1, 0.9, kinks=(0.5,), rtol=(1e-13, 2e-6)),
    unary("i0", special.i0, 0.2, 3, rtol=(1e-13, 2e-6)),
    unary("i1", special.i1, 0.2, 3, rtol=(1e-13, 2e-6)),
    unary("frexp", frexp, 0.55, 0.95),
    kernel("bitwise_not", np.invert, -9, 10, extremes=False, only=(*INTEGERS, "bool"), dtypes=(), derivatives=0),
    kernel("logical_not", np.logical_not, -1, 2, dtypes=("int64", "bool"), derivatives=0),
]

CLASSES = [
    OpCase(name, reference, (call(SPECIAL_VALUES), call(f(3, 5))), derivatives=0, elementwise=True, dtypes=SHORT)
    for name, reference in [
        ("isnan", np.isnan),
        ("isinf", np.isinf),
        ("isfinite", np.isfinite),
        ("isneginf", np.isneginf),
        ("isposinf", np.isposinf),
        ("isreal", np.isreal),
        ("signbit", np.signbit),
    ]
]

BINARY = [
    binary(
        "add",
        np.add,
        dtypes=(*INTEGERS, *SHORT),
        each=False,
        calls=(call(f(3, 5), f(3, 5)), call(f(2, 1, 3), f(4, 1)), call(f(7), 2.5)),
    ),
    binary("sub", np.subtract, dtypes=(*INTEGERS[:4], *SHORT), each=False, aliases=("subtract",)),
    binary("rsub", lambda a, b: b - a, each=False).with_refusals(
        refuses(f(2, 3), f(4, 3), words="^sub: shapes must broadcast")
    ),
    binary("mul", np.multiply, dtypes=(*INTEGERS, *SHORT), aliases=("multiply",)),
    binary("div", np.true_divide, b={"low": 0.3, "high": 3}, aliases=("divide",), said="true_divide"),
    binary("true_divide", np.true_divide, b={"low": 0.3, "high": 3}),
    OpCase(
        "divide_by_rounding",
        lambda a, b, rounding_mode: np.floor(a / b) if rounding_mode == "floor" else np.trunc(a / b),
        (
            call(given([-7.3, 7.3, 5.1]), given([2.0, -2.0, 1.6]), rounding_mode="floor"),
            call(given([-7.3, 7.3, 5.1]), given([2.0, -2.0, 1.6]), rounding_mode="trunc"),
        ),
        refusals=(refuses(f(2), f(2), rounding_mode="up", error=ValueError, words="div: rounding_mode must be .*'up'"),),
        function=lambda a, b, rounding_mode: dn.div(a, b, rounding_mode=rounding_mode),
    ),
    OpCase(
        "floor_divide",
        np.floor_divide,
        (call(given([-7.3, 7.3, 5.1]), given([2.0, -2.0, 1.6])), call(given([-7, 7, 5]), given([2, -2, 2]))),
        dtypes=INTEGERS[:4],
    ),
    OpCase(
        "remainder",
        np.remainder,
        (call(given([-7.3, 7.3, 5.1]), given([2.0, -2.0, 1.6])), call(given([-7, 7, 5]), given([2, -2, 2]))),
        rtol=(1e-13, 1e-6),
    ),
    OpCase(
        "fmod",
        np.fmod,
        (call(given([-7.3, 7.3, 5.1]), given([2.0, -2.0, 1.6])), call(given([-7, 7, 5]), given([2, -2, 2]))),
        rtol=(1e-13, 1e-6),
    ),
    binary("pow", np.power, {"low": 0.3, "high": 3}, {"low": -2, "high": 2}, rtol=(1e-13, 5e-7)),
    binary("float_power", np.float_power, {"low": 0.3, "high": 3}, {"low": -2, "high": 2}, only=("float64",), said="pow"),
    binary("atan2", np.arctan2, {"kinks": (0,)}, {"kinks": (0,)}, aliases=("arctan2",), rtol=(1e-14, 5e-7)),
    binary("hypot", np.hypot, {"kinks": (0,)}, {"kinks": (0,)}),
    binary("copysign", np.copysign, {"kinks": (0,)}, {"kinks": (0,)}),
    OpCase(
        "nextafter",
        None,
        (call(f(3, 5), f(3, 5)), call(f(4), f())),
        check=lambda y, a, b: np.testing.assert_array_equal(y, np.nextafter(a, b)),
    ),
    binary("xlogy", special.xlogy, b={"low": 0.2, "high": 3}, rtol=(1e-13, 5e-7)),
    binary("xlog1py", special.xlog1py, b={"low": -0.7, "high": 3}, rtol=(1e-13, 5e-7)).with_refusals(),
    binary("logaddexp", np.logaddexp, each=False),
    binary("logaddexp2", np.logaddexp2, each=False, rtol=(1e-13, 1e-6), said="logaddexp"),
    binary("heaviside", np.heaviside, {"kinks": (0,)}),
    binary("minimum", np.minimum, dtypes=(*INTEGERS, *SHORT)),
    binary("maximum", np.maximum, dtypes=(*INTEGERS, *SHORT)),
    binary("fmin", np.fmin),
    binary("fmax", np.fmax),
    binary("ldexp", lambda a, b: a * 2.0**b, said="mul"),
    OpCase(
        "gammainc",
        special.gammainc,
        (call(f(3, 5, low=0.5, high=4, grad=False), f(3, 5, low=0.3, high=5)),),
        rtol=(1e-11, 2e-5),
        aliases=("igamma",),
    ),
    OpCase(
        "gammaincc",
        special.gammaincc,
        (call(f(3, 5, low=0.5, high=4, grad=False), f(3, 5, low=0.3, high=5)),),
        rtol=(1e-11, 2e-5),
        aliases=("igammac",),
    ),
    OpCase(
        "polygamma",
        special.polygamma,
        (call(1, f(3, 5, low=0.4, high=5)), call(3, f(7, low=0.4, high=5))),
        rtol=(1e-11, 2e-6),
        each=True,
    ),
    OpCase(
        "mvlgamma",
        special.multigammaln,
        (call(f(4, low=3.3, high=6), 3),),
        rtol=(1e-12, 2e-6),
        function=lambda x, p: dn.mvlgamma(x, p),
    ),
    whole("bitwise_and", np.bitwise_and, dtypes=("bool",)),
    whole("bitwise_or", np.bitwise_or, dtypes=("bool",)),
    whole("bitwise_xor", np.bitwise_xor, dtypes=("bool",)),
    whole("bitwise_left_shift", np.left_shift, b={"low": 0, "high": 4}),
    whole("bitwise_right_shift", np.right_shift, b={"low": 0, "high": 4}),
    whole("gcd", np.gcd),
    whole("lcm", np.lcm, only=INTEGERS[:3]),
    predicate("eq", np.equal),
    predicate("ne", np.not_equal, aliases=("not_equal",)),
    predicate("lt", np.less, aliases=("less",)),
    predicate("le", np.less_equal, aliases=("less_equal",)),
    predicate("gt", np.greater, aliases=("greater",)),
    predicate("ge", np.greater_equal, aliases=("greater_equal",)),
    predicate("logical_and", np.logical_and),
    predicate("logical_or", np.logical_or),
    predicate("logical_xor", np.logical_xor),
    predicate(
        "isclose",
        np.isclose,
        said="eq",
        calls=(call(given([1.0, 1.0, np.inf, np.nan]), given([1.0 + 1e-6, 1.1, np.inf, np.nan])),),
        dtypes=(),
    ),
]

OTHER = [
    OpCase(
        "scaled_add",
        lambda a, b, alpha: a + alpha * b,
        (call(f(3, 5), f(5), alpha=-1.7),),
        function=lambda a, b, alpha: dn.add(a, b, alpha=alpha),
    ),
    OpCase(
        "where",
        np.where,
        (call(bools(3, 5), f(3, 5), f(3, 5)), call(bools(4, 1), f(5), f(4, 1)), call(bools(3), f(3), 0.5)),
        dtypes=("int64", *SHORT),
        refusals=(refuses(bools(2), f(3), f(3), words=r"where: .*broadcast"),),
    ),
    OpCase(
        "masked_fill",
        lambda x, mask, value: np.where(mask, value, x),
        (call(f(3, 5), bools(3, 5), 0.5), call(f(3, 5), bools(5), f())),
        refusals=(refuses(f(3), ints(3), 0.0, words="masked_fill: mask must be bool, got int64"),),
    ),
    OpCase(
        "clamp",
        lambda x, min=None, max=None: np.clip(x, min, max),
        (call(f(3, 5, kinks=(-1, 1)), -1.0, 1.0), call(f(7, kinks=(0.5,)), min=0.5), call(f(7, kinks=(0.5,)), max=0.5)),
        dtypes=SHORT,
        aliases=("clip",),
        refusals=(refuses(f(3), words="clamp: needs min, max or both"),),
    ),
    OpCase("clamp_min", np.maximum, (call(f(3, 5, kinks=(0.5,)), 0.5),)),
    OpCase("clamp_max", np.minimum, (call(f(3, 5, kinks=(0.5,)), 0.5),)),
    OpCase("lerp", lambda a, b, w: a + w * (b - a), (call(f(3, 5), f(3, 5), f(5)), call(f(3, 5), f(5), 0.3)), dtypes=SHORT),
    OpCase(
        "addcmul",
        lambda x, a, b, value=1: x + value * a * b,
        (call(f(3, 5), f(3, 5), f(5)), call(f(3, 1), f(5), f(3, 5), value=-1.5)),
        dtypes=SHORT,
    ),
    OpCase(
        "addcdiv",
        lambda x, a, b, value=1: x + value * a / b,
        (call(f(3, 5), f(3, 5), f(5, low=0.4, high=2)), call(f(3, 1), f(5), f(3, 5, low=0.4, high=2), value=-1.5)),
        refusals=(refuses(f(2), f(3), f(3), words="addcdiv: .*broadcast"),),
    ),
    OpCase(
        "nan_to_num", np.nan_to_num, (call(SPECIAL_VALUES, nan=2.0, posinf=5.0, neginf=-5.0), call(f(3, 5))), same_bits=True
    ),
    OpCase(
        "round_decimals",
        np.round,
        (call(given([1.2327, -2.3456, 3.14159]), decimals=2),),
        function=lambda x, decimals: dn.round(x, decimals=decimals),
        rtol=(1e-15, 1e-6),
    ),
    OpCase("clone", np.copy, (call(f(3, 5)),), dtypes=(*INTEGERS, "bool", *SHORT)),
    OpCase("detach", np.copy, (call(f(3, 5)),), derivatives=0),
    OpCase("fill", lambda x, v: np.full_like(x, v), (call(f(3, 5), 2.0),)),
    OpCase("zero_", np.zeros_like, (call(f(3, 5)),), function=lambda x: dn.clone(x).zero_()),
    OpCase("allclose", np.allclose, (call(f(3, 5), f(3, 5)), call(given([1.0, 2.0]), given([1.0, 2.0 + 1e-7]))), derivatives=0),
    OpCase(
        "equal",
        np.array_equal,
        (call(f(3, 5), f(3, 5)), call(given([1.0, 2.0]), given([1.0, 2.0])), call(f(2), f(3))),
        derivatives=0,
    ),
    OpCase("isin", np.isin, (call(ints(3, 5), given([1, 4])), call(ints(6), given([2]))), derivatives=0),
]

ROWS = [*UNARY, *CLASSES, *BINARY, *OTHER]
