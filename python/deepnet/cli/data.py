"""Data sets by name or folder, as normalised tensors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import deepnet as dn
from deepnet.utils.data import DataLoader, TensorDataset
from deepnet.vision import datasets, transforms
from deepnet.vision.datasets.base import ArrayDataset

__all__ = ["Augmented", "ImageData", "load_data"]

_NAMED = {
    "mnist": datasets.MNIST,
    "fashionmnist": datasets.FashionMNIST,
    "kmnist": datasets.KMNIST,
    "cifar10": datasets.CIFAR10,
    "cifar100": datasets.CIFAR100,
}


@dataclass
class ImageData:
    """Training and test images in memory, float32 from 0 to 1 of shape (N, C, H, W), and their int64 classes."""

    train: tuple[Any, Any]
    test: tuple[Any, Any]
    classes: list[str]

    @property
    def shape(self) -> tuple[int, int, int]:
        """An image's channels, height and width."""
        _, channels, height, width = self.train[0].shape
        return channels, height, width

    def statistics(self) -> tuple[list[float], list[float]]:
        """Return the training pixels' mean and standard deviation by channel, each rounded to six digits."""
        pixels = self.train[0].numpy()
        mean = pixels.mean(axis=(0, 2, 3), dtype=np.float64)
        std = pixels.std(axis=(0, 2, 3), dtype=np.float64)
        return [round(float(m), 6) for m in mean], [round(max(float(s), 1e-6), 6) for s in std]

    def __str__(self) -> str:
        size = " x ".join(map(str, self.shape))
        return f"{len(self.train[1]):,} training and {len(self.test[1]):,} test images of {size}, {len(self.classes)} classes"


class Augmented:
    """A loader whose batches of images are shifted and mirrored at random."""

    def __init__(self, loader: Any, shift: int, fill: float, mirror: bool) -> None:
        self.loader = loader
        self._shift = transforms.RandomShift(shift, fill) if shift else None
        self._mirror = mirror

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        for images, targets in self.loader:
            if self._shift is not None:
                images = self._shift(images)
            if self._mirror:
                images = dn.where(dn.rand(len(images), 1, 1, 1) < 0.5, images.flip(-1), images)
            yield images, targets

    def __len__(self) -> int:
        return len(self.loader)


def loader(images: Any, targets: Any, batch: int, shuffle: bool) -> Any:
    """Return a DataLoader over tensors."""
    return DataLoader(TensorDataset(images, targets), batch_size=batch, shuffle=shuffle)


def load_data(name: str, folder: str | None, download: bool, size: int | None) -> ImageData:
    """Return a data set by its name, or the images of a folder.

    Raises
    ------
    ValueError
        If there is neither a data set nor a folder of that name.
    """
    if name == "digits":
        return _image_data(datasets.Digits(train=True), datasets.Digits(train=False))
    if name in _NAMED:
        train, test = (_NAMED[name](folder or "data", train=part, download=download) for part in (True, False))
        return _image_data(train, test)
    if Path(name).is_dir():
        return _folder_data(Path(name), size or 32)
    raise ValueError(f"{name!r} is neither a folder nor one of the data sets digits, {', '.join(_NAMED)}")


def _image_data(train: ArrayDataset, test: ArrayDataset) -> ImageData:
    return ImageData(train.tensors(), test.tensors(), train.classes)


def _folder_data(folder: Path, size: int) -> ImageData:
    """``train`` and ``test`` (or ``val``) inside the folder where they exist, else a fifth of each class held back."""
    scale = transforms.Compose([transforms.Resize((size, size)), transforms.PILToTensor()])
    held = next((folder / name for name in ("test", "val") if (folder / name).is_dir()), None)
    if (folder / "train").is_dir() and held is not None:
        train, test = datasets.ImageFolder(folder / "train", scale), datasets.ImageFolder(held, scale)
        if train.classes != test.classes:
            raise ValueError(f"{folder / 'train'} has classes {train.classes}, {held} has {test.classes}")
        return ImageData(_stacked(train), _stacked(test), train.classes)
    whole = datasets.ImageFolder(folder, scale)
    images, targets = _stacked(whole)
    is_test = np.zeros(len(whole), dtype=bool)
    for number in range(len(whole.classes)):
        is_test[np.flatnonzero(np.asarray(whole.targets) == number)[4::5]] = True
    if not is_test.any():
        raise ValueError(f"{folder}: no class has the five images from which the fifth is held back as a test")
    chosen, rest = (dn.from_numpy(np.flatnonzero(mask)) for mask in (is_test, ~is_test))
    return ImageData((images[rest], targets[rest]), (images[chosen], targets[chosen]), whole.classes)


def _stacked(dataset: Any) -> tuple[Any, Any]:
    images = np.stack([dataset[i][0].numpy() for i in range(len(dataset))])
    return dn.from_numpy(images).to(dn.float32) / 255, dn.tensor(dataset.targets)
