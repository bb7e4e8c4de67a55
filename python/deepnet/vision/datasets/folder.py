"""Images in folders, one folder a class."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deepnet.vision.datasets.base import Transform, VisionDataset

__all__ = ["IMG_EXTENSIONS", "ImageFolder", "default_loader"]

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".pgm", ".bmp", ".tif", ".tiff", ".webp")


def default_loader(path: str | os.PathLike[str]) -> Any:
    """Return an image file as a Pillow image in RGB."""
    try:
        from PIL import Image
    except ImportError:
        raise ImportError("reading image files needs Pillow: pip install deepnet-core[vision]") from None
    with Image.open(path) as image:
        return image.convert("RGB")


class ImageFolder(VisionDataset):
    """Images as ``root/CLASS/…/NAME.png``: classes are the folders' names in order, targets their numbers.

    Parameters
    ----------
    root : path
    transform, target_transform : callable, optional
    loader : callable
        From a path to an image.
    is_valid_file : callable, optional
        Which paths are images; by default those whose ending says so.
    allow_empty : bool
        Whether a class may have no image.

    Attributes
    ----------
    samples : list of (path, class number)
    targets : list of int

    Raises
    ------
    FileNotFoundError
        If there is no folder, or a class without images.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        loader: Callable[[str], Any] = default_loader,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        super().__init__(root, transform, target_transform)
        self.loader = loader
        assert self.root is not None
        if not self.root.is_dir():
            raise FileNotFoundError(f"ImageFolder: {self.root} is not a folder")
        self.classes = sorted(entry.name for entry in self.root.iterdir() if entry.is_dir())
        if not self.classes:
            raise FileNotFoundError(f"ImageFolder: {self.root} holds no folders; each class is one")
        valid = is_valid_file if is_valid_file is not None else _is_image
        self.samples: list[tuple[str, int]] = []
        for number, name in enumerate(self.classes):
            found = [path for path in _files(self.root / name) if valid(path)]
            if not found and not allow_empty:
                raise FileNotFoundError(
                    f"ImageFolder: no image in {self.root / name}; endings known: {' '.join(IMG_EXTENSIONS)}"
                )
            self.samples += [(path, number) for path in found]
        self.imgs = self.samples
        self.targets = [number for _, number in self.samples]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, target = self.samples[index]
        return self.transformed(self.loader(path), target)

    def __len__(self) -> int:
        return len(self.samples)


def _files(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*") if path.is_file())


def _is_image(path: str) -> bool:
    return path.lower().endswith(IMG_EXTENSIONS)
