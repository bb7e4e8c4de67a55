"""Elementwise operators composed of the extension's."""

from __future__ import annotations

import math
from typing import Any

from deepnet import _core
from deepnet._core import Tensor
from deepnet.autograd.function import Function
from deepnet.operators._call import floating, number, takes_out
from deepnet.operators.views import broadcast_shapes

inf, nan, pi, e = math.inf, math.nan, math.pi, math.e


@takes_out
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Return the nearest whole number, halves to even; or the nearest with that many decimals."""
    if decimals == 0:
        return _core.round(input)
    if not input.dtype.is_floating_point:
        raise RuntimeError(f"round: decimals need a floating tensor, got {input.dtype}")
    scale = 10.0 ** abs(decimals)
    return _core.round(input * scale) / scale if decimals > 0 else _core.round(input / scale) * scale


def positive(input: Tensor) -> Tensor:
    """Return input.

    Raises
    ------
    RuntimeError
        If input is bool.
    """
    if input.dtype is _core.bool:
        raise RuntimeError("positive: bools have no sign")
    return input


@takes_out
def frac(input: Tensor) -> Tensor:
    """Return the part after the point, with input's sign."""
    return input - _core.trunc(input)


@takes_out
def clamp_min(input: Tensor, min: Any) -> Tensor:
    """Return the larger of each element and min."""
    return _core.clamp(input, min, None)


@takes_out
def clamp_max(input: Tensor, max: Any) -> Tensor:
    """Return the smaller of each element and max."""
    return _core.clamp(input, None, max)


@takes_out
def fill(input: Tensor, value: Any) -> Tensor:
    """Return a tensor of input's shape full of a number, or of a 0-d tensor's value."""
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(f"fill: value must be a number or a 0-d tensor, got shape {tuple(value.shape)}")
        return _core.clone(input).copy_(value)
    return _core.clone(input).fill_(value)


@takes_out
def deg2rad(input: Tensor) -> Tensor:
    """Return degrees in radians."""
    return floating(input) * (math.pi / 180)


@takes_out
def rad2deg(input: Tensor) -> Tensor:
    """Return radians in degrees."""
    return floating(input) * (180 / math.pi)


@takes_out
def float_power(input: Any, exponent: Any) -> Tensor:
    """Return input to the power of exponent, computed in float64."""
    a, b = (_core.convert(v, _core.float64) if isinstance(v, Tensor) else float(v) for v in (input, exponent))
    return _core.pow(a, b)


class _Step(Function):
    """A step is a constant: the gradient is the first operand's where there is a step."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, value: Tensor) -> Tensor:
        ctx.equal = a == b
        return value

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        return _core.where(ctx.equal, 0.0, dy), dy * 0, None


@takes_out
def nextafter(input: Tensor, other: Tensor) -> Tensor:
    """Return the next number of the dtype after input on the way to other; other itself where they are equal."""
    dtype = _core.result_type(input, other)
    if dtype not in (_core.bfloat16, _core.float16):
        return _core.nextafter(input, other)
    shape = broadcast_shapes(input.shape, other.shape)
    a, b = (_core.expand(_core.convert(x, dtype), shape).contiguous() for x in (input, other))
    x, y = a.detach(), b.detach()
    # The bits of sixteen-bit numbers of one sign are in the numbers' order.
    bits, target = (_core.reinterpret(_core.reshape(t, (-1,)), _core.int16).reshape(shape) for t in (x, y))
    away = (y > x) == (x > 0)
    sign = _core.bitwise_and(target, -(2**15))
    stepped = _core.where(x == 0, sign + 1, bits + _core.where(away, 1, -1))
    stepped = _core.where(x == y, target, stepped)
    flat = _core.reinterpret(_core.reshape(_core.convert(stepped, _core.int16), (-1,)).contiguous(), dtype)
    value = _core.where(_core.isnan(x) | _core.isnan(y), x + y, flat.reshape(shape))
    return _Step.apply(a, b, value)


@takes_out
def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """Return input * 2 ** other."""
    return input * _core.exp2(floating(other)) if not other.dtype.is_floating_point else input * _core.exp2(other)


@takes_out
def frexp(input: Tensor) -> tuple[Tensor, Tensor]:
    """Return mantissas, with magnitudes in [0.5, 1), and int32 exponents of 2.

    Raises
    ------
    RuntimeError
        If input is not floating.
    """
    if not input.dtype.is_floating_point:
        raise RuntimeError(f"frexp: input must be floating, got {input.dtype}")
    x = _core.convert(input.detach(), _core.float64)
    ordinary = _core.isfinite(x) & (x != 0)
    size = _core.abs(_core.where(ordinary, x, 1.0))
    exponent = _core.floor(_core.log2(size)) + 1
    # The logarithm may round across a power of 2. Two halves, since 2 ** exponent alone may overflow.
    half = _core.floor(exponent / 2)
    scaled = size * _core.exp2(-half) * _core.exp2(half - exponent)
    exponent = exponent + _core.convert(scaled >= 1, _core.float64) - _core.convert(scaled < 0.5, _core.float64)
    exponent = _core.where(ordinary, exponent, 0.0)
    half = _core.floor(exponent / 2)
    first, second = (_core.convert(_core.exp2(h), _core.float64) for h in (-half, half - exponent))
    mantissa = _core.convert(_core.convert(input, _core.float64) * first * second, input.dtype)
    return mantissa, _core.convert(exponent, _core.int32)


@takes_out
def nan_to_num(input: Tensor, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """Return input with NaN and infinities replaced: by 0 and the dtype's largest and smallest numbers unless given."""
    if not input.dtype.is_floating_point:
        return _core.clone(input)
    largest = {_core.float64: 1.7976931348623157e308, _core.float32: 3.4028234663852886e38, _core.float16: 65504.0,
               _core.bfloat16: 3.3895313892515355e38}[input.dtype]  # fmt: skip
    plain = input.detach()
    result = _core.masked_fill(input, _core.isnan(plain), 0.0 if nan is None else nan)
    result = _core.masked_fill(result, plain == math.inf, largest if posinf is None else posinf)
    return _core.masked_fill(result, plain == -math.inf, -largest if neginf is None else neginf)


@takes_out
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """Return log(p / (1 - p)); p is kept in [eps, 1 - eps] where eps is given."""
    p = floating(input)
    if eps is not None:
        p = _core.clamp(p, eps, 1 - eps)
    return _core.log(p / (1 - p))


@takes_out
def sinc(input: Tensor) -> Tensor:
    """Return sin(pi x) / (pi x), and 1 at 0."""
    x = floating(input) * math.pi
    zero = x.detach() == 0
    # Near 0 the quotient's derivative cancels; there the series stands: 1 - x^2 / 6 + x^4 / 120.
    near = _core.abs(x.detach()) < 1e-2
    safe = _core.where(near, 1.0, x)
    square = x * x
    series = 1 - square * (1 / 6 - square / 120)
    return _core.where(zero | near, series, _core.sin(safe) / safe)


@takes_out
def logaddexp2(input: Tensor, other: Tensor) -> Tensor:
    """Return log2(2 ** input + 2 ** other) without overflow."""
    a, b = floating(input), floating(other)
    return _core.logaddexp(a * math.log(2), b * math.log(2)) * (1 / math.log(2))


@takes_out
def xlog1py(input: Any, other: Any) -> Tensor:
    """Return input * log1p(other), and 0 where input is 0 and other is not NaN."""
    like = input if isinstance(input, Tensor) else other
    a, b = number(input, like), number(other, like)
    quiet = (a.detach() == 0) & ((b.detach() <= -1) | (b.detach() == math.inf))
    return floating(a) * _core.log1p(_core.masked_fill(floating(_core.expand(b, quiet.shape)), quiet, 0))


def constant_pad_nd(input: Tensor, pad: Any, value: Any = 0) -> Tensor:
    """Return input padded with a constant: pairs (before, after) from the last dim backwards; negative ones crop."""
    return _core.constant_pad(input, pad, value)


absolute = _core.abs
negative = _core.neg
multiply = _core.mul
subtract = _core.sub
divide = _core.div
greater, greater_equal, less, less_equal, not_equal = _core.gt, _core.ge, _core.lt, _core.le, _core.ne
arccos, arcsin, arctan, arccosh, arcsinh, arctanh, arctan2 = (
    _core.acos, _core.asin, _core.atan, _core.acosh, _core.asinh, _core.atanh, _core.atan2,
)  # fmt: skip
clip = _core.clamp
fix = _core.trunc
concat = concatenate = _core.cat
