"""Transforms as objects, in torchvision's names. Random ones draw from deepnet's generator."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from deepnet.vision.transforms import functional as F
from deepnet.vision.transforms import images

__all__ = [
    "CenterCrop", "Compose", "Grayscale", "Lambda", "Normalize", "PILToTensor", "Pad", "RandomApply", "RandomCrop",
    "RandomErasing", "RandomHorizontalFlip", "RandomResizedCrop", "RandomShift", "RandomVerticalFlip", "Resize",
    "ToPILImage", "ToTensor",
]  # fmt: skip


def uniform() -> float:
    """Return one number from [0, 1) of deepnet's generator."""
    import deepnet as dn

    return float(dn.rand(1).item())


def integer(end: int) -> int:
    """Return one of 0 … end - 1."""
    import deepnet as dn

    return int(dn.randint(0, end, (1,)).item())


class Transform:
    """A transform; its repr names its settings."""

    def __call__(self, img: Any) -> Any:
        """Return the image transformed."""
        raise TypeError(f"{type(self).__name__} does not say what it does to an image")

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({settings})"


class Compose(Transform):
    """One transform after the other."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return "\n".join(["Compose(", *(f"    {transform!r}" for transform in self.transforms), ")"])


class ToTensor(Transform):
    """To float32 from 0 to 1, shape (C, H, W)."""

    def __call__(self, img: Any) -> Any:
        return F.to_tensor(img)


class PILToTensor(Transform):
    """To a tensor of the image's own values, shape (C, H, W)."""

    def __call__(self, img: Any) -> Any:
        return F.pil_to_tensor(img)


class ToPILImage(Transform):
    """To a Pillow image."""

    def __call__(self, img: Any) -> Any:
        return F.to_pil_image(img)


class Normalize(Transform):
    """``(x - mean) / std`` by channel."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def __call__(self, img: Any) -> Any:
        return F.normalize(img, self.mean, self.std, self.inplace)


class Resize(Transform):
    """Scale to (height, width), or the shorter side to one number; ``smooth=False`` takes the nearest pixel."""

    def __init__(self, size: int | Sequence[int], smooth: bool = True) -> None:
        self.size = size
        self.smooth = smooth

    def __call__(self, img: Any) -> Any:
        return F.resize(img, self.size, self.smooth)


class CenterCrop(Transform):
    """Cut (height, width) out of the middle."""

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = size

    def __call__(self, img: Any) -> Any:
        return F.center_crop(img, self.size)


class Pad(Transform):
    """Widen on all sides."""

    def __init__(self, padding: int | Sequence[int], fill: float = 0, padding_mode: str = "constant") -> None:
        self.padding = padding
        self.fill = fill
        self.padding_mode = padding_mode

    def __call__(self, img: Any) -> Any:
        return F.pad(img, self.padding, self.fill, self.padding_mode)


class Grayscale(Transform):
    """To luma, in 1 or 3 equal channels."""

    def __init__(self, num_output_channels: int = 1) -> None:
        self.num_output_channels = num_output_channels

    def __call__(self, img: Any) -> Any:
        return F.rgb_to_grayscale(img, self.num_output_channels)


class Lambda(Transform):
    """Any function."""

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)


class RandomApply(Transform):
    """All of ``transforms`` with probability ``p``, else none."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]], p: float = 0.5) -> None:
        self.transforms = transforms
        self.p = p

    def __call__(self, img: Any) -> Any:
        if uniform() < self.p:
            for transform in self.transforms:
                img = transform(img)
        return img


class RandomHorizontalFlip(Transform):
    """Mirror left to right with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def __call__(self, img: Any) -> Any:
        return F.hflip(img) if uniform() < self.p else img


class RandomVerticalFlip(Transform):
    """Mirror top to bottom with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def __call__(self, img: Any) -> Any:
        return F.vflip(img) if uniform() < self.p else img


class RandomCrop(Transform):
    """Cut (height, width) out at a random place, after padding.

    Raises
    ------
    ValueError
        If the padded image is smaller than the crop, and ``pad_if_needed`` is not set.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: float = 0,
        padding_mode: str = "constant",
    ) -> None:
        self.size = (size, size) if isinstance(size, int) else tuple(size)
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode

    def __call__(self, img: Any) -> Any:
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        height, width = images.size_of(img)
        if self.pad_if_needed and (height < self.size[0] or width < self.size[1]):
            img = F.pad(img, (max(self.size[1] - width, 0), max(self.size[0] - height, 0)), self.fill, self.padding_mode)
            height, width = images.size_of(img)
        if height < self.size[0] or width < self.size[1]:
            raise ValueError(f"RandomCrop: cannot cut {self.size[0]} x {self.size[1]} out of an image of {height} x {width}")
        top, left = integer(height - self.size[0] + 1), integer(width - self.size[1] + 1)
        return F.crop(img, top, left, *self.size)


class RandomResizedCrop(Transform):
    """Cut out a box of random area and aspect and scale it to (height, width).

    Parameters
    ----------
    size : int or (height, width)
    scale : (float, float)
        Bounds of the box's share of the image's area.
    ratio : (float, float)
        Bounds of its width over its height.
    """

    def __init__(
        self, size: int | Sequence[int], scale: tuple[float, float] = (0.08, 1.0), ratio: tuple[float, float] = (3 / 4, 4 / 3)
    ) -> None:
        self.size = (size, size) if isinstance(size, int) else tuple(size)
        self.scale = scale
        self.ratio = ratio

    def __call__(self, img: Any) -> Any:
        return F.resize(F.crop(img, *self._box(*images.size_of(img))), self.size)

    def _box(self, height: int, width: int) -> tuple[int, int, int, int]:
        low, high = (math.log(r) for r in self.ratio)
        for _ in range(10):
            area = height * width * (self.scale[0] + uniform() * (self.scale[1] - self.scale[0]))
            aspect = math.exp(low + uniform() * (high - low))
            w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < w <= width and 0 < h <= height:
                return integer(height - h + 1), integer(width - w + 1), h, w
        # no box fits: the largest in the middle whose aspect is allowed
        w = min(width, round(height * self.ratio[1]))
        h = min(height, round(w / self.ratio[0]))
        return (height - h) // 2, (width - w) // 2, h, w


class RandomErasing(Transform):
    """Overwrite a random box of a tensor (C, H, W) with ``value``, with probability ``p``."""

    def __init__(
        self,
        p: float = 0.5,
        scale: tuple[float, float] = (0.02, 0.33),
        ratio: tuple[float, float] = (0.3, 3.3),
        value: float = 0,
    ) -> None:
        self.p = p
        self.scale = scale
        self.ratio = ratio
        self.value = value

    def __call__(self, img: Any) -> Any:
        if uniform() >= self.p:
            return img
        top, left, height, width = RandomResizedCrop(1, self.scale, self.ratio)._box(*images.size_of(img))
        erased = img.clone()
        erased[..., top : top + height, left : left + width] = self.value
        return erased


class RandomShift(Transform):
    """Shift each image of a batch, shape (N, C, H, W), by up to ``pixels`` along each axis, one gather for the batch.

    What comes in from outside is ``fill``: the value of black, ``-mean / std`` where the images are normalised.
    """

    def __init__(self, pixels: int, fill: float = 0.0) -> None:
        self.pixels = pixels
        self.fill = fill

    def __call__(self, img: Any) -> Any:
        import deepnet as dn

        count, channels, height, width = img.shape
        reach = self.pixels
        wide = dn.full((count, channels, height + 2 * reach, width + 2 * reach), self.fill, dtype=img.dtype)
        wide[:, :, reach : reach + height, reach : reach + width] = img
        shifts = dn.randint(0, 2 * reach + 1, (2, count, 1))
        rows = (dn.arange(height) + shifts[0]).reshape(count, 1, height, 1)
        columns = (dn.arange(width) + shifts[1]).reshape(count, 1, 1, width)
        sample, channel = dn.arange(count).reshape(-1, 1, 1, 1), dn.arange(channels).reshape(1, -1, 1, 1)
        return wide[sample, channel, rows, columns]
