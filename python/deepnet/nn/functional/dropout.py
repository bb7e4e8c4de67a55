"""Dropout."""

from __future__ import annotations

import deepnet
from deepnet import _core
from deepnet._core import Tensor

from ._args import in_place


def _check_p(op: str, p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"{op}: dropout probability has to be between 0 and 1, but got {p}")


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each element with probability p and scale the rest by 1 / (1 - p), in training only [1]_.

    References
    ----------
    .. [1] Srivastava et al., Dropout, JMLR 15 (2014).
    """
    _check_p("dropout", p)
    if not training:
        return input
    return in_place(lambda x: _core.dropout(x, p, True), input) if inplace else _core.dropout(input, p, True)


def _channel_dropout(op: str, input: Tensor, p: float, training: bool, inplace: bool, batched_dim: int) -> Tensor:
    _check_p(op, p)
    if not training:
        return input
    # Without a batch axis the channels stand first.
    channel_axes = 1 if input.dim() == batched_dim - 1 else 2
    shape = [*input.shape[:channel_axes], *[1] * (input.dim() - channel_axes)]
    mask = _core.dropout(deepnet.ones(shape, dtype=input.dtype, device=input.device), p, True)
    return in_place(lambda x: x * mask, input) if inplace else input * mask


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels with probability p. Input (N, C, L) or (C, L)."""
    if input.dim() not in (2, 3):
        raise ValueError(f"dropout1d: expected 2-D or 3-D input, got shape {tuple(input.shape)}")
    return _channel_dropout("dropout1d", input, p, training, inplace, 3)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels with probability p. Input (N, C, H, W); the first two axes are sample and channel."""
    return _channel_dropout("dropout2d", input, p, training, inplace, 0)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels with probability p. Input (N, C, D, H, W) or (C, D, H, W)."""
    return _channel_dropout("dropout3d", input, p, training, inplace, 5)


def _alpha(op: str, input: Tensor, p: float, training: bool, inplace: bool, shape: list[int]) -> Tensor:
    """Dropped elements take SELU's negative limit, and an affine map restores mean and variance."""
    _check_p(op, p)
    if not training or p == 0:
        return input
    if p == 1:
        return in_place(lambda x: x * 0, input) if inplace else input * 0
    limit = -1.7580993408473766
    a = ((1 - p) * (1 + p * limit**2)) ** -0.5
    b = -a * p * limit
    keep = deepnet.empty(shape, dtype=input.dtype, device=input.device).bernoulli_(1 - p)

    def f(x: Tensor) -> Tensor:
        return x * (keep * a) + ((1 - keep) * (limit * a) + b)

    return in_place(f, input) if inplace else f(input)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout that keeps mean and variance, for use with SELU (arXiv:1706.02515)."""
    return _alpha("alpha_dropout", input, p, training, inplace, list(input.shape))


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """`alpha_dropout` of whole channels."""
    shape = [*input.shape[:2], *[1] * (input.dim() - 2)]
    return _alpha("feature_alpha_dropout", input, p, training, inplace, shape)


__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]
