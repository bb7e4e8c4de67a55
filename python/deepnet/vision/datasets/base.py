"""What the image data sets share."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deepnet.utils.data import Dataset

if TYPE_CHECKING:
    from deepnet import Tensor

__all__ = ["ArrayDataset", "VisionDataset", "as_image"]

Transform = Callable[[Any], Any]


def as_image(pixels: np.ndarray) -> Any:
    """Return uint8 pixels, shape (H, W) or (H, W, 3), as a Pillow image; where Pillow is missing, as they are.

    Every transform takes either.
    """
    if importlib.util.find_spec("PIL") is None:
        return pixels
    from PIL import Image

    return Image.fromarray(pixels)


class VisionDataset(Dataset[Any]):
    """A data set of (image, target) with transforms.

    Parameters
    ----------
    root : path or None
    transform : callable, optional
        Applied to each image.
    target_transform : callable, optional
        Applied to each target.
    """

    classes: list[str]

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
    ) -> None:
        self.root = None if root is None else Path(root).expanduser()
        self.transform = transform
        self.target_transform = target_transform

    def __len__(self) -> int:
        raise TypeError(f"{type(self).__name__} does not say how long it is")

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The number of each class."""
        return {name: i for i, name in enumerate(self.classes)}

    def transformed(self, image: Any, target: Any) -> tuple[Any, Any]:
        """Return image and target through their transforms."""
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    def __repr__(self) -> str:
        lines = [f"Dataset {type(self).__name__}", f"    Number of datapoints: {len(self)}"]
        if self.root is not None:
            lines.append(f"    Root location: {self.root}")
        if self.transform is not None:
            lines.append(f"    Transform: {self.transform!r}")
        return "\n".join(lines)


class ArrayDataset(VisionDataset):
    """Images and targets that lie in memory.

    Attributes
    ----------
    data : uint8, shape (N, H, W) or (N, H, W, 3)
    targets : of length N
    """

    data: Any
    targets: Any

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.transformed(as_image(np.asarray(self.data[index])), int(self.targets[index]))

    def __len__(self) -> int:
        return len(self.targets)

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return all images and targets at once, transforms left aside.

        Returns
        -------
        images : Tensor, float32 from 0 to 1, shape (N, C, H, W)
        targets : Tensor, int64, shape (N,)
        """
        import deepnet as dn

        pixels = np.asarray(self.data)
        pixels = pixels[:, None] if pixels.ndim == 3 else pixels.transpose(0, 3, 1, 2)
        images = np.ascontiguousarray(pixels).astype(np.float32) / np.float32(255)
        return dn.from_numpy(images), dn.from_numpy(np.array(self.targets, dtype=np.int64))
