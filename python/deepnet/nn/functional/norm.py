"""Normalisation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import deepnet
from deepnet import _core
from deepnet._core import Tensor


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel over batch and positions [1]_.

    Parameters
    ----------
    input : Tensor, shape (N, C, ...)
    running_mean, running_var : Tensor, shape (C,), optional
        In training moved towards the batch's by `momentum`; otherwise used in its place.
    weight, bias : Tensor, shape (C,), optional
    training : bool
        Use the batch's statistics.
    momentum, eps : float

    References
    ----------
    .. [1] Ioffe & Szegedy, Batch normalization, arXiv:1502.03167.
    """
    if training and input.dim() > 1 and input.numel() == input.shape[1]:
        raise ValueError(f"batch_norm: expected more than 1 value per channel when training, got shape {tuple(input.shape)}")
    return _core.batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel of each sample over its positions; arguments as in `batch_norm`."""
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise ValueError("instance_norm: expected running_mean and running_var when use_input_stats=False")
        return _core.batch_norm(input, weight, bias, running_mean, running_var, False, momentum, eps)
    positions = math.prod(input.shape[2:])
    if positions == 1:
        raise ValueError(
            f"instance_norm: expected more than 1 spatial element when training, got input size {tuple(input.shape)}"
        )
    if running_mean is not None and running_var is not None:
        with deepnet.no_grad():
            flat = input.detach().flatten(2)
            running_mean.lerp_(flat.mean(2).mean(0).to(running_mean.dtype), momentum)
            running_var.lerp_(flat.var(2).mean(0).to(running_var.dtype), momentum)
    return _core.group_norm(input, input.shape[1], weight, bias, eps)


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise over the last axes [1]_.

    Parameters
    ----------
    input : Tensor, shape (..., *normalized_shape)
    normalized_shape : sequence of int
    weight, bias : Tensor, shape normalized_shape, optional
    eps : float

    References
    ----------
    .. [1] Ba, Kiros & Hinton, Layer normalization, arXiv:1607.06450.
    """
    return _core.layer_norm(input, normalized_shape, weight, bias, eps)


def rms_norm(input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    """X / sqrt(mean(x²) + eps) over the last axes; eps is the dtype's machine epsilon where left out.

    Parameters
    ----------
    input : Tensor, shape (..., *normalized_shape)
    normalized_shape : sequence of int
    weight : Tensor, shape normalized_shape, optional
    eps : float, optional
    """
    return _core.rms_norm(input, normalized_shape, weight, eps)


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalise groups of channels of each sample [1]_.

    Parameters
    ----------
    input : Tensor, shape (N, C, ...)
    num_groups : int
        Divides C.
    weight, bias : Tensor, shape (C,), optional
    eps : float

    References
    ----------
    .. [1] Wu & He, Group normalization, arXiv:1803.08494.
    """
    if input.dim() < 2:
        raise ValueError(f"group_norm: expected at least 2 dimensions, got shape {tuple(input.shape)}")
    if num_groups < 1 or input.shape[1] % num_groups:
        raise ValueError(f"group_norm: {input.shape[1]} channels must be divisible by num_groups, got {num_groups}")
    return _core.group_norm(input, num_groups, weight, bias, eps)


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """X / (k + alpha * mean of x² over `size` neighbouring channels) ** beta.

    Parameters
    ----------
    input : Tensor, shape (N, C, ...) with at least 3 dimensions
    size : int
    alpha, beta, k : float
    """
    if input.dim() < 3:
        raise ValueError(f"local_response_norm: expected 3D or higher dimensionality input, got shape {tuple(input.shape)}")
    if input.numel() == 0:
        return input
    squares = (input * input).reshape(input.shape[0], 1, input.shape[1], -1)
    squares = _core.constant_pad(squares, [0, 0, size // 2, (size - 1) // 2])
    means = _core.avg_pool(squares, [size, 1], [1, 1], [0, 0], False, True, None).reshape(input.shape)
    return input / (means * alpha + k).pow(beta)


def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Tensor | None = None) -> Tensor:
    """X over its p-norm along `dim`, the norm being at least eps.

    Parameters
    ----------
    input : Tensor
    p : float
    dim : int or tuple of int
    eps : float
    out : Tensor, optional
        Takes the result.
    """
    result = input / deepnet.norm(input, p, dim, True).clamp(min=eps)
    return result if out is None else out.copy_(result)


__all__ = [
    "batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "normalize", "rms_norm",
]  # fmt: skip
