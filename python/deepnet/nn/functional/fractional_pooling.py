"""Maximum pooling over windows of random places, arXiv:1412.6071."""

from __future__ import annotations

import itertools
from typing import Any

import deepnet
from deepnet._core import Tensor

from ._args import batched, ntuple


def _starts(u: Tensor, size: int, out: int, kernel: int) -> Tensor:
    """Where the windows begin along an axis: steps of about (size - kernel) / (out - 1), shifted by u in [0, 1).

    u has shape (N, C); the result (N, C, out).
    """
    last = size - kernel
    if out == 1:
        return deepnet.full([*u.shape, 1], last, dtype=deepnet.int64, device=u.device)
    alpha = last / (out - 1)
    steps = deepnet.arange(out - 1, dtype=u.dtype, device=u.device)
    shift = u.unsqueeze(-1)
    starts = ((steps + shift) * alpha).to(deepnet.int64) - (shift * alpha).to(deepnet.int64)
    end = deepnet.full([*u.shape, 1], last, dtype=deepnet.int64, device=u.device)
    return deepnet.cat([starts, end], -1)


def _fractional(
    op: str, n: int, input: Tensor, kernel_size: Any, output_size: Any, output_ratio: Any, return_indices: bool, samples: Any
) -> Any:
    x, single = batched(op, input, n)
    kernel = ntuple(kernel_size, n, op, "kernel_size")
    sizes = list(x.shape[2:])
    if (output_size is None) == (output_ratio is None):
        raise ValueError(f"{op}: exactly one of output_size and output_ratio has to be given")
    if output_size is None:
        ratios = list(output_ratio) if isinstance(output_ratio, (list, tuple)) else [output_ratio] * n
        if any(not 0 < r < 1 for r in ratios):
            raise ValueError(f"{op}: output_ratio must be between 0 and 1, got {output_ratio}")
        out = [int(s * r) for s, r in zip(sizes, ratios, strict=True)]
    else:
        out = ntuple(output_size, n, op, "output_size")
    for s, k, o in zip(sizes, kernel, out, strict=True):
        if o + k - 1 > s or o < 1:
            raise ValueError(f"{op}: input of sizes {sizes} is too small for kernel {kernel} and output {out}")
    batch, channels = x.shape[:2]
    if samples is None:
        samples = deepnet.rand((batch, channels, n), dtype=x.dtype, device=x.device)
    # The last sample goes with the first axis in three dimensions, and with the first of two.
    starts = [_starts(samples[:, :, n - 1 - k], sizes[k], out[k], kernel[k]) for k in range(n)]
    cells = []
    for offsets in itertools.product(*(range(k) for k in kernel)):
        flat: Any = 0
        for axis in range(n):
            shape = [batch, channels] + [1] * n
            shape[2 + axis] = out[axis]
            flat = flat * sizes[axis] + (starts[axis] + offsets[axis]).reshape(shape)
        cells.append(flat.expand([batch, channels, *out]).reshape(batch, channels, -1))
    index = deepnet.stack(cells, -1)  # (N, C, outputs, cells of a window)
    values = x.flatten(2).gather(2, index.flatten(2)).reshape(list(index.shape))
    chosen = values.detach().argmax(-1, keepdim=True)
    best = values.gather(3, chosen).reshape([batch, channels, *out])
    where = index.gather(3, chosen).reshape([batch, channels, *out])
    if single:
        best, where = best.squeeze(0), where.squeeze(0)
    return (best, where) if return_indices else best


def fractional_max_pool2d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """The maxima of windows at random places, as many as the output has cells.

    Parameters
    ----------
    input : Tensor, shape (N, C, H, W) or (C, H, W)
    kernel_size : int or (int, int)
    output_size : int or (int, int), optional
    output_ratio : float or (float, float), optional
        The output's sizes over the input's; one of the two has to be given.
    return_indices : bool
        Also return where each maximum stands in its flattened plane.
    """
    return _fractional(
        "fractional_max_pool2d", 2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples
    )


def fractional_max_pool3d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """The maxima of windows at random places of volumes; arguments as in `fractional_max_pool2d`."""
    return _fractional(
        "fractional_max_pool3d", 3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples
    )


def fractional_max_pool2d_with_indices(*args: Any, **kwargs: Any) -> Any:
    """`fractional_max_pool2d` with `return_indices=True`."""
    return fractional_max_pool2d(*args, **{**kwargs, "return_indices": True})


def fractional_max_pool3d_with_indices(*args: Any, **kwargs: Any) -> Any:
    """`fractional_max_pool3d` with `return_indices=True`."""
    return fractional_max_pool3d(*args, **{**kwargs, "return_indices": True})


__all__ = [
    "fractional_max_pool2d",
    "fractional_max_pool2d_with_indices",
    "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices",
]
