"""Transforms of one image as functions, in torchvision's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deepnet.vision.transforms import images

if TYPE_CHECKING:
    from deepnet import Tensor

__all__ = [
    "center_crop", "crop", "hflip", "normalize", "pad", "pil_to_tensor", "resize", "rgb_to_grayscale", "to_pil_image",
    "to_tensor", "vflip",
]  # fmt: skip


def to_tensor(pic: Any) -> Tensor:
    """Return an image as float32 from 0 to 1, shape (C, H, W).

    Parameters
    ----------
    pic : Pillow image, ndarray of shape (H, W) or (H, W, C), or uint8 Tensor of shape (C, H, W)
        Values that are not bytes are only converted, not divided.
    """
    import deepnet as dn

    tensor = images.to_uint8_tensor(pic)
    return tensor.to(dn.float32) / 255 if tensor.dtype == dn.uint8 else tensor.to(dn.float32)


def pil_to_tensor(pic: Any) -> Tensor:
    """Return an image's own values, shape (C, H, W)."""
    return images.to_uint8_tensor(pic)


def to_pil_image(pic: Any) -> Any:
    """Return a tensor of shape (C, H, W), float from 0 to 1 or uint8, or an array (H, W[, C]) as a Pillow image."""
    return images.to_pil(pic)


def normalize(tensor: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Tensor:
    """Return ``(tensor - mean) / std`` by channel.

    Parameters
    ----------
    tensor : Tensor, float, shape (..., C, H, W)
    mean, std : C numbers, or one for all

    Raises
    ------
    TypeError
        If the tensor is not of floats.
    ValueError
        If a std is zero.
    """
    import deepnet as dn

    if not images.is_tensor(tensor) or not tensor.is_floating_point():
        kind = getattr(tensor, "dtype", type(tensor).__name__)
        raise TypeError(f"normalize: needs a tensor of floats, got {kind}; put ToTensor before Normalize")
    if not np.all(np.asarray(std)):
        raise ValueError(f"normalize: std must not be zero, got {std}")
    shift, scale = (dn.tensor(values, dtype=tensor.dtype).to(tensor.device).reshape(-1, 1, 1) for values in (mean, std))
    if inplace:
        return tensor.sub_(shift).div_(scale)
    return (tensor - shift) / scale


def resize(img: Any, size: int | Sequence[int], smooth: bool = True) -> Any:
    """Scale an image to (height, width), or its shorter side to one number."""
    if isinstance(size, int) or len(size) == 1:
        short = size if isinstance(size, int) else size[0]
        height, width = images.size_of(img)
        size = (short, int(short * width / height)) if height <= width else (int(short * height / width), short)
    return images.resize(img, size[0], size[1], smooth)


def center_crop(img: Any, output_size: int | Sequence[int]) -> Any:
    """Cut (height, width) out of the middle; a smaller image is widened with black."""
    target = (output_size, output_size) if isinstance(output_size, int) else tuple(output_size)
    height, width = images.size_of(img)
    top, left = round((height - target[0]) / 2), round((width - target[1]) / 2)
    return images.crop(img, top, left, target[0], target[1])


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """Cut out a box; what lies outside the image is black."""
    return images.crop(img, top, left, height, width)


def hflip(img: Any) -> Any:
    """Mirror left to right."""
    return images.flip(img, horizontal=True)


def vflip(img: Any) -> Any:
    """Mirror top to bottom."""
    return images.flip(img, horizontal=False)


def pad(img: Any, padding: int | Sequence[int], fill: float = 0, padding_mode: str = "constant") -> Any:
    """Widen an image on all sides, by (sides, top and bottom), or by (left, top, right, bottom)."""
    sides = [padding] if isinstance(padding, int) else list(padding)
    if len(sides) not in (1, 2, 4):
        raise ValueError(f"pad: padding is 1, 2 or 4 numbers, got {len(sides)}")
    left, top, right, bottom = (sides * (4 // len(sides)))[:4]
    return images.pad(img, (left, top, right, bottom), fill, padding_mode)


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """Return luma, 0.299 red + 0.587 green + 0.114 blue, in 1 or 3 equal channels."""
    if not images.is_tensor(img):
        grey = images.to_pil(img).convert("L")
        return grey if num_output_channels == 1 else grey.convert("RGB")
    import deepnet as dn

    array = img.numpy()
    if array.shape[-3] == 3:
        luma = np.tensordot(np.array([0.299, 0.587, 0.114]), array, axes=(0, array.ndim - 3))
        array = np.expand_dims(luma, -3).astype(array.dtype)
    return dn.from_numpy(np.repeat(array, num_output_channels, axis=-3))
