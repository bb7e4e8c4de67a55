"""Resizing of sequences, images and volumes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import deepnet
from deepnet._core import Tensor

_LINEAR = {"linear": 1, "bilinear": 2, "trilinear": 3}

# For every output cell the input cells it is made of, tap by tap, and their weights.
Taps = tuple[tuple[tuple[int, ...], ...], tuple[tuple[float, ...], ...]]


def _triangle(x: float) -> float:
    return max(0.0, 1.0 - abs(x))


def _cubic(x: float, a: float) -> float:
    x = abs(x)
    if x < 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * a if x < 2 else 0.0


def _keys_cubic(x: float) -> float:
    return _cubic(x, -0.75)


def _catmull_rom(x: float) -> float:
    return _cubic(x, -0.5)


@lru_cache(maxsize=64)
def _taps(size: int, out: int, scale: float, align_corners: bool, cubic: bool) -> Taps:
    """Weights of linear (2 taps) or cubic (4 taps) interpolation; cells beyond the border repeat it."""
    count = 4 if cubic else 2
    cells: list[list[int]] = [[] for _ in range(count)]
    weights: list[list[float]] = [[] for _ in range(count)]
    for o in range(out):
        x = o * scale if align_corners else (o + 0.5) * scale - 0.5
        if not cubic:
            x = max(x, 0.0)
        base = math.floor(x)
        for tap in range(count):
            cell = base + tap - (1 if cubic else 0)
            cells[tap].append(min(max(cell, 0), size - 1))
            weights[tap].append(_keys_cubic(x - cell) if cubic else _triangle(x - cell))
    return tuple(map(tuple, cells)), tuple(map(tuple, weights))


@lru_cache(maxsize=64)
def _antialias_taps(size: int, out: int, scale: float, cubic: bool) -> Taps:
    """Weights of a filter as wide as the scale; each output's sum to one."""
    filter_: Callable[[float], float] = _catmull_rom if cubic else _triangle
    widen = max(scale, 1.0)
    support = (2.0 if cubic else 1.0) * widen
    rows = []
    for o in range(out):
        center = (o + 0.5) * scale
        low = max(int(center - support + 0.5), 0)
        high = min(int(center + support + 0.5), size)
        w = [filter_((i - center + 0.5) / widen) for i in range(low, high)]
        total = sum(w)
        rows.append((low, [v / total for v in w]))
    count = max(len(w) for _, w in rows)
    cells = tuple(tuple(min(low + tap, size - 1) for low, _ in rows) for tap in range(count))
    weights = tuple(tuple(w[tap] if tap < len(w) else 0.0 for _, w in rows) for tap in range(count))
    return cells, weights


def _resample(x: Tensor, axis: int, taps: Taps) -> Tensor:
    """Each output cell of an axis: the weighted sum of its input cells, tap by tap."""
    shape = [1] * x.dim()
    shape[axis] = -1
    result: Any = None
    for cells, weights in zip(*taps, strict=True):
        w = deepnet.tensor(weights, dtype=x.dtype, device=x.device).reshape(shape)
        part = x.index_select(axis, deepnet.tensor(cells, device=x.device)) * w
        result = part if result is None else result + part
    return result


def _nearest(x: Tensor, sizes: list[int], scales: list[float | None], exact: bool) -> Tensor:
    first = x.dim() - len(sizes)
    have = list(x.shape[first:])
    if (
        not exact
        and all(s is None or s == int(s) for s in scales)
        and all(o % h == 0 for o, h in zip(sizes, have, strict=True))
    ):
        # Whole factors: repeat each cell, in one copy.
        wide, shape = list(x.shape[:first]), list(x.shape[:first])
        for h, o in zip(have, sizes, strict=True):
            wide += [h, o // h]
            shape += [h, 1]
        return x.reshape(shape).expand(wide).reshape([*x.shape[:first], *sizes])
    for k, (h, o, s) in enumerate(zip(have, sizes, scales, strict=True)):
        if h == o and (s is None or s == 1):
            continue
        if s is None:
            cells = [(2 * i + 1) * h // (2 * o) if exact else i * h // o for i in range(o)]
        else:
            cells = [math.floor((i + 0.5) / s) if exact else math.floor(i / s) for i in range(o)]
        x = x.index_select(first + k, deepnet.tensor([min(c, h - 1) for c in cells], device=x.device))
    return x


def _sizes(input: Tensor, size: Any, scale_factor: Any, recompute: bool | None) -> tuple[list[int], list[float | None]]:
    """The output sizes, and the scales that were asked for (None where the sizes decide)."""
    n = input.dim() - 2
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: exactly one of size and scale_factor has to be given")
    if size is not None:
        sizes = [int(s) for s in size] if isinstance(size, Sequence) else [int(size)] * n
        if len(sizes) != n:
            raise ValueError(f"interpolate: size must have {n} entries for input {tuple(input.shape)}, got {size}")
        return sizes, [None] * n
    factors = [float(f) for f in scale_factor] if isinstance(scale_factor, Sequence) else [float(scale_factor)] * n
    if len(factors) != n:
        raise ValueError(f"interpolate: scale_factor must have {n} entries for input {tuple(input.shape)}, got {scale_factor}")
    sizes = [math.floor(h * f) for h, f in zip(input.shape[2:], factors, strict=True)]
    return sizes, [None] * n if recompute else list(factors)


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resize to `size`, or by `scale_factor`.

    Parameters
    ----------
    input : Tensor, shape (N, C, L), (N, C, H, W) or (N, C, D, H, W)
    size : int or sequence of int, optional
    scale_factor : float or sequence of float, optional
    mode : {'nearest', 'nearest-exact', 'linear', 'bilinear', 'bicubic', 'trilinear', 'area'}
    align_corners : bool, optional
        For the linear and cubic modes: whether the corner cells' centres, rather than the corners, coincide.
    recompute_scale_factor : bool, optional
        Interpolate at the ratio of the rounded sizes in place of `scale_factor`.
    antialias : bool
        With 'bilinear' and 'bicubic': widen the filter when shrinking.

    Returns
    -------
    Tensor, shape (N, C, *size)

    Examples
    --------
    >>> import deepnet, deepnet.nn.functional as F
    >>> F.interpolate(deepnet.tensor([[[1.0, 3.0]]]), scale_factor=2, mode="linear")
    tensor([[[1.0000, 1.5000, 2.5000, 3.0000]]])
    """
    from .pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d

    if input.dim() not in (3, 4, 5):
        raise ValueError(f"interpolate: input must have 3 to 5 dimensions, got shape {tuple(input.shape)}")
    n = input.dim() - 2
    plain = ("nearest", "nearest-exact", "area")
    if mode in plain and align_corners is not None:
        raise ValueError("interpolate: align_corners goes with the modes linear, bilinear, bicubic and trilinear")
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(f"interpolate: antialias goes with 'bilinear' and 'bicubic', got mode {mode!r}")
    sizes, scales = _sizes(input, size, scale_factor, recompute_scale_factor)
    if min(sizes) < 1:
        raise ValueError(f"interpolate: sizes must be positive, got {tuple(input.shape[2:])} to {sizes}")
    if mode == "area":
        return (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[n - 1](input, sizes)
    if mode in plain:
        return _nearest(input, sizes, scales, mode == "nearest-exact")
    cubic = mode == "bicubic"
    if _LINEAR.get(mode, 2 if cubic else 0) != n:
        raise ValueError(f"interpolate: mode {mode!r} does not go with input of shape {tuple(input.shape)}")
    y = input
    for k, (o, s) in enumerate(zip(sizes, scales, strict=True)):
        h = input.shape[2 + k]
        if align_corners:
            scale = (h - 1) / (o - 1) if o > 1 else 0.0
        else:
            scale = 1.0 / s if s is not None else h / o
        if h == o and scale == 1.0:
            continue
        if antialias:
            taps = _antialias_taps(h, o, scale, cubic)
        else:
            taps = _taps(h, o, scale, bool(align_corners), cubic)
        y = _resample(y, 2 + k, taps)
    return y


def upsample(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Tensor:
    """The older name of `interpolate`."""
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` with mode='nearest'."""
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` with mode='bilinear' and align_corners=True."""
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


__all__ = ["interpolate", "upsample", "upsample_bilinear", "upsample_nearest"]
