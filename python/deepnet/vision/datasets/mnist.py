"""MNIST and the data sets in its shape, read from IDX files."""

from __future__ import annotations

import gzip
import math
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np

from deepnet.vision.datasets.base import ArrayDataset, Transform
from deepnet.vision.datasets.download import fetch

__all__ = ["KMNIST", "MNIST", "FashionMNIST", "read_idx"]

_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """Return the array of an IDX file, plain or gzipped.

    The format: two zero bytes, a byte for the type, one for the number of axes, the axes as big-endian uint32, the values.

    Raises
    ------
    ValueError
        If the file is not IDX, or shorter or longer than its header says.

    References
    ----------
    .. [1] LeCun, Cortes & Burges, The MNIST database of handwritten digits, "file formats".
    """
    data = Path(path).read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError) as error:
            raise ValueError(f"{path}: the gzip stream is damaged ({error})") from None
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _IDX_TYPES:
        raise ValueError(f"{path} is not an IDX file: it begins with {data[:4].hex(' ') or 'nothing'}")
    axes, dtype = data[3], np.dtype(_IDX_TYPES[data[2]])
    start = 4 + 4 * axes
    if len(data) < start:
        raise ValueError(f"{path}: the header of {axes} axes is cut short")
    shape = struct.unpack(f">{axes}I", data[4:start])
    expected = start + math.prod(shape) * dtype.itemsize
    if len(data) != expected:
        raise ValueError(f"{path}: shape {shape} takes {expected} bytes, the file has {len(data)}")
    return np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


class MNIST(ArrayDataset):
    """Handwritten digits: 60,000 images to train on and 10,000 to test, 28 x 28 grey.

    Parameters
    ----------
    root : path
        Holds the four IDX files, plain or ``.gz``, in itself, in ``raw`` or in ``MNIST/raw``.
    train : bool
    transform, target_transform : callable, optional
    download : bool
        Fetch missing files into ``root/MNIST/raw`` and check them.

    Raises
    ------
    FileNotFoundError
        If a file is missing; the message lists where it was looked for.

    References
    ----------
    .. [1] LeCun, Bottou, Bengio & Haffner, Gradient-based learning applied to document recognition, Proc. IEEE 1998.
    """

    mirrors = ("https://ossci-datasets.s3.amazonaws.com/mnist/",)
    #: MD5 of each file as the mirrors have it, gzipped
    files = {
        "train-images-idx3-ubyte": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte": "ec29112dd5afa0611ce80d1b7f02629c",
    }
    classes = [
        "0 - zero",
        "1 - one",
        "2 - two",
        "3 - three",
        "4 - four",
        "5 - five",
        "6 - six",
        "7 - seven",
        "8 - eight",
        "9 - nine",
    ]

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform, target_transform)
        self.train = train
        if download:
            self._download()
        stem = "train" if train else "t10k"
        images = read_idx(self._find(f"{stem}-images-idx3-ubyte"))
        labels = read_idx(self._find(f"{stem}-labels-idx1-ubyte"))
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise ValueError(f"{type(self).__name__}: images of shape {images.shape} do not go with labels of {labels.shape}")
        self.data, self.targets = _as_tensors(images, labels)

    @property
    def raw_folder(self) -> str:
        """Where `download` puts the files."""
        assert self.root is not None
        return str(self.root / type(self).__name__ / "raw")

    def _folders(self) -> list[Path]:
        assert self.root is not None
        return [Path(self.raw_folder), self.root / "raw", self.root]

    def _find(self, name: str) -> Path:
        for folder in self._folders():
            for path in (folder / name, folder / f"{name}.gz"):
                if path.is_file():
                    return path
        looked = ", ".join(str(folder) for folder in self._folders())
        raise FileNotFoundError(f"{type(self).__name__}: no {name} or {name}.gz in {looked}; download=True fetches it")

    def _download(self) -> None:
        for name, md5 in self.files.items():
            if not any((folder / name).is_file() or (folder / f"{name}.gz").is_file() for folder in self._folders()):
                fetch([f"{mirror}{name}.gz" for mirror in self.mirrors], Path(self.raw_folder) / f"{name}.gz", md5)


class FashionMNIST(MNIST):
    """Photographs of clothes in MNIST's shape: ten kinds, 28 x 28 grey.

    References
    ----------
    .. [1] Xiao, Rasul & Vollgraf, Fashion-MNIST: a novel image dataset for benchmarking, arXiv:1708.07747.
    """

    mirrors = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)
    files = {
        "train-images-idx3-ubyte": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte": "bb300cfdad3c16e7a12a480ee83cd310",
    }
    classes = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


class KMNIST(MNIST):
    """Ten cursive Japanese characters in MNIST's shape.

    References
    ----------
    .. [1] Clanuwat et al., Deep learning for classical Japanese literature, arXiv:1812.01718.
    """

    mirrors = ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",)
    files = {
        "train-images-idx3-ubyte": "bdb82020997e1d708af4cf47b453dcf7",
        "train-labels-idx1-ubyte": "e144d726b3acfaa3e44228e80efcd344",
        "t10k-images-idx3-ubyte": "5c965bf0a639b31b8f53240b1b52f4d7",
        "t10k-labels-idx1-ubyte": "7320c461ea6c1c855c0b718fb2a4b134",
    }
    classes = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]


def _as_tensors(images: np.ndarray, labels: np.ndarray) -> tuple[Any, Any]:
    import deepnet as dn

    return dn.from_numpy(images), dn.from_numpy(labels.astype(np.int64))
