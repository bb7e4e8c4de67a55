"""Special functions in the names of `torch.special`."""

from __future__ import annotations

import math
from typing import Any

from deepnet import _core
from deepnet._core import Tensor, digamma, erf, erfc, erfinv, exp2, expm1, log1p, log_softmax, logsumexp, softmax, xlogy
from deepnet._core import lgamma as gammaln
from deepnet._core import sigmoid as expit
from deepnet.autograd.function import Function
from deepnet.operators import i0, i1, igamma, igammac, logit, polygamma, round, sinc, xlog1py
from deepnet.operators import mvlgamma as multigammaln
from deepnet.operators._call import floating, takes_out

gammainc, gammaincc, psi = igamma, igammac, digamma

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammainc", "gammaincc", "gammaln", "i0",
    "i1", "log1p", "log_ndtr", "log_softmax", "logit", "logsumexp", "multigammaln", "ndtr", "ndtri", "polygamma", "psi",
    "round", "sinc", "softmax", "xlog1py", "xlogy",
]  # fmt: skip


@takes_out
def entr(input: Tensor) -> Tensor:
    """Return the entropy's term -x log(x): 0 at 0, -inf below."""
    x = floating(input)
    plain = x.detach()
    inside = _core.masked_fill(x, plain <= 0, 1)
    result = _core.masked_fill(-(inside * _core.log(inside)), plain == 0, 0)
    # At 0 the slope is +inf, which no constant shows: -log(x) - 1 is added there with the value 0.
    slope = _Slope.apply(x, plain == 0)
    return _core.masked_fill(result, plain < 0, -math.inf) + slope


class _Slope(Function):
    """0, with gradient inf where a mask holds."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mask: Tensor) -> Tensor:
        ctx.mask = mask
        return _core.full_size(x.shape, 0, dtype=x.dtype, device=x.device)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        # Detached: the factor inf would turn the second derivative of every other element into NaN.
        return _core.where(ctx.mask, dy.detach() * math.inf, 0.0), None


def _erfcx(x: Tensor) -> Tensor:
    """In float64: exp(x^2) erfc(x) up to 10, the asymptotic series beyond."""
    near, far = _core.clamp(x, max=10.0), _core.clamp(x, min=10.0)
    inverse = 0.5 / (far * far)
    term = _core.full_size(x.shape, 1.0, dtype=x.dtype, device=x.device)
    total = term
    for n in range(1, 16):
        term = term * inverse * -(2 * n - 1)
        total = total + term
    return _core.where(x <= 10, _core.exp(near * near) * _core.erfc(near), total / (far * math.sqrt(math.pi)))


class _Erfcx(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = _core.convert(_erfcx(_core.convert(x, _core.float64)), x.dtype)
        ctx.save_for_backward(x)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return dy * (2 * x * _Erfcx.apply(x) - 2 / math.sqrt(math.pi))


@takes_out
def erfcx(input: Tensor) -> Tensor:
    """Return exp(x^2) erfc(x), which does not underflow."""
    return _Erfcx.apply(floating(input))


@takes_out
def ndtr(input: Tensor) -> Tensor:
    """Return the standard normal distribution's probability of a value up to input."""
    return 0.5 * _core.erfc(floating(input) * -math.sqrt(0.5))


class _LogNdtr(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        z = _core.convert(x, _core.float64) * math.sqrt(0.5)
        low, high = _core.clamp(z, max=-0.5), _core.clamp(z, min=-0.5)
        tail = _core.log(_erfcx(-low) * 0.5) - low * low
        return _core.convert(_core.where(z < -0.5, tail, _core.log1p(_core.erfc(high) * -0.5)), x.dtype)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return dy * math.sqrt(2 / math.pi) / _Erfcx.apply(x * -math.sqrt(0.5))


@takes_out
def log_ndtr(input: Tensor) -> Tensor:
    """Return the logarithm of `ndtr`, exact far down its lower tail."""
    return _LogNdtr.apply(floating(input))


class _Ndtri(Function):
    @staticmethod
    def forward(ctx: Any, p: Tensor) -> Tensor:
        wide = _core.convert(p, _core.float64)
        q = _core.minimum(wide, 1 - wide)
        inside = q > 0
        q = _core.where(inside, q, 0.5)
        # Abramowitz & Stegun 26.2.23, then Newton's method on the logarithm of the tail.
        t = _core.sqrt(_core.log(q) * -2)
        z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
        target = _core.log(q)
        for _ in range(4):
            half = z * math.sqrt(0.5)
            scaled = _erfcx(half)
            gap = _core.log(scaled * 0.5) - half * half - target
            z = z + gap * scaled * math.sqrt(math.pi / 2)
        z = _core.where(wide < 0.5, -z, z)
        border = _core.where(wide == 0, -math.inf, _core.where(wide == 1, math.inf, math.nan))
        y = _core.convert(_core.where(inside, z, border), p.dtype)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return dy * math.sqrt(2 * math.pi) * _core.exp(y * y * 0.5)


@takes_out
def ndtri(input: Tensor) -> Tensor:
    """Return the value up to which the standard normal distribution has probability input: the inverse of `ndtr`."""
    return _Ndtri.apply(floating(input))
