"""Random images, for trying a program out."""

from __future__ import annotations

from typing import Any

import numpy as np

from deepnet.vision.datasets.base import Transform, VisionDataset, as_image

__all__ = ["FakeData"]


class FakeData(VisionDataset):
    """Images of noise with random classes; image i is the same at every reading.

    Parameters
    ----------
    size : int
    image_size : (C, H, W)
    num_classes : int
    transform, target_transform : callable, optional
    random_offset : int
        Added to the index to make each image's seed.
    """

    def __init__(
        self,
        size: int = 1000,
        image_size: tuple[int, int, int] = (3, 224, 224),
        num_classes: int = 10,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        random_offset: int = 0,
    ) -> None:
        super().__init__(None, transform, target_transform)
        self.size = size
        self.image_size = image_size
        self.num_classes = num_classes
        self.random_offset = random_offset
        self.classes = [str(i) for i in range(num_classes)]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if not 0 <= index < self.size:
            raise IndexError(f"FakeData: index {index} is outside 0 to {self.size - 1}")
        generator = np.random.Generator(np.random.Philox(key=index + self.random_offset))
        channels, height, width = self.image_size
        pixels = generator.integers(0, 256, (height, width, channels), dtype=np.uint8)
        target = int(generator.integers(self.num_classes))
        return self.transformed(as_image(pixels[..., 0] if channels == 1 else pixels), target)

    def __len__(self) -> int:
        return self.size
