"""The UCI handwritten digits, part of the package."""

from __future__ import annotations

import importlib.resources
import lzma

import numpy as np

from deepnet.vision.datasets.base import ArrayDataset, Transform

__all__ = ["Digits"]

_COUNT, _SIDE, _LEVELS = 1797, 8, 16


class Digits(ArrayDataset):
    """1,797 handwritten digits of 13 writers, 8 x 8 grey; needs no file and no network.

    Each pixel counts the inked points of a 4 x 4 block, 0 to 16; here spread over 0 to 255. The test part is every fifth
    image of each class, the training part the others, whatever the seed.

    Parameters
    ----------
    train : bool or None
        True for the 1,442 images to train on, False for the 355 to test, None for all.
    transform, target_transform : callable, optional

    Notes
    -----
    The test set of "Optical Recognition of Handwritten Digits", E. Alpaydin and C. Kaynak, UCI Machine Learning
    Repository, 1998, https://doi.org/10.24432/C50P49, licensed CC BY 4.0. The pixels are unchanged; only the file
    format is ours.
    """

    classes = [str(digit) for digit in range(10)]

    def __init__(
        self, train: bool | None = True, transform: Transform | None = None, target_transform: Transform | None = None
    ) -> None:
        super().__init__(None, transform, target_transform)
        self.train = train
        pixels, labels = _read()
        if train is not None:
            chosen = _is_test(labels) != train
            pixels, labels = pixels[chosen], labels[chosen]
        import deepnet as dn

        self.data = dn.from_numpy((pixels.astype(np.uint16) * 255 // _LEVELS).astype(np.uint8))
        self.targets = dn.from_numpy(labels.astype(np.int64))


def _read() -> tuple[np.ndarray, np.ndarray]:
    """The file: xz over one byte a label, then one byte a pixel."""
    packed = importlib.resources.files("deepnet.vision.datasets").joinpath("digits.xz").read_bytes()
    values = np.frombuffer(lzma.decompress(packed), np.uint8)
    return values[_COUNT:].reshape(_COUNT, _SIDE, _SIDE), values[:_COUNT]


def _is_test(labels: np.ndarray) -> np.ndarray:
    """Every fifth image of each class."""
    test = np.zeros(len(labels), dtype=bool)
    for digit in range(10):
        test[np.flatnonzero(labels == digit)[4::5]] = True
    return test
