"""An image as a Pillow image or a tensor: what both kinds need of the transforms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from deepnet import Tensor

__all__ = ["crop", "flip", "is_tensor", "pad", "resize", "size_of", "to_pil", "to_uint8_tensor"]


def is_tensor(image: Any) -> bool:
    """Return whether ``image`` is a Tensor of shape (..., C, H, W)."""
    import deepnet as dn

    return isinstance(image, dn.Tensor)


def pixels(image: Any) -> np.ndarray:
    """Return a Pillow image or an array as pixels of shape (H, W, C)."""
    array = np.asarray(image)
    if array.dtype == bool:  # Pillow's mode "1"
        array = array.astype(np.uint8) * 255
    return array[..., None] if array.ndim == 2 else array


def to_uint8_tensor(image: Any) -> Tensor:
    """Return an image as a tensor of its own values, shape (C, H, W)."""
    import deepnet as dn

    if is_tensor(image):
        tensor: Tensor = image
        return tensor
    return dn.from_numpy(np.array(pixels(image).transpose(2, 0, 1), order="C"))  # a copy: images may be read-only


def to_pil(image: Any) -> Any:
    """Return a tensor (C, H, W), float from 0 to 1 or uint8, or an array (H, W[, C]) as a Pillow image."""
    try:
        from PIL import Image
    except ImportError:
        raise ImportError("Pillow images need Pillow: pip install deepnet-core[vision]") from None
    if isinstance(image, Image.Image):
        return image
    if is_tensor(image):
        array = image.detach().cpu().numpy()
        array = array[None] if array.ndim == 2 else array
        if array.dtype.kind == "f":
            array = (array * 255).clip(0, 255)  # cut off, not rounded: the inverse of ToTensor's division
        array = array.astype(np.uint8).transpose(1, 2, 0)
    else:
        array = np.asarray(image, dtype=np.uint8)
    return Image.fromarray(np.ascontiguousarray(array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array))


def size_of(image: Any) -> tuple[int, int]:
    """Return an image's height and width."""
    if is_tensor(image):
        return int(image.shape[-2]), int(image.shape[-1])
    if isinstance(image, np.ndarray):
        return image.shape[0], image.shape[1]
    return image.height, image.width


def crop(image: Any, top: int, left: int, height: int, width: int) -> Any:
    """Cut out a box; what lies outside the image is black."""
    rows, columns = size_of(image)
    over = (max(-left, 0), max(-top, 0), max(left + width - columns, 0), max(top + height - rows, 0))
    if any(over):
        return crop(pad(image, over, 0), top + over[1], left + over[0], height, width)
    if is_tensor(image):
        return image[..., top : top + height, left : left + width]
    if isinstance(image, np.ndarray):
        return image[top : top + height, left : left + width]
    return image.crop((left, top, left + width, top + height))


def flip(image: Any, horizontal: bool) -> Any:
    """Mirror an image left to right, or top to bottom."""
    if is_tensor(image):
        return image.flip(-1 if horizontal else -2)
    if isinstance(image, np.ndarray):
        return np.ascontiguousarray(image[:, ::-1] if horizontal else image[::-1])
    from PIL import Image

    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT if horizontal else Image.Transpose.FLIP_TOP_BOTTOM)


def pad(image: Any, margins: tuple[int, int, int, int], fill: float = 0, mode: str = "constant") -> Any:
    """Widen an image by (left, top, right, bottom) pixels.

    ``mode`` is constant, edge, reflect or symmetric, as in `numpy.pad`.
    """
    left, top, right, bottom = margins
    if is_tensor(image):
        import deepnet as dn

        array = image.numpy()
        around = [(0, 0)] * (array.ndim - 2) + [(top, bottom), (left, right)]
        return dn.from_numpy(_padded(array, around, fill, mode))
    array = np.asarray(image)
    around = [(top, bottom), (left, right)] + [(0, 0)] * (array.ndim - 2)
    padded = _padded(array, around, fill, mode)
    return padded if isinstance(image, np.ndarray) else to_pil(padded)


def _padded(array: np.ndarray, around: list[tuple[int, int]], fill: float, mode: str) -> np.ndarray:
    if mode == "constant":
        return np.pad(array, around, constant_values=fill)
    return np.pad(array, around, mode=mode)  # type: ignore[call-overload]


def resize(image: Any, height: int, width: int, smooth: bool = True) -> Any:
    """Scale an image: each new pixel is the mean of the old ones under a triangle as wide as the scale, or the nearest.

    Pillow images go through Pillow's own filter of the same kind.
    """
    if is_tensor(image):
        return _resize_tensor(image, height, width, smooth)
    image = to_pil(image)
    from PIL import Image

    return image.resize((width, height), Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST)


def _resize_tensor(image: Tensor, height: int, width: int, smooth: bool) -> Tensor:
    import deepnet as dn

    array = image.detach().cpu().numpy()
    by_rows = _weights(array.shape[-2], height, smooth)
    by_columns = _weights(array.shape[-1], width, smooth)
    scaled = np.matmul(np.matmul(by_rows, array.astype(np.float64)), by_columns.T)
    if array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        scaled = np.rint(scaled).clip(limits.min, limits.max)
    return dn.from_numpy(scaled.astype(array.dtype)).to(image.device)


def _weights(old: int, new: int, smooth: bool) -> np.ndarray:
    """The matrix (new, old) that scales one axis."""
    scale = old / new
    weights = np.zeros((new, old))
    for i in range(new):
        centre = (i + 0.5) * scale
        if not smooth:
            weights[i, min(int(centre), old - 1)] = 1
            continue
        reach = max(scale, 1.0)
        first, end = max(math.floor(centre - reach), 0), min(math.ceil(centre + reach), old)
        at = np.arange(first, end) + 0.5
        triangle = np.maximum(1 - np.abs(at - centre) / reach, 0)
        weights[i, first:end] = triangle / triangle.sum()
    return weights
