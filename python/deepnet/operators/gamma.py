"""The gamma function's family and the Bessel function I0, beside those that the extension has."""

from __future__ import annotations

import math
from typing import Any

from deepnet import _core
from deepnet._core import Tensor
from deepnet.autograd.function import Function
from deepnet.operators._call import floating, takes_out


@takes_out
def polygamma(n: int, input: Tensor) -> Tensor:
    """Return the n-th derivative of digamma.

    Raises
    ------
    RuntimeError
        If n is negative.
    """
    return _core.polygamma_plain(floating(input), n)


@takes_out
def mvlgamma(input: Tensor, p: int) -> Tensor:
    """Return the logarithm of the multivariate gamma function of dimension p.

    Raises
    ------
    RuntimeError
        If p is not positive.
    """
    if p < 1:
        raise RuntimeError(f"mvlgamma: p must be positive, got {p}")
    x = floating(input)
    steps = _core.arange_plain(0, p, 1, x.dtype, x.device) * -0.5
    terms = _core.lgamma(_core.unsqueeze(x, -1) + steps)
    return _core.sum(terms, -1) + p * (p - 1) / 4 * math.log(math.pi)


def _pieces(a: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """The regularised lower and upper incomplete gamma functions, in float64.

    Below a + 1 the lower one's series, elsewhere the upper one's continued fraction by Lentz's method.
    """
    scale = _core.exp(a * _core.log(x) - x - _core.lgamma(a))
    term = 1 / a
    total = term
    n = 0
    low = x < a + 1
    # Terms outside the series' region are held at 0, so that the loop ends when those inside have converged.
    while True:
        n += 1
        term = _core.where(low, term * (x / (a + n)), 0.0)
        total = total + term
        if n % 16 == 0 and not bool(_core.any(term > total * 1e-17)):
            break
    lower = total * scale
    tiny = 1e-300
    b = _core.where(low, 2.0, x + 1 - a)
    c, d = _core.full_size(b.shape, 1 / tiny, dtype=b.dtype, device=b.device), 1 / b
    h = d
    n = 0
    while True:
        n += 1
        an = n * (a - n)
        b = b + 2
        d = an * d + b
        d = 1 / _core.where(_core.abs(d) < tiny, tiny, d)
        c = b + an / c
        c = _core.where(_core.abs(c) < tiny, tiny, c)
        change = d * c
        h = h * change
        if (n % 16 == 0 and not bool(_core.any(~low & (_core.abs(change - 1) > 1e-15)))) or n > 20000:
            break
    upper = h * scale
    return _core.where(low, lower, 1 - upper), _core.where(low, 1 - lower, upper)


class _IncompleteGamma(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, x: Tensor, upper: bool) -> Tensor:
        ctx.save_for_backward(a, x)
        ctx.upper = upper
        dtype = _core.result_type(a, x)
        a, x = (_core.convert(t, _core.float64) for t in (a, x))
        sound = (a > 0) & (x > 0) & _core.isfinite(a) & _core.isfinite(x)
        values = _pieces(_core.where(sound, a, 1.0), _core.where(sound, x, 1.0))[int(upper)]
        # The borders: P is 0 at x = 0 and 1 at x = inf or a = 0; negative and undefined arguments give NaN.
        wrong = (a < 0) | (x < 0) | _core.isnan(a) | _core.isnan(x) | ((a == 0) & (x == 0)) | (_core.isinf(a) & _core.isinf(x))
        ones = (a == 0) | _core.isinf(x)
        border = _core.where(wrong, math.nan, _core.where(ones, 1.0 - upper, float(upper)))
        return _core.convert(_core.where(sound, values, border), dtype)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        a, x = ctx.saved_tensors
        if ctx.needs_input_grad[0]:
            raise RuntimeError("igamma: the gradient with respect to input is not offered")
        slope = _core.exp((a - 1) * _core.log(x) - x - _core.lgamma(a))
        grad = dy * (-slope if ctx.upper else slope)
        from deepnet.operators.views import sum_to_size

        return None, sum_to_size(grad, *x.shape), None


@takes_out
def igamma(input: Tensor, other: Tensor) -> Tensor:
    """Return the regularised lower incomplete gamma function P(input, other); differentiable in other."""
    return _IncompleteGamma.apply(floating(input), floating(other), False)


@takes_out
def igammac(input: Tensor, other: Tensor) -> Tensor:
    """Return the regularised upper incomplete gamma function Q(input, other); differentiable in other."""
    return _IncompleteGamma.apply(floating(input), floating(other), True)


gammainc, gammaincc = igamma, igammac


def _bessel(x: Tensor, order: int) -> Tensor:
    """exp(-|x|) I_order(x) in float64: the power series up to 30, Hankel's expansion beyond."""
    size = _core.abs(_core.convert(x, _core.float64))
    near = _core.clamp(size, max=30.0)
    square = near * near * 0.25
    term = _core.full_size(size.shape, 1.0, dtype=_core.float64, device=x.device) if order == 0 else near * 0.5
    total = term
    for k in range(1, 80):  # at 30 the terms fall below 1e-17 of the sum after about 65
        term = term * square / (k * (k + order))
        total = total + term
    far = _core.clamp(size, min=30.0)
    tail = _core.full_size(size.shape, 1.0, dtype=_core.float64, device=x.device)
    total_far = tail
    for k in range(1, 20):
        tail = tail * ((2 * k - 1) ** 2 - 4 * order * order) / (far * (8 * k))
        total_far = total_far + tail
    return _core.where(size <= 30, total * _core.exp(-near), total_far / _core.sqrt(2 * math.pi * far))


class _I0(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return _core.convert(_bessel(x, 0) * _core.exp(_core.abs(_core.convert(x, _core.float64))), x.dtype)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return dy * _I1.apply(x)


class _I1(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        value = _bessel(x, 1) * _core.exp(_core.abs(_core.convert(x, _core.float64)))
        y = _core.convert(value, x.dtype) * _core.sign(x)
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        zero = x == 0
        return dy * (_I0.apply(x) - _core.where(zero, 0.5, y / _core.where(zero, 1.0, x)))


@takes_out
def i0(input: Tensor) -> Tensor:
    """Return the modified Bessel function of the first kind of order 0."""
    return _I0.apply(floating(input))


@takes_out
def i1(input: Tensor) -> Tensor:
    """Return the modified Bessel function of the first kind of order 1."""
    return _I1.apply(floating(input))
