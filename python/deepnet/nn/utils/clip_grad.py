"""Bounding gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import deepnet
from deepnet import _core
from deepnet._core import Tensor


def _with_grad(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    params = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    return [p for p in params if p.grad is not None]


def get_total_norm(
    tensors: Tensor | Iterable[Tensor], norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: Any = None
) -> Tensor:
    """The norm of all tensors together, as one vector.

    Parameters
    ----------
    tensors : Tensor or iterable of Tensor
    norm_type : float
        May be inf.
    error_if_nonfinite : bool
        Raise RuntimeError where the norm is nan or infinite.
    foreach : optional
        Accepted and without effect.

    Returns
    -------
    Tensor, shape ()
    """
    items = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if not items:
        return deepnet.tensor(0.0)
    with deepnet.no_grad():
        norms = [deepnet.norm(t.detach(), float(norm_type)) for t in items]
        total = norms[0] if len(norms) == 1 else deepnet.norm(_core.stack(norms), float(norm_type))
    if error_if_nonfinite and not bool(_core.isfinite(total)):
        raise RuntimeError(
            f"The total norm of order {float(norm_type)} of the gradients is non-finite, so it cannot be clipped."
        )
    return total


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor, foreach: Any = None
) -> None:
    """Scale the gradients, in place, by max_norm / total_norm where that is below one."""
    with deepnet.no_grad():
        factor = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
        for p in _with_grad(parameters):
            p.grad.mul_(factor.to(p.grad.dtype))


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: Any = None,
) -> Tensor:
    """Scale the gradients, in place, so that their norm as one vector is at most `max_norm`.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
    max_norm : float
    norm_type : float
        May be inf.
    error_if_nonfinite : bool
        Raise RuntimeError where the norm is nan or infinite.
    foreach : optional
        Accepted and without effect.

    Returns
    -------
    Tensor, shape ()
        The norm before scaling.

    Examples
    --------
    >>> import deepnet, deepnet.nn as nn
    >>> p = nn.Parameter(deepnet.zeros(2))
    >>> p.grad = deepnet.tensor([3.0, 4.0])
    >>> float(nn.utils.clip_grad_norm_([p], 1.0))
    5.0
    >>> p.grad
    tensor([0.6000, 0.8000])
    """
    params = _with_grad(parameters)
    total = get_total_norm([p.grad for p in params], norm_type, error_if_nonfinite)
    clip_grads_with_norm_(params, max_norm, total)
    return total


def clip_grad_norm(
    parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """The older name of `clip_grad_norm_`."""
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite)


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: Any = None) -> None:
    """Clamp every gradient, in place, to [-clip_value, clip_value]."""
    bound = float(clip_value)
    with deepnet.no_grad():
        for p in _with_grad(parameters):
            p.grad.clamp_(-bound, bound)


__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]
