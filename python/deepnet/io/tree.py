"""Nested containers as JSON plus a flat mapping of tensors: what pickle is elsewhere, without code in files."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["flatten", "unflatten"]

_TAG = "$"  # marks a JSON object that stands for something JSON lacks


def flatten(value: Any) -> tuple[Any, dict[str, Any]]:
    """Split ``value`` into what JSON can hold and its tensors by name.

    Holds None, bool, int, float, str, bytes, dict (any of these as keys), list, tuple, Tensor, ndarray, NumPy scalars,
    dtypes and devices. A tensor that occurs twice is stored once.

    Returns
    -------
    tree : JSON value
    tensors : dict of str to Tensor or ndarray
        Named by their path, parts joined by dots, so a state_dict keeps its keys.

    Raises
    ------
    TypeError
        For any other object, naming its path.
    """
    flattener = _Flattener()
    return flattener.encode(value, ()), flattener.tensors


def unflatten(tree: Any, tensors: Mapping[str, Any]) -> Any:
    """Undo `flatten`."""
    if isinstance(tree, list):
        return [unflatten(item, tensors) for item in tree]
    if not isinstance(tree, dict):
        return tree
    kind = tree.get(_TAG)
    if kind is None:
        return {key: unflatten(item, tensors) for key, item in tree.items()}
    if kind not in _DECODERS:
        raise ValueError(f"load: the file holds an object of kind {kind!r}, which this version of deepnet does not know")
    return _DECODERS[kind](tree, tensors)


class _Flattener:
    def __init__(self) -> None:
        self.tensors: dict[str, Any] = {}
        self._names: dict[int, str] = {}
        self._kept: list[Any] = []  # keeps ids from being reused while we look at them

    def encode(self, value: Any, path: tuple[str, ...]) -> Any:
        import deepnet as dn

        if value is None or isinstance(value, (bool, str)) or type(value) is int:
            return value
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {_TAG: "float", "value": repr(float(value))}
        if isinstance(value, dn.Tensor):
            return self._tensor(value, path)
        if isinstance(value, np.ndarray):
            return {_TAG: "ndarray", "name": self._store(value, path)}
        if isinstance(value, np.generic):
            return self.encode(value.item(), path)
        if isinstance(value, bytes):
            return {_TAG: "bytes", "value": base64.b64encode(value).decode()}
        if isinstance(value, Mapping):
            return self._mapping(value, path)
        if isinstance(value, tuple):
            return {_TAG: "tuple", "items": [self.encode(item, (*path, str(i))) for i, item in enumerate(value)]}
        if isinstance(value, list):
            return [self.encode(item, (*path, str(i))) for i, item in enumerate(value)]
        if isinstance(value, int):
            return int(value)
        if isinstance(value, dn.dtype):
            return {_TAG: "dtype", "name": str(value).rpartition(".")[2]}
        if isinstance(value, dn.device):
            return {_TAG: "device", "name": str(value)}
        at = "".join(f"[{part!r}]" for part in path) or "the top"
        raise TypeError(
            f"save: cannot store a {type(value).__module__}.{type(value).__qualname__} (at {at}): files hold tensors, "
            "numbers, strings and containers of them, never code. For a module or an optimizer, save its state_dict()."
        )

    def _mapping(self, value: Mapping[Any, Any], path: tuple[str, ...]) -> Any:
        items = [(key, self.encode(item, (*path, str(key)))) for key, item in value.items()]
        if all(isinstance(key, str) and key != _TAG for key, _ in items):
            return dict(items)
        return {_TAG: "dict", "items": [[self.encode(key, (*path, "key")), item] for key, item in items]}

    def _tensor(self, value: Any, path: tuple[str, ...]) -> dict[str, Any]:
        entry: dict[str, Any] = {_TAG: "tensor", "name": self._store(value, path)}
        if value.requires_grad:
            entry["requires_grad"] = True
        if value.device.type != "cpu":
            entry["device"] = str(value.device)
        return entry

    def _store(self, value: Any, path: tuple[str, ...]) -> str:
        known = self._names.get(id(value))
        if known is not None:
            return known
        stem = name = ".".join(path) or "value"
        copy = 2
        while name in self.tensors or name == "__metadata__":
            name = f"{stem}~{copy}"
            copy += 1
        self.tensors[name] = value
        self._names[id(value)] = name
        self._kept.append(value)
        return name


def _decode_tensor(entry: dict[str, Any], tensors: Mapping[str, Any]) -> Any:
    tensor = tensors[entry["name"]]
    if "device" in entry:
        tensor = tensor.to(entry["device"])
    return tensor.requires_grad_() if entry.get("requires_grad") else tensor


def _decode_dtype(entry: dict[str, Any], _: Mapping[str, Any]) -> Any:
    import deepnet as dn

    kind = getattr(dn, entry["name"], None)
    if not isinstance(kind, dn.dtype):
        raise ValueError(f"load: unknown dtype {entry['name']!r}")
    return kind


def _decode_device(entry: dict[str, Any], _: Mapping[str, Any]) -> Any:
    import deepnet as dn

    return dn.device(entry["name"])


def _decode_ndarray(entry: dict[str, Any], tensors: Mapping[str, Any]) -> Any:
    return np.asarray(tensors[entry["name"]])


_DECODERS = {
    "float": lambda entry, _: float(entry["value"]),
    "bytes": lambda entry, _: base64.b64decode(entry["value"]),
    "tuple": lambda entry, tensors: tuple(unflatten(item, tensors) for item in entry["items"]),
    "dict": lambda entry, tensors: {unflatten(k, tensors): unflatten(v, tensors) for k, v in entry["items"]},
    "tensor": _decode_tensor,
    "ndarray": _decode_ndarray,
    "dtype": _decode_dtype,
    "device": _decode_device,
}
