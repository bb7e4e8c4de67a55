"""Pooling: maximum, average, power-average, adaptive, and the inverse of maximum pooling."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import deepnet
from deepnet import _core
from deepnet._core import Tensor
from deepnet.operators._call import takes_out

from ._args import batched, ntuple


def _max_pool(
    op: str, n: int, input: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, indices: bool
) -> Any:
    x, single = batched(op, input, n)
    sizes = ntuple(kernel, n, op, "kernel_size")
    steps = ntuple(stride, n, op, "stride") if stride is not None and stride != () and stride != [] else sizes
    pads, dilations = ntuple(padding, n, op, "padding"), ntuple(dilation, n, op, "dilation")
    result = _core.max_pool(x, sizes, steps, pads, dilations, ceil_mode, indices)
    if indices:
        return (result[0].squeeze(0), result[1].squeeze(0)) if single else (result[0], result[1])
    return result[0].squeeze(0) if single else result[0]


def max_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """The maximum of each window of a sequence; see `max_pool2d`. Input (N, C, L) or (C, L)."""
    return _max_pool("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """The maximum of each window of an image.

    Parameters
    ----------
    input : Tensor, shape (N, C, H, W) or (C, H, W)
    kernel_size : int or (int, int)
    stride : int or (int, int), optional
        The kernel size where left out.
    padding, dilation : int or (int, int)
    ceil_mode : bool
        Round the output size up.
    return_indices : bool
        Also return where each maximum stands in its flattened plane.

    Returns
    -------
    Tensor, shape (N, C, H_out, W_out), or two of them
        H_out = (H + 2 * padding - dilation * (K_h - 1) - 1) // stride + 1; likewise W_out.

    Examples
    --------
    >>> import deepnet, deepnet.nn.functional as F
    >>> F.max_pool2d(deepnet.ones(1, 2, 6, 6), 2).shape
    Size([1, 2, 3, 3])
    """
    return _max_pool("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """The maximum of each window of a volume; see `max_pool2d`. Input (N, C, D, H, W) or (C, D, H, W)."""
    return _max_pool("max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool1d_with_indices(*args: Any, **kwargs: Any) -> Any:
    """`max_pool1d` with `return_indices=True`."""
    return max_pool1d(*args, **{**kwargs, "return_indices": True})


def max_pool2d_with_indices(*args: Any, **kwargs: Any) -> Any:
    """`max_pool2d` with `return_indices=True`."""
    return max_pool2d(*args, **{**kwargs, "return_indices": True})


def max_pool3d_with_indices(*args: Any, **kwargs: Any) -> Any:
    """`max_pool3d` with `return_indices=True`."""
    return max_pool3d(*args, **{**kwargs, "return_indices": True})


def _avg_pool(
    op: str, n: int, input: Tensor, kernel: Any, stride: Any, padding: Any, ceil_mode: bool, include_pad: bool, divisor: Any
) -> Tensor:
    x, single = batched(op, input, n)
    sizes = ntuple(kernel, n, op, "kernel_size")
    steps = ntuple(stride, n, op, "stride") if stride is not None and stride != () and stride != [] else sizes
    if divisor == 0:
        raise ValueError(f"{op}: divisor_override must not be zero")
    y = _core.avg_pool(x, sizes, steps, ntuple(padding, n, op, "padding"), ceil_mode, include_pad, divisor)
    return y.squeeze(0) if single else y


def avg_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """The mean of each window of a sequence; see `avg_pool2d`. Input (N, C, L) or (C, L)."""
    return _avg_pool("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


@takes_out
def avg_pool2d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """The mean of each window of an image.

    Parameters
    ----------
    input : Tensor, shape (N, C, H, W) or (C, H, W)
    kernel_size : int or (int, int)
    stride : int or (int, int), optional
        The kernel size where left out.
    padding : int or (int, int)
    ceil_mode : bool
        Round the output size up.
    count_include_pad : bool
        Whether padded cells count in the divisor.
    divisor_override : int, optional
        Divide by this in place of the window's size.

    Returns
    -------
    Tensor, shape (N, C, H_out, W_out) or (C, H_out, W_out)
    """
    return _avg_pool("avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


@takes_out
def avg_pool3d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """The mean of each window of a volume; see `avg_pool2d`. Input (N, C, D, H, W) or (C, D, H, W)."""
    return _avg_pool("avg_pool3d", 3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _adaptive_sizes(op: str, x: Tensor, output_size: Any, n: int) -> list[int]:
    """The output size of every axis; None keeps the input's."""
    sizes = list(output_size) if isinstance(output_size, Sequence) else [output_size] * n
    if len(sizes) == 1:
        sizes = sizes * n
    if len(sizes) != n:
        raise ValueError(f"{op}: output_size must be an int or {n} of them, got {output_size}")
    return [int(have if want is None else want) for want, have in zip(sizes, x.shape[-n:], strict=True)]


def _adaptive_avg(op: str, n: int, input: Tensor, output_size: Any) -> Tensor:
    x, single = batched(op, input, n)
    y = _core.adaptive_avg_pool(x, _adaptive_sizes(op, x, output_size, n))
    return y.squeeze(0) if single else y


def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Means over parts of a sequence, as many as `output_size`. Input (N, C, L) or (C, L)."""
    return _adaptive_avg("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means over parts of an image, in a grid of `output_size`.

    Parameters
    ----------
    input : Tensor, shape (N, C, H, W) or (C, H, W)
    output_size : int or (int, int); None for an axis keeps its size
        Cell i covers the input from floor(i * H / H_out) to ceil((i + 1) * H / H_out).

    Returns
    -------
    Tensor, shape (N, C, H_out, W_out) or (C, H_out, W_out)
    """
    return _adaptive_avg("adaptive_avg_pool2d", 2, input, output_size)


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Means over parts of a volume, in a grid of `output_size`. Input (N, C, D, H, W) or (C, D, H, W)."""
    return _adaptive_avg("adaptive_avg_pool3d", 3, input, output_size)


def _adaptive_max(op: str, n: int, input: Tensor, output_size: Any, return_indices: bool) -> Any:
    x, single = batched(op, input, n)
    values, indices = _core.adaptive_max_pool(x, _adaptive_sizes(op, x, output_size, n))
    if single:
        values, indices = values.squeeze(0), indices.squeeze(0)
    return (values, indices) if return_indices else values


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima over parts of a sequence, as many as `output_size`. Input (N, C, L) or (C, L)."""
    return _adaptive_max("adaptive_max_pool1d", 1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima over parts of an image; see `adaptive_avg_pool2d` for the parts."""
    return _adaptive_max("adaptive_max_pool2d", 2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima over parts of a volume. Input (N, C, D, H, W) or (C, D, H, W)."""
    return _adaptive_max("adaptive_max_pool3d", 3, input, output_size, return_indices)


def adaptive_max_pool1d_with_indices(input: Tensor, output_size: Any, return_indices: bool = True) -> Any:
    """`adaptive_max_pool1d` with `return_indices=True`."""
    return adaptive_max_pool1d(input, output_size, True)


def adaptive_max_pool2d_with_indices(input: Tensor, output_size: Any, return_indices: bool = True) -> Any:
    """`adaptive_max_pool2d` with `return_indices=True`."""
    return adaptive_max_pool2d(input, output_size, True)


def adaptive_max_pool3d_with_indices(input: Tensor, output_size: Any, return_indices: bool = True) -> Any:
    """`adaptive_max_pool3d` with `return_indices=True`."""
    return adaptive_max_pool3d(input, output_size, True)


def _lp_pool(
    op: str, n: int, pool: Callable[..., Tensor], input: Tensor, norm_type: float, kernel: Any, stride: Any, ceil_mode: bool
) -> Tensor:
    cells = math.prod(ntuple(kernel, n, op, "kernel_size"))
    mean = pool(_core.pow(input, norm_type), kernel, stride, 0, ceil_mode)
    return (_core.sign(mean) * _core.relu(_core.abs(mean)) * cells).pow(1.0 / norm_type)


def lp_pool1d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """The p-norm of each window of a sequence: the sum of x ** p, to the power 1 / p."""
    return _lp_pool("lp_pool1d", 1, avg_pool1d, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """The p-norm of each window of an image: the sum of x ** p, to the power 1 / p."""
    return _lp_pool("lp_pool2d", 2, avg_pool2d, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """The p-norm of each window of a volume: the sum of x ** p, to the power 1 / p."""
    return _lp_pool("lp_pool3d", 3, avg_pool3d, input, norm_type, kernel_size, stride, ceil_mode)


def _max_unpool(
    op: str, n: int, input: Tensor, indices: Tensor, kernel: Any, stride: Any, padding: Any, output_size: Any
) -> Tensor:
    if input.shape != indices.shape:
        raise ValueError(f"{op}: input and indices must have one shape, got {tuple(input.shape)} and {tuple(indices.shape)}")
    x, single = batched(op, input, n)
    sizes = ntuple(kernel, n, op, "kernel_size")
    steps = ntuple(stride, n, op, "stride") if stride is not None else sizes
    pads = ntuple(padding, n, op, "padding")
    if output_size is None:
        out = [(h - 1) * s - 2 * p + k for h, s, p, k in zip(x.shape[2:], steps, pads, sizes, strict=True)]
    else:
        out = [int(s) for s in output_size][-n:]
    flat = [x.shape[0], x.shape[1], math.prod(out)]
    places = indices.unsqueeze(0) if single else indices
    y = deepnet.zeros(flat, dtype=x.dtype, device=x.device).scatter(2, places.flatten(2), x.flatten(2))
    y = y.reshape([*flat[:2], *out])
    return y.squeeze(0) if single else y


def max_unpool1d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Put maxima back to where `max_pool1d` found them; the rest is zero."""
    return _max_unpool("max_unpool1d", 1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Put maxima back to where `max_pool2d` found them; the rest is zero."""
    return _max_unpool("max_unpool2d", 2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Put maxima back to where `max_pool3d` found them; the rest is zero."""
    return _max_unpool("max_unpool3d", 3, input, indices, kernel_size, stride, padding, output_size)


__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d", "adaptive_max_pool2d_with_indices", "adaptive_max_pool3d",
    "adaptive_max_pool3d_with_indices", "avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d",
    "max_pool1d", "max_pool1d_with_indices", "max_pool2d", "max_pool2d_with_indices", "max_pool3d",
    "max_pool3d_with_indices", "max_unpool1d", "max_unpool2d", "max_unpool3d",
]  # fmt: skip
