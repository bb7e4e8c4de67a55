"""Activations."""

from __future__ import annotations

import warnings
from typing import Any

import deepnet
from deepnet import _core
from deepnet._core import Tensor
from deepnet.operators._call import takes_out

from ._args import in_place


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0), elementwise; `inplace` writes over the input.

    Examples
    --------
    >>> import deepnet, deepnet.nn.functional as F
    >>> F.relu(deepnet.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return input.relu_() if inplace else _core.relu(input)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6), elementwise."""
    return hardtanh(input, 0.0, 6.0, inplace)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """X clamped to [min_val, max_val]; the gradient is 0 at and beyond the bounds."""
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val must not exceed max_val, got {min_val} and {max_val}")

    def f(x: Tensor) -> Tensor:
        return _core.where(x <= min_val, min_val, _core.where(x >= max_val, max_val, x)).to(x.dtype)

    return in_place(f, input) if inplace else f(input)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """X where x > threshold, else `value`."""

    def f(x: Tensor) -> Tensor:
        return _core.where(x <= threshold, value, x).to(x.dtype)

    return in_place(f, input) if inplace else f(input)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """X where x > 0, else alpha * (exp(x) - 1)."""
    if inplace:
        return in_place(lambda x: _core.elu(x, alpha), input)
    return _core.elu(input, alpha)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """Scale * elu(x, alpha) with the constants of self-normalising networks [1]_.

    References
    ----------
    .. [1] Klambauer et al., Self-normalizing neural networks, arXiv:1706.02515.
    """
    alpha, scale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946

    def f(x: Tensor) -> Tensor:
        return _core.elu(x, alpha) * scale

    return in_place(f, input) if inplace else f(input)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))."""
    if alpha == 0:
        raise ValueError("celu: alpha must not be 0")
    if inplace:
        return in_place(lambda x: _core.celu(x, alpha), input)
    return _core.celu(input, alpha)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """X where x > 0, else negative_slope * x."""
    if inplace:
        return in_place(lambda x: _core.leaky_relu(x, negative_slope), input)
    return _core.leaky_relu(input, negative_slope)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """Leaky ReLU with a learned slope: weight of one element, or one per channel (axis 1).

    Parameters
    ----------
    input : Tensor, shape (N, C, ...)
    weight : Tensor, shape (1,) or (C,)
    """
    if weight.numel() != 1:
        channels = input.shape[1] if input.dim() > 1 else 1
        if weight.numel() != channels:
            raise ValueError(f"prelu: weight must have 1 element or one per channel ({channels}), got {weight.numel()}")
        weight = weight.reshape([1, -1] + [1] * (input.dim() - 2))
    elif input.dim() == 0:
        weight = weight.reshape(())
    return _core.where(input > 0, input, weight * input)


def rrelu(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """Leaky ReLU whose slope is drawn from [lower, upper] for each element in training, and is their mean otherwise."""
    if lower > upper:
        raise ValueError(f"rrelu: lower must not exceed upper, got {lower} and {upper}")

    def f(x: Tensor) -> Tensor:
        if not training:
            return _core.leaky_relu(x, (lower + upper) / 2)
        slope = deepnet.empty_like(x).uniform_(lower, upper)
        return _core.where(x > 0, x, x * slope)

    return in_place(f, input) if inplace else f(input)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """A * sigmoid(b), where a and b are the halves of the input along `dim`."""
    if input.shape[dim] % 2:
        raise ValueError(f"glu: size along dim {dim} must be even, got shape {tuple(input.shape)}")
    a, b = deepnet.chunk(input, 2, dim)
    return a * _core.sigmoid(b)


@takes_out
def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """X * Phi(x), Phi the normal distribution function; 'tanh' approximates it [1]_.

    References
    ----------
    .. [1] Hendrycks & Gimpel, Gaussian error linear units, arXiv:1606.08415.
    """
    return _core.gelu(input, approximate=approximate)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """X * sigmoid(x)."""
    return in_place(_core.silu, input) if inplace else _core.silu(input)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """X * tanh(softplus(x))."""
    return in_place(_core.mish, input) if inplace else _core.mish(input)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """X * relu6(x + 3) / 6."""
    return in_place(_core.hardswish, input) if inplace else _core.hardswish(input)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """relu6(x + 3) / 6."""
    return in_place(_core.hardsigmoid, input) if inplace else _core.hardsigmoid(input)


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x))."""
    return _core.sigmoid(input)


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return _core.tanh(input)


@takes_out
def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)), without overflow."""
    return _core.logsigmoid(input)


@takes_out
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta * x)) / beta; x itself where beta * x exceeds the threshold."""
    return _core.softplus(input, beta, threshold)


def softsign(input: Tensor) -> Tensor:
    """X / (1 + |x|)."""
    return input / (1 + input.abs())


def tanhshrink(input: Tensor) -> Tensor:
    """X - tanh(x)."""
    return input - _core.tanh(input)


@takes_out
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """X where |x| > lambd, else 0."""
    return _core.where((input >= -lambd) & (input <= lambd), 0.0, input).to(input.dtype)


@takes_out
def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """X drawn towards 0 by lambd; 0 within lambd of it."""
    if lambd < 0:
        raise ValueError(f"softshrink: lambd must not be negative, got {lambd}")
    low = _core.where(input < -lambd, input + lambd, input * 0.0)
    return _core.where(input > lambd, input - lambd, low)


def _implicit_dim(op: str, ndim: int) -> int:
    warnings.warn(f"{op}: the choice of dim is deprecated; pass dim", stacklevel=3)
    return 0 if ndim in (0, 1, 3) else 1


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """exp(x) over its sum along `dim`.

    Parameters
    ----------
    input : Tensor
    dim : int
    dtype : optional
        Convert the input first.

    Examples
    --------
    >>> import deepnet, deepnet.nn.functional as F
    >>> F.softmax(deepnet.zeros(1, 4), dim=-1)
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """
    if dim is None:
        dim = _implicit_dim("softmax", input.dim())
    return _core.softmax(input if dtype is None else input.to(dtype), dim)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """log(softmax(x)) along `dim`, computed at once."""
    if dim is None:
        dim = _implicit_dim("log_softmax", input.dim())
    return _core.log_softmax(input if dtype is None else input.to(dtype), dim)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """softmax(-x) along `dim`."""
    if dim is None:
        dim = _implicit_dim("softmin", input.dim())
    return softmax(-input, dim, dtype=dtype)


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """A sample of the Gumbel-softmax distribution [1]_.

    Parameters
    ----------
    logits : Tensor, unnormalised log-probabilities
    tau : float
        Temperature.
    hard : bool
        Return one-hot samples; the gradient is that of the soft ones.
    eps : float
        Unused.
    dim : int

    References
    ----------
    .. [1] Jang, Gu & Poole, Categorical reparameterization with Gumbel-softmax, arXiv:1611.01144.
    """
    gumbels = -deepnet.empty_like(logits).exponential_().log()
    soft = softmax((logits + gumbels.detach()) / tau, dim)
    if not hard:
        return soft
    one = deepnet.zeros_like(soft).scatter_(dim, soft.argmax(dim, keepdim=True), 1.0)
    return one - soft.detach() + soft


def relu_(input: Tensor) -> Tensor:
    """`relu` in place."""
    return relu(input, inplace=True)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """`elu` in place."""
    return elu(input, alpha, inplace=True)


def selu_(input: Tensor) -> Tensor:
    """`selu` in place."""
    return selu(input, inplace=True)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """`celu` in place."""
    return celu(input, alpha, inplace=True)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """`leaky_relu` in place."""
    return leaky_relu(input, negative_slope, inplace=True)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """`hardtanh` in place."""
    return hardtanh(input, min_val, max_val, inplace=True)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """`threshold` in place."""
    return in_place(lambda x: _core.where(x <= threshold, value, x).to(x.dtype), input)


def rrelu_(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False) -> Tensor:
    """`rrelu` in place."""
    return rrelu(input, lower, upper, training, inplace=True)


__all__ = [
    "celu", "celu_", "elu", "elu_", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish", "hardtanh",
    "hardtanh_", "leaky_relu", "leaky_relu_", "log_softmax", "logsigmoid", "mish", "prelu", "relu", "relu6", "relu_", "rrelu",
    "rrelu_", "selu", "selu_", "sigmoid", "silu", "softmax", "softmin", "softplus", "softshrink", "softsign", "tanh",
    "tanhshrink", "threshold", "threshold_",
]  # fmt: skip
