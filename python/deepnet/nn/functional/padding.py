"""Padding."""

from __future__ import annotations

from collections.abc import Sequence

import deepnet
from deepnet import _core
from deepnet._core import Tensor


def _source(mode: str, size: int, before: int, after: int) -> list[int]:
    """For each cell of a padded axis, the cell of the axis that it repeats."""
    places = range(-before, size + after)
    if mode == "replicate":
        return [min(max(i, 0), size - 1) for i in places]
    if mode == "circular":
        return [i % size for i in places]
    return [abs(i) if i < size else 2 * (size - 1) - i for i in places]


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Add cells around the last axes.

    Parameters
    ----------
    input : Tensor
    pad : sequence of int
        (before, after) of the last axis, then of the one before it, and so on. Negative numbers crop.
    mode : {'constant', 'reflect', 'replicate', 'circular'}
        The latter three pad the last one to three axes and leave the first one or two alone.
    value : float, optional
        What 'constant' fills with; 0 where left out.

    Examples
    --------
    >>> import deepnet, deepnet.nn.functional as F
    >>> F.pad(deepnet.tensor([[1.0, 2.0, 3.0]]), (2, 1), mode="reflect")
    tensor([[3., 2., 1., 2., 3., 2.]])
    """
    amounts = [int(p) for p in pad]
    if len(amounts) % 2:
        raise ValueError(f"pad: padding length must be divisible by 2, got {amounts}")
    axes = len(amounts) // 2
    if axes > input.dim():
        raise ValueError(f"pad: padding {amounts} is for {axes} axes, the input has shape {tuple(input.shape)}")
    if mode == "constant":
        return _core.constant_pad(input, amounts, value=0.0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise ValueError(f"pad: mode must be 'constant', 'reflect', 'replicate' or 'circular', got {mode!r}")
    if value is not None and value != 0:
        raise ValueError(f'pad: padding mode "{mode}" doesn\'t take in value argument')
    if axes > 3 or input.dim() - axes not in (1, 2):
        raise ValueError(
            f"pad: mode {mode!r} pads all but the first one or two of 2 to 5 axes, got {tuple(input.shape)}, {amounts}"
        )
    y = input
    for k in range(axes):
        before, after = amounts[2 * k], amounts[2 * k + 1]
        axis = input.dim() - 1 - k
        size = input.shape[axis]
        if mode == "circular" and min(before, after) < 0:  # what is cropped away does not come back around
            y = y.narrow(axis, max(-before, 0), size + min(before, 0) + min(after, 0))
            before, after, size = max(before, 0), max(after, 0), y.shape[axis]
        most = size - 1 if mode == "reflect" else size
        if mode != "replicate" and max(before, after) > most:
            raise ValueError(
                f"pad: {mode} padding of axis {axis} must be at most {most}, got ({before}, {after}) for {tuple(input.shape)}"
            )
        if size + before + after < 1:
            raise ValueError(f"pad: ({before}, {after}) leaves nothing of axis {axis} of {tuple(input.shape)}")
        if before or after:
            y = y.index_select(axis, deepnet.tensor(_source(mode, size, before, after), device=input.device))
    return y


__all__ = ["pad"]
