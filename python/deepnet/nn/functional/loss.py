"""Losses of regression, of probabilities and of classes."""

from __future__ import annotations

import math
import warnings

import deepnet
from deepnet import _core
from deepnet._core import Tensor

from ._args import legacy_reduction, reduced


def _warn_broadcast(op: str, input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        warnings.warn(
            f"{op}: using a target size ({tuple(target.shape)}) that is different to the input size "
            f"({tuple(input.shape)}) broadcasts, which is seldom meant",
            stacklevel=3,
        )


def _weighted(loss: Tensor, weight: Tensor | None, reduction: str, op: str) -> Tensor:
    """`loss` reduced; with a weight per element the mean is over the weights' sum."""
    if weight is None:
        return reduced(op, loss, reduction)
    loss = loss * weight
    if reduction == "mean":
        return loss.sum() / weight.expand_as(loss).sum()
    return reduced(op, loss, reduction)


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(input - target)².

    Parameters
    ----------
    input, target : Tensor, one shape
    size_average, reduce : deprecated in favour of `reduction`
    reduction : {'mean', 'sum', 'none'}
    weight : Tensor, optional
        Per element; the mean is over the weights' sum.

    Examples
    --------
    >>> import deepnet, deepnet.nn.functional as F
    >>> F.mse_loss(deepnet.zeros(2), deepnet.tensor([1.0, 3.0]))
    tensor(5.)
    """
    _warn_broadcast("mse_loss", input, target)
    loss = _core.square(input - target)
    return _weighted(loss, weight, legacy_reduction(size_average, reduce, reduction), "mse_loss")


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|input - target|; arguments as in `mse_loss`."""
    _warn_broadcast("l1_loss", input, target)
    loss = _core.abs(input - target)
    return _weighted(loss, weight, legacy_reduction(size_average, reduce, reduction), "l1_loss")


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """d² / (2 beta) where d = |input - target| is below beta, else d - beta / 2."""
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    if beta == 0:
        return l1_loss(input, target, size_average, reduce, reduction)
    _warn_broadcast("smooth_l1_loss", input, target)
    d = _core.abs(input - target)
    loss = _core.where(d < beta, d * d * (0.5 / beta), d - 0.5 * beta)
    return reduced("smooth_l1_loss", loss, legacy_reduction(size_average, reduce, reduction))


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """d² / 2 where d = |input - target| is at most delta, else delta * (d - delta / 2)."""
    if delta <= 0:
        raise ValueError(f"huber_loss: delta must be positive, got {delta}")
    _warn_broadcast("huber_loss", input, target)
    d = _core.abs(input - target)
    loss = _core.where(d <= delta, d * d * 0.5, (d - 0.5 * delta) * delta)
    return _weighted(loss, weight, reduction, "huber_loss")


def _bounded_log(x: Tensor) -> Tensor:
    """log(x), at least -100. Below 1e-12 its gradient is that of a line of slope 1e12, so it stays finite at 0."""
    tiny = x < 1e-12
    inside = _core.log(_core.where(tiny, 1.0, x))
    with deepnet.no_grad():
        edge = _core.log(x).clamp(min=-100.0)
        origin = x.detach()
    return _core.where(tiny, edge + (x - origin) * 1e12, inside)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(t log p + (1 - t) log(1 - p)); logarithms are at least -100.

    Parameters
    ----------
    input : Tensor, probabilities p
    target : Tensor, shape of input, values t in [0, 1]
    weight : Tensor, broadcastable, optional
    size_average, reduce : deprecated in favour of `reduction`
    reduction : {'mean', 'sum', 'none'}
    """
    if input.shape != target.shape:
        raise ValueError(
            f"binary_cross_entropy: target and input must have one size, got {tuple(target.shape)} and {tuple(input.shape)}"
        )
    loss = (target - 1) * _bounded_log(1 - input) - target * _bounded_log(input)
    if weight is not None:
        loss = loss * weight
    return reduced("binary_cross_entropy", loss, legacy_reduction(size_average, reduce, reduction))


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Binary cross-entropy of sigmoid(input), without overflow.

    Parameters
    ----------
    input : Tensor, logits
    target : Tensor, shape of input, values in [0, 1]
    weight : Tensor, broadcastable, optional
    size_average, reduce : deprecated in favour of `reduction`
    reduction : {'mean', 'sum', 'none'}
    pos_weight : Tensor, broadcastable, optional
        Factor of the positive part.
    """
    if input.shape != target.shape:
        raise ValueError(
            "binary_cross_entropy_with_logits: target and input must have one size, "
            f"got {tuple(target.shape)} and {tuple(input.shape)}"
        )
    log_p = _core.logsigmoid(input)
    if pos_weight is not None:
        log_p = log_p * ((pos_weight - 1) * target + 1)
    loss = (1 - target) * input - log_p
    if weight is not None:
        loss = loss * weight
    return reduced("binary_cross_entropy_with_logits", loss, legacy_reduction(size_average, reduce, reduction))


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """T (log t - input), the terms of the divergence of exp(input) from t.

    Parameters
    ----------
    input : Tensor, log-probabilities
    target : Tensor, probabilities, or their logarithms with `log_target`
    size_average, reduce : deprecated in favour of `reduction`
    reduction : {'mean', 'batchmean', 'sum', 'none'}
        'batchmean' divides the sum by the first size: the divergence itself.
    log_target : bool
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    loss = target.exp() * (target - input) if log_target else _core.xlogy(target, target) - target * input
    if reduction == "batchmean":
        return loss.sum() / input.shape[0] if input.dim() else loss.sum()
    return reduced("kl_div", loss, reduction)


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """exp(input) - t * input, or input - t * log(input + eps) where `log_input` is False.

    `full` adds Stirling's approximation of log(t!) where t > 1.
    """
    loss = _core.exp(input) - target * input if log_input else input - target * _core.log(input + eps)
    if full:
        stirling = target * _core.log(target) - target + 0.5 * _core.log(2 * math.pi * target)
        loss = loss + stirling.masked_fill(target <= 1, 0.0)
    return reduced("poisson_nll_loss", loss, legacy_reduction(size_average, reduce, reduction))


def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Tensor | float, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """(log v + (input - target)² / v) / 2 with v = max(var, eps).

    Parameters
    ----------
    input, target : Tensor, one shape (means and values)
    var : Tensor or float
        Of that shape, or with its last axis 1 or left out.
    full : bool
        Add log(2 pi) / 2.
    eps : float
        Added bound; it has no gradient.
    reduction : {'mean', 'sum', 'none'}
    """
    if isinstance(var, (int, float)):
        var = deepnet.full_like(input, var)
    if var.shape != input.shape:
        if var.shape == input.shape[:-1]:
            var = var.unsqueeze(-1)
        elif not (var.dim() == input.dim() and all(v in (1, s) for v, s in zip(var.shape, input.shape, strict=True))):
            raise ValueError(f"gaussian_nll_loss: var is of incorrect size {tuple(var.shape)} for {tuple(input.shape)}")
    with deepnet.no_grad():
        if bool((var < 0).any()):
            raise ValueError("gaussian_nll_loss: var has negative entries")
        lift = var.clamp(min=eps) - var
    var = var + lift
    loss = 0.5 * (_core.log(var) + _core.square(input - target) / var)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return reduced("gaussian_nll_loss", loss, reduction)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log softmax(input) at the target class.

    Parameters
    ----------
    input : Tensor, shape (N, C), (C,) or (N, C, d1, ...), logits
    target : Tensor
        Classes, int64, shape (N), () or (N, d1, ...); or probabilities, the input's shape.
    weight : Tensor, shape (C,), optional
    size_average, reduce : deprecated in favour of `reduction`
    ignore_index : int
        Such targets take no part.
    reduction : {'mean', 'sum', 'none'}
        The mean of classes is over the weights of those that take part.
    label_smoothing : float
        Share of each target spread over all classes.

    Returns
    -------
    Tensor, shape () or, with 'none', that of the classes

    Examples
    --------
    >>> import deepnet, deepnet.nn.functional as F
    >>> F.cross_entropy(deepnet.zeros(2, 4), deepnet.tensor([0, 3]))
    tensor(1.3863)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    if input.dim() == 1:
        loss = cross_entropy(
            input.unsqueeze(0), target.unsqueeze(0), weight, None, ignore_index, None, reduction, label_smoothing
        )
        return loss.squeeze(0) if reduction == "none" else loss
    return _core.cross_entropy(input, target, weight, reduction, ignore_index, label_smoothing)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-input at the target class; arguments as in `cross_entropy`, input log-probabilities."""
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    if input.dim() == 1:
        loss = nll_loss(input.unsqueeze(0), target.unsqueeze(0), weight, None, ignore_index, None, reduction)
        return loss.squeeze(0) if reduction == "none" else loss
    return _core.nll_loss(input, target, weight, reduction, ignore_index)


__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "gaussian_nll_loss", "huber_loss", "kl_div",
    "l1_loss", "mse_loss", "nll_loss", "poisson_nll_loss", "smooth_l1_loss",
]  # fmt: skip
