"""A folder of checkpoints of which one is always whole."""

from __future__ import annotations

import hashlib
import json
import os
import re
import warnings
from pathlib import Path
from typing import Any

from deepnet.io.atomic import remove_leftovers, write_atomically
from deepnet.io.tensors import pack, unpack
from deepnet.io.tree import flatten, unflatten

__all__ = ["CheckpointFolder"]

_FORMAT = 1
_NAME = re.compile(r"checkpoint-(\d{6})\.json")


class CheckpointFolder:
    """Numbered checkpoints in a folder: tensors in ``.safetensors``, everything else in a ``.json`` that vouches for both.

    The tensors are written first, the JSON with the sha256 of both last, each to a temporary file that is synced and
    renamed; only then are checkpoints older than the ``keep`` newest removed. So a process may be killed at any
    instant and the newest whole checkpoint can still be read.

    Parameters
    ----------
    folder : path
        Made if missing, by the first `save`.
    keep : int
        How many whole checkpoints to leave, at least 1.
    """

    def __init__(self, folder: str | os.PathLike[str], keep: int = 2) -> None:
        if keep < 1:
            raise ValueError(f"CheckpointFolder: keep must be at least 1, got {keep}")
        self.folder = Path(folder)
        self.keep = keep

    def save(self, state: Any) -> Path:
        """Write ``state``, a nest as `deepnet.save` takes; return the path of its JSON."""
        self.folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(self.folder)
        number = max(self._numbers(), default=0) + 1
        tree, tensors = flatten(state)
        data = pack(tensors)
        write_atomically(self._tensors(number), data)
        document = {"format": _FORMAT, "tensors_sha256": hashlib.sha256(data).hexdigest(), "state": tree}
        document["sha256"] = _digest(document)
        write_atomically(self._json(number), json.dumps(document).encode())
        for old in sorted(self._numbers())[: -self.keep]:
            self._remove(old)
        return self._json(number)

    def load(self) -> Any | None:
        """Return the newest whole state, or None where there is none. Warns when it passes over a damaged one."""
        for number in sorted(self._numbers(), reverse=True):
            try:
                return self._read(number)
            except (ValueError, OSError, KeyError) as error:
                warnings.warn(f"passing over a damaged checkpoint: {error}", RuntimeWarning, stacklevel=2)
        return None

    def clear(self) -> None:
        """Remove every checkpoint, to start anew."""
        for number in self._numbers():
            self._remove(number)
        if self.folder.is_dir():
            remove_leftovers(self.folder)

    def __bool__(self) -> bool:
        """Whether there is any checkpoint."""
        return bool(self._numbers())

    def _read(self, number: int) -> Any:
        path = self._json(number)
        document = json.loads(path.read_bytes())
        if document["format"] != _FORMAT:
            raise ValueError(f"{path} has format {document['format']}; this version of deepnet reads {_FORMAT}")
        if document.pop("sha256") != _digest(document):
            raise ValueError(f"{path} does not match its checksum")
        data = self._tensors(number).read_bytes()
        if hashlib.sha256(data).hexdigest() != document["tensors_sha256"]:
            raise ValueError(f"{self._tensors(number)} does not match the checksum in {path.name}")
        tensors, _ = unpack(data, str(self._tensors(number)))
        return unflatten(document["state"], tensors)

    def _remove(self, number: int) -> None:
        # the JSON first: without it the tensors are nobody's, the other way round they would look damaged
        self._json(number).unlink(missing_ok=True)
        self._tensors(number).unlink(missing_ok=True)

    def _numbers(self) -> list[int]:
        if not self.folder.is_dir():
            return []
        return [int(match[1]) for path in self.folder.iterdir() if (match := _NAME.fullmatch(path.name))]

    def _json(self, number: int) -> Path:
        return self.folder / f"checkpoint-{number:06d}.json"

    def _tensors(self, number: int) -> Path:
        return self.folder / f"checkpoint-{number:06d}.safetensors"


def _digest(document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
