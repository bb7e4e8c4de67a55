"""Sampling on grids, and moving cells between space and channels."""

from __future__ import annotations

import itertools
from typing import Any

import deepnet
from deepnet import _core
from deepnet._core import Tensor


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """(..., C * r², H, W) to (..., C, H * r, W * r)."""
    r = upscale_factor
    if input.dim() < 3 or r < 1 or input.shape[-3] % (r * r):
        raise ValueError(f"pixel_shuffle: channels must be divisible by {r}², got shape {tuple(input.shape)}")
    *lead, c, h, w = input.shape
    n = len(lead)
    x = input.reshape([*lead, c // (r * r), r, r, h, w])
    x = x.permute([*range(n), n, n + 3, n + 1, n + 4, n + 2])
    return x.reshape([*lead, c // (r * r), h * r, w * r])


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """(..., C, H * r, W * r) to (..., C * r², H, W)."""
    r = downscale_factor
    if input.dim() < 3 or r < 1 or input.shape[-1] % r or input.shape[-2] % r:
        raise ValueError(f"pixel_unshuffle: height and width must be divisible by {r}, got shape {tuple(input.shape)}")
    *lead, c, h, w = input.shape
    n = len(lead)
    x = input.reshape([*lead, c, h // r, r, w // r, r])
    x = x.permute([*range(n), n, n + 2, n + 4, n + 1, n + 3])
    return x.reshape([*lead, c * r * r, h // r, w // r])


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Interleave the channels (axis 1) of `groups` groups."""
    if input.dim() < 3 or groups < 1 or input.shape[1] % groups:
        raise ValueError(f"channel_shuffle: channels must be divisible by {groups}, got shape {tuple(input.shape)}")
    n, c = input.shape[:2]
    return input.reshape([n, groups, c // groups, *input.shape[2:]]).transpose(1, 2).reshape(list(input.shape))


def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """Where each output cell of an affine map comes from, for `grid_sample`.

    Parameters
    ----------
    theta : Tensor, shape (N, 2, 3) or (N, 3, 4)
    size : (N, C, H, W) or (N, C, D, H, W)
    align_corners : bool, optional
        Whether -1 and 1 are the centres of the corner cells rather than their outer edges.

    Returns
    -------
    Tensor, shape (N, H, W, 2) or (N, D, H, W, 3), (x, y) or (x, y, z) in [-1, 1]
    """
    n, spatial = int(size[0]), [int(s) for s in size[2:]]
    axes = len(spatial)
    if tuple(theta.shape) != (n, axes, axes + 1):
        raise ValueError(
            f"affine_grid: theta must have shape {(n, axes, axes + 1)} for size {tuple(size)}, got {tuple(theta.shape)}"
        )

    def centers(count: int) -> Tensor:
        if count == 1:
            return deepnet.zeros(1, dtype=theta.dtype, device=theta.device)
        line = deepnet.linspace(-1, 1, count, dtype=theta.dtype, device=theta.device)
        return line if align_corners else line * ((count - 1) / count)

    coordinates = []  # x first: the last axis
    for k in reversed(range(axes)):
        shape = [1] * axes
        shape[k] = -1
        coordinates.append(centers(spatial[k]).reshape(shape).expand(spatial))
    base = _core.stack([*coordinates, deepnet.ones(spatial, dtype=theta.dtype, device=theta.device)], -1)
    return (base.reshape(1, -1, axes + 1) @ theta.transpose(1, 2)).reshape([n, *spatial, axes])


def _reflect(x: Tensor, low: float, high: float) -> Tensor:
    """X reflected at low and high until it lies between."""
    if low == high:
        return x * 0.0
    span = high - low
    away = _core.abs(x - low)
    extra = _core.fmod(away, span)
    flips = _core.floor(away / span)
    return _core.where(_core.fmod(flips, 2) == 0, extra + low, span - extra + low)


def _cubic_weights(t: Tensor) -> list[Tensor]:
    a = -0.75

    def near(x: Tensor) -> Tensor:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Tensor) -> Tensor:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def grid_sample(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Tensor:
    """Values of the input at the places that `grid` names.

    Parameters
    ----------
    input : Tensor, shape (N, C, H, W) or (N, C, D, H, W)
    grid : Tensor, shape (N, H_out, W_out, 2) or (N, D_out, H_out, W_out, 3)
        (x, y) or (x, y, z); -1 and 1 are the input's borders.
    mode : {'bilinear', 'nearest', 'bicubic'}
    padding_mode : {'zeros', 'border', 'reflection'}
        What lies beyond the borders.
    align_corners : bool, optional
        Whether -1 and 1 are the centres of the corner cells rather than their outer edges.

    Returns
    -------
    Tensor, shape (N, C, H_out, W_out) or (N, C, D_out, H_out, W_out)
    """
    axes = input.dim() - 2
    if axes not in (2, 3) or grid.dim() != input.dim() or grid.shape[-1] != axes or grid.shape[0] != input.shape[0]:
        raise ValueError(f"grid_sample: grid of shape {tuple(grid.shape)} does not go with input {tuple(input.shape)}")
    if mode not in ("bilinear", "nearest", "bicubic") or (mode == "bicubic" and axes == 3):
        raise ValueError(f"grid_sample: mode {mode!r} does not go with input {tuple(input.shape)}")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(f"grid_sample: padding_mode must be 'zeros', 'border' or 'reflection', got {padding_mode!r}")
    n, c = input.shape[:2]
    sizes = list(input.shape[2:])
    out = list(grid.shape[1:-1])
    flat = input.reshape(n, c, -1)

    def place(x: Tensor, size: int) -> Tensor:
        """A coordinate of cells, brought inside as the padding asks."""
        if padding_mode == "reflection":
            x = _reflect(x, 0.0, size - 1.0) if align_corners else _reflect(x, -0.5, size - 0.5)
        return x if padding_mode == "zeros" else x.clamp(0, size - 1)

    where = []  # per spatial axis, the coordinate in cells
    for k, size in enumerate(sizes):
        x = grid[..., axes - 1 - k]
        x = (x + 1) * (0.5 * (size - 1)) if align_corners else ((x + 1) * size - 1) * 0.5
        where.append(x if mode == "bicubic" else place(x, size))

    def values(cells: list[Tensor]) -> Tensor:
        """Input at whole cells, 0 outside; (N, C, *out)."""
        index: Any = 0
        inside: Any = None
        for cell, size in zip(cells, sizes, strict=True):
            if mode == "bicubic":
                cell = place(cell, size)
            ok = (cell >= 0) & (cell <= size - 1)
            inside = ok if inside is None else inside & ok
            index = index * size + _core.where(ok, cell, 0.0).to(deepnet.int64)
        got = flat.gather(2, index.reshape(n, 1, -1).expand(n, c, index[0].numel())).reshape([n, c, *out])
        return got * inside.unsqueeze(1).to(got.dtype)

    if mode == "nearest":
        picked = values([deepnet.round(x.detach()) for x in where])
        # The grid's gradient is zero, not missing.
        return picked + where[0].clamp(0, 0).unsqueeze(1) * 0 if grid.requires_grad else picked
    bases = [_core.floor(x.detach()) for x in where]
    if mode == "bicubic":
        weights = [_cubic_weights(x - b) for x, b in zip(where, bases, strict=True)]
        offsets = range(-1, 3)
    else:
        weights = [[1 - (x - b), x - b] for x, b in zip(where, bases, strict=True)]
        offsets = range(2)
    result: Any = None
    for corner in itertools.product(range(len(offsets)), repeat=axes):
        w: Any = None
        for k, i in enumerate(corner):
            w = weights[k][i] if w is None else w * weights[k][i]
        part = values([b + offsets[i] for b, i in zip(bases, corner, strict=True)]) * w.unsqueeze(1)
        result = part if result is None else result + part
    return result


__all__ = ["affine_grid", "channel_shuffle", "grid_sample", "pixel_shuffle", "pixel_unshuffle"]
