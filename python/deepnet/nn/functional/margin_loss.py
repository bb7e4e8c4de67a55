"""Losses of margins and rankings."""

from __future__ import annotations

from collections.abc import Callable

import deepnet
from deepnet import _core
from deepnet._core import Tensor

from ._args import legacy_reduction, reduced
from .distance import pairwise_distance


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """log(1 + exp(-target * input)), targets being 1 or -1."""
    loss = _core.log1p(_core.exp(-target * input))
    return reduced("soft_margin_loss", loss, legacy_reduction(size_average, reduce, reduction))


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Input where the target is 1, max(0, margin - input) where it is -1."""
    near = _core.where(target != -1, input, 0.0)
    far = _core.where(target != 1, _core.relu(margin - input), 0.0)
    return reduced("hinge_embedding_loss", near + far, legacy_reduction(size_average, reduce, reduction))


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, -target * (input1 - input2) + margin)."""
    if not input1.dim() == input2.dim() == target.dim():
        raise ValueError(
            "margin_ranking_loss: input1, input2 and target must have as many dimensions, "
            f"got {tuple(input1.shape)}, {tuple(input2.shape)} and {tuple(target.shape)}"
        )
    loss = _core.clamp(-target * (input1 - input2) + margin, min=0)
    return reduced("margin_ranking_loss", loss, legacy_reduction(size_average, reduce, reduction))


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos where the target is 1, max(0, cos - margin) where it is -1.

    Parameters
    ----------
    input1, input2 : Tensor, shape (N, D) or (D,)
    target : Tensor, shape (N,) or ()
    margin : float
    """
    if target.dim() + 1 != input1.dim() or target.dim() + 1 != input2.dim():
        raise ValueError(
            "cosine_embedding_loss: inputs must have one dimension more than target, "
            f"got {tuple(input1.shape)}, {tuple(input2.shape)} and {tuple(target.shape)}"
        )
    epsilon = 1e-12  # goes with the squared norms, as in PyTorch
    dot = (input1 * input2).sum(-1)
    squares = ((input1 * input1).sum(-1) + epsilon) * ((input2 * input2).sum(-1) + epsilon)
    cos = dot / squares.sqrt()
    zero = deepnet.zeros_like(cos)
    loss = _core.where(target == 1, 1 - cos, zero) + _core.where(target == -1, _core.clamp(cos - margin, min=0), zero)
    return reduced("cosine_embedding_loss", loss, legacy_reduction(size_average, reduce, reduction))


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin).

    Parameters
    ----------
    anchor, positive, negative : Tensor, shape (N, D) or (D,)
    distance_function : callable, optional
        `pairwise_distance` where left out.
    margin : float
    swap : bool
        Take the nearer of anchor and positive to the negative.
    reduction : {'mean', 'sum', 'none'}
    """
    if margin <= 0:
        raise ValueError(f"triplet_margin_loss: margin must be greater than 0, got {margin}")
    if not anchor.dim() == positive.dim() == negative.dim():
        raise ValueError(
            "triplet_margin_loss: anchor, positive and negative must have as many dimensions, "
            f"got {tuple(anchor.shape)}, {tuple(positive.shape)} and {tuple(negative.shape)}"
        )
    distance = pairwise_distance if distance_function is None else distance_function
    d_positive, d_negative = distance(anchor, positive), distance(anchor, negative)
    if swap:
        d_negative = deepnet.minimum(d_negative, distance(positive, negative))
    return reduced("triplet_margin_loss", _core.clamp(margin + d_positive - d_negative, min=0), reduction)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_with_distance_loss` with the p-norm of the difference."""
    return triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=lambda a, b: pairwise_distance(a, b, p, eps),
        margin=margin,
        swap=swap,
        reduction=legacy_reduction(size_average, reduce, reduction),
    )


def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Hinge between every target class and every other class, over the number of classes.

    Parameters
    ----------
    input : Tensor, shape (N, C) or (C,)
    target : Tensor of int64, shape of input
        Classes of each sample up to the first -1.
    """
    if input.shape != target.shape:
        raise ValueError(f"multilabel_margin_loss: inconsistent sizes {tuple(target.shape)} and {tuple(input.shape)}")
    x, t = (input, target) if input.dim() == 2 else (input.reshape(1, -1), target.reshape(1, -1))
    classes = x.shape[1]
    listed = (_core.cumsum((t < 0).to(deepnet.int64), 1) == 0) & (t >= 0)
    where = _core.where(listed, t, 0)
    is_target = deepnet.zeros(x.shape, dtype=deepnet.int64, device=x.device).scatter_add(1, where, listed.to(deepnet.int64)) > 0
    at_target = x.gather(1, where)
    hinge = _core.relu(1 - at_target.unsqueeze(2) + x.unsqueeze(1))  # (N, target, class)
    counts = listed.unsqueeze(2) & ~is_target.unsqueeze(1)
    loss = hinge.masked_fill(~counts, 0.0).sum([1, 2]) / classes
    loss = reduced("multilabel_margin_loss", loss, legacy_reduction(size_average, reduce, reduction))
    return loss if input.dim() == 2 or loss.dim() == 0 else loss.squeeze(0)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Binary cross-entropy of sigmoid(input) against 0-or-1 targets, averaged over the classes (last axis)."""
    loss = -(target * _core.logsigmoid(input) + (1 - target) * _core.logsigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return reduced("multilabel_soft_margin_loss", loss.mean(-1), legacy_reduction(size_average, reduce, reduction))


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Sum over the other classes of max(0, margin - x[target] + x[class]) ** p, over the number of classes.

    Parameters
    ----------
    input : Tensor, shape (N, C) or (C,)
    target : Tensor of int64, shape (N,) or ()
    p : {1, 2}
    margin : float
    weight : Tensor, shape (C,), optional
    """
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: only p = 1 and p = 2 are supported, got {p}")
    single = input.dim() < 2
    x = input.reshape(1, -1) if single else input
    t = target.reshape(-1, 1)
    terms = _core.relu(margin - x.gather(1, t) + x)
    if p == 2:
        terms = terms * terms
    if weight is not None:
        terms = terms * weight[t]
    others = deepnet.arange(x.shape[1], device=x.device).unsqueeze(0) != t
    loss = terms.masked_fill(~others, 0.0).sum(1) / x.shape[1]
    loss = reduced("multi_margin_loss", loss, legacy_reduction(size_average, reduce, reduction))
    return loss.squeeze(0) if single and target.dim() == 0 and loss.dim() else loss


__all__ = [
    "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss",
    "multilabel_margin_loss", "multilabel_soft_margin_loss", "soft_margin_loss", "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]  # fmt: skip
