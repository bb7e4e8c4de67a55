"""Looking at batches of images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deepnet.vision.transforms import images

if TYPE_CHECKING:
    from deepnet import Tensor

__all__ = ["make_grid", "save_image"]


def make_grid(
    tensor: Tensor | Sequence[Tensor],
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> Tensor:
    """Lay images out in a grid.

    Parameters
    ----------
    tensor : Tensor, shape (N, C, H, W), (C, H, W) or (H, W), or a sequence of (C, H, W)
    nrow : int
        Images a row.
    padding : int
        Pixels between images.
    normalize : bool
        Map ``value_range``, by default the least and the largest value, to 0 … 1; ``scale_each`` image by itself.
    pad_value : float

    Returns
    -------
    Tensor, shape (3, H_grid, W_grid); grey images become three equal channels.
    """
    import deepnet as dn

    batch = tensor if isinstance(tensor, dn.Tensor) else dn.stack(list(tensor))
    array = batch.detach().cpu().numpy()
    while array.ndim < 4:
        array = array[None]
    if array.shape[1] == 1:
        array = np.repeat(array, 3, axis=1)
    if normalize:
        array = _normalized(array, value_range, scale_each)
    count, channels, height, width = array.shape
    if count == 1:
        return dn.from_numpy(np.ascontiguousarray(array[0]))
    columns = min(nrow, count)
    rows = -(-count // columns)
    down, across = height + padding, width + padding
    grid = np.full((channels, rows * down + padding, columns * across + padding), pad_value, array.dtype)
    for i, image in enumerate(array):
        y, x = i // columns * down + padding, i % columns * across + padding
        grid[:, y : y + height, x : x + width] = image
    return dn.from_numpy(grid)


def _normalized(array: np.ndarray, value_range: tuple[float, float] | None, scale_each: bool) -> np.ndarray:
    axes = (1, 2, 3) if scale_each else (0, 1, 2, 3)
    if value_range is not None:
        low, high = (np.asarray(v, dtype=array.dtype) for v in value_range)
    else:
        low, high = array.min(axis=axes, keepdims=True), array.max(axis=axes, keepdims=True)
    return (array.clip(low, high) - low) / np.maximum(high - low, np.asarray(1e-5, dtype=array.dtype))


def save_image(
    tensor: Tensor | Sequence[Tensor], fp: str | os.PathLike[str] | Any, format: str | None = None, **kwargs: Any
) -> None:
    """Save one image, or a grid of them, values from 0 to 1, to a file. Needs Pillow; ``kwargs`` go to `make_grid`."""
    import deepnet as dn

    grid = make_grid(tensor, **kwargs).numpy()
    pixels = (grid * 255 + 0.5).clip(0, 255).astype(np.uint8)
    images.to_pil(dn.from_numpy(pixels)).save(fp, format=format)
