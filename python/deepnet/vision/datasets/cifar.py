"""CIFAR-10 and CIFAR-100 from their binary or python-version files."""

from __future__ import annotations

import gzip
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from deepnet.vision.datasets.base import ArrayDataset, Transform
from deepnet.vision.datasets.download import fetch
from deepnet.vision.datasets.plain_pickle import read_plain_pickle

__all__ = ["CIFAR10", "CIFAR100"]

_PIXELS = 3 * 32 * 32


class CIFAR10(ArrayDataset):
    """Photographs of ten kinds of things: 50,000 to train on and 10,000 to test, 32 x 32 in colour.

    Parameters
    ----------
    root : path
        Holds, in itself or in the folder of that name: the binary version (``cifar-10-batches-bin``, or plain
        ``train.bin`` and ``test.bin``, gzipped or not), the python version (``cifar-10-batches-py``), or either's
        ``.tar.gz``. The python version is a pickle, which is read without being run.
    train : bool
    transform, target_transform : callable, optional
    download : bool
        Fetch the binary version into ``root`` where no form is there.

    Attributes
    ----------
    data : ndarray of uint8, shape (N, 32, 32, 3)
    targets : list of int

    Raises
    ------
    FileNotFoundError
        If no form is there.
    ValueError
        If a file is not what its name says.

    References
    ----------
    .. [1] Krizhevsky, Learning multiple layers of features from tiny images, 2009.
    """

    url = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    archives = {
        "cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530",
        "cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a",
    }
    folders = ("cifar-10-batches-bin", "cifar-10-batches-py")
    stems = {True: [f"data_batch_{i}" for i in range(1, 6)], False: ["test_batch"]}
    label_bytes = 1  # before each image in the binary version; the last is the class
    label_key = "labels"
    classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]

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
        files = self._files()
        if not files and download:
            assert self.root is not None
            archive = next(iter(self.archives))
            fetch([self.url], self.root / archive, self.archives[archive])
            files = self._files()
        if not files:
            raise FileNotFoundError(
                f"{type(self).__name__}: no {'training' if train else 'test'} data in {self.root}: looked for "
                f"{', '.join((*self.folders, *self.archives, 'train.bin[.gz]'))}; download=True fetches it"
            )
        images, labels = zip(*(self._records(name, data) for name, data in files), strict=True)
        planes = np.concatenate(images).reshape(-1, 3, 32, 32)
        self.data: np.ndarray = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
        self.targets: list[int] = np.concatenate(labels).tolist()

    def _files(self) -> list[tuple[str, bytes]]:
        """The first form that is there, whole: names and contents."""
        assert self.root is not None
        plain = ["train" if self.train else "test"]
        for folder in (self.root, *(self.root / name for name in self.folders)):
            for stems in (self.stems[self.train], plain):
                for ending in (".bin", ".bin.gz", ""):
                    paths = [folder / f"{stem}{ending}" for stem in stems]
                    if all(path.is_file() for path in paths):
                        return [(path.name, _plain(path)) for path in paths]
        for name in self.archives:
            if (self.root / name).is_file():
                return list(self._members(self.root / name))
        return []

    def _members(self, archive: Path) -> Iterator[tuple[str, bytes]]:
        """The batches inside a .tar.gz, read without unpacking it."""
        wanted = self.stems[self.train]
        with tarfile.open(archive) as tar:
            members = {Path(member.name).name.removesuffix(".bin"): member for member in tar.getmembers() if member.isfile()}
            for stem in wanted:
                if stem not in members:
                    raise ValueError(f"{archive} has no {stem}")
                file = tar.extractfile(members[stem])
                assert file is not None
                yield Path(members[stem].name).name, file.read()

    def _records(self, name: str, data: bytes) -> tuple[np.ndarray, np.ndarray]:
        """Images as rows of red, green, blue planes, and labels."""
        if data[:1] == b"\x80" and not name.endswith((".bin", ".bin.gz")):
            batch = read_plain_pickle(data)
            batch = {key.decode() if isinstance(key, bytes) else key: value for key, value in batch.items()}
            return batch["data"], np.asarray(batch[self.label_key], dtype=np.int64)
        size = self.label_bytes + _PIXELS
        if not data or len(data) % size:
            raise ValueError(f"{name}: {len(data)} bytes are not a whole number of records of {size}")
        records = np.frombuffer(data, np.uint8).reshape(-1, size)
        labels = records[:, self.label_bytes - 1].astype(np.int64)
        if labels.max() >= len(self.classes):
            raise ValueError(f"{name}: label {labels.max()} is none of {len(self.classes)} classes")
        return records[:, self.label_bytes :], labels


class CIFAR100(CIFAR10):
    """Photographs of a hundred kinds of things, in CIFAR-10's shape; the targets are the fine labels."""

    url = "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"
    archives = {
        "cifar-100-binary.tar.gz": "03b5dce01913d631647c71ecec9e9cb8",
        "cifar-100-python.tar.gz": "eb9058c3a382ffc7106e4002c42a8d85",
    }
    folders = ("cifar-100-binary", "cifar-100-python")
    stems = {True: ["train"], False: ["test"]}
    label_bytes = 2
    label_key = "fine_labels"
    classes = """
        apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can
        castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin
        elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster
        man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck
        pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk
        skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger
        tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
    """.split()


def _plain(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data
