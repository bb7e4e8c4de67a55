"""``deepnet.save`` and ``deepnet.load``: tensors and containers of them in one safetensors file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from deepnet.io.atomic import write_atomically
from deepnet.io.tensors import pack, unpack, weights_hash
from deepnet.io.tree import flatten, unflatten

__all__ = ["load", "load_weights", "save", "save_weights"]

_TREE, _HASH = "deepnet.tree", "deepnet.sha256"


def save(obj: Any, f: str | os.PathLike[str] | IO[bytes]) -> None:
    """Save a tensor, a state_dict or any nest of dicts, lists and tuples of tensors, numbers and strings.

    The file is a safetensors file, which other programs read too: the tensors under their paths, the nest as JSON in
    its metadata. It holds no code. A path is written atomically.

    Parameters
    ----------
    obj : object
    f : path or binary file open for writing

    Raises
    ------
    TypeError
        If ``obj`` holds something else, such as a module; the message says where.

    Examples
    --------
    >>> import io
    >>> import deepnet as dn
    >>> file = io.BytesIO()
    >>> dn.save({"weight": dn.ones(2), "epoch": 3}, file)
    >>> _ = file.seek(0)
    >>> dn.load(file)["epoch"]
    3
    """
    tree, tensors = flatten(obj)
    data = pack(tensors, {_TREE: json.dumps(tree), _HASH: weights_hash(tensors)})
    if isinstance(f, (str, os.PathLike)):
        write_atomically(f, data)
    else:
        f.write(data)


def load(
    f: str | os.PathLike[str] | IO[bytes],
    map_location: str | Any | Callable[[Any, str], Any] | None = None,
    *,
    weights_only: bool = True,
) -> Any:
    """Load what `save` wrote, or the tensors of any safetensors file as a dict.

    Parameters
    ----------
    f : path or binary file open for reading
    map_location : device or str, optional
        Where to put the tensors; by default, where they were when saved.
    weights_only : bool
        Accepted for PyTorch's sake: no file can run code here, whatever it says.

    Raises
    ------
    ValueError
        If the file is damaged, or is a pickle, which deepnet never opens.
    """
    where = str(f) if isinstance(f, (str, os.PathLike)) else getattr(f, "name", "the file")
    data = Path(f).read_bytes() if isinstance(f, (str, os.PathLike)) else f.read()
    _refuse_pickle(data, where)
    tensors, metadata = unpack(data, where)
    if _HASH in metadata and metadata[_HASH] != weights_hash(tensors):
        raise ValueError(f"load: {where} is damaged: its tensors do not match the checksum saved with them")
    tree = json.loads(metadata[_TREE]) if _TREE in metadata else _tensor_tree(tensors)
    if map_location is not None:
        tree = _placed(tree, str(map_location))
    return unflatten(tree, tensors)


def save_weights(state: dict[str, Any], path: str | os.PathLike[str], **about: str) -> str:
    """Save a flat state_dict for any reader of safetensors, ``about`` as its metadata; return the sha256 of its values."""
    digest = weights_hash(state)
    write_atomically(path, pack(state, {**about, _HASH: digest}))
    return digest


def load_weights(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the tensors of a safetensors file by name, and its metadata."""
    tensors, metadata = unpack(Path(path).read_bytes(), str(path))
    if _HASH in metadata and metadata[_HASH] != weights_hash(tensors):
        raise ValueError(f"load: {path} is damaged: its tensors do not match the checksum saved with them")
    return tensors, metadata


def _tensor_tree(tensors: dict[str, Any]) -> dict[str, Any]:
    return {name: {"$": "tensor", "name": name} for name in tensors}


def _placed(tree: Any, device: str) -> Any:
    """The tree with every tensor on ``device``."""
    if isinstance(tree, list):
        return [_placed(item, device) for item in tree]
    if not isinstance(tree, dict):
        return tree
    placed = {key: _placed(item, device) for key, item in tree.items()}
    if tree.get("$") == "tensor":
        placed["device"] = device
    return placed


def _refuse_pickle(data: bytes, where: str) -> None:
    if data[:4] == b"PK\x03\x04" or (data[:1] == b"\x80" and data[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")):
        raise ValueError(
            f"load: {where} is a pickle (PyTorch's .pt files are), and opening one can run code; deepnet never does. "
            "Save it as safetensors where it was made: safetensors.torch.save_file(model.state_dict(), path)."
        )
