"""Named tensors as safetensors bytes and back, and the hash of their values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from deepnet import Tensor

__all__ = ["pack", "unpack", "weights_hash"]

# safetensors' names in files, the names its Python writer takes, and NumPy's for the same bytes
_NAMES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
_BIT_CARRIER = {"bfloat16": "int16"}  # types NumPy lacks travel as integers of their size


class Raw:
    """The values of a tensor or an array as contiguous bytes."""

    def __init__(self, value: Tensor | np.ndarray) -> None:
        if isinstance(value, np.ndarray):
            self.dtype = value.dtype.name
            array = value
        else:
            import deepnet as dn

            self.dtype = str(value.dtype).rpartition(".")[2]
            plain = value.detach().cpu().contiguous()
            carrier = _BIT_CARRIER.get(self.dtype)
            array = (plain if carrier is None else plain.view(getattr(dn, carrier))).numpy()
        if self.dtype not in _NAMES.values():
            raise TypeError(f"save: values of type {self.dtype} have no place in a safetensors file")
        if array.dtype.byteorder == ">":
            array = array.astype(array.dtype.newbyteorder("<"))
        self.shape = [int(n) for n in value.shape]
        self.bytes = np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def pack(values: Mapping[str, Any], metadata: Mapping[str, str] | None = None) -> bytes:
    """Return the bytes of a safetensors file.

    Parameters
    ----------
    values : mapping of names to Tensor or ndarray
    metadata : mapping of str to str, optional
        Kept under ``__metadata__`` in the file's header.
    """
    import safetensors

    raws = {name: Raw(value) for name, value in values.items()}
    specs = {
        name: safetensors.TensorSpec(
            dtype=raw.dtype, shape=raw.shape, data_ptr=raw.bytes.ctypes.data, data_len=raw.bytes.nbytes
        )
        for name, raw in raws.items()
    }
    return bytes(safetensors.serialize(specs, metadata=dict(metadata) if metadata else None))


def unpack(data: bytes, where: str = "the file") -> tuple[dict[str, np.ndarray | Tensor], dict[str, str]]:
    """Return the named values and the metadata of a safetensors file's bytes.

    Values are Tensors, except those of types a Tensor cannot have (uint16, uint32, uint64), which are NumPy arrays.

    Raises
    ------
    ValueError
        If the bytes are not a whole safetensors file; the message names ``where``.
    """
    import safetensors

    try:
        entries = safetensors.deserialize(data)  # type: ignore[no-untyped-call]
    except safetensors.SafetensorError as error:
        raise ValueError(f"load: {where} is not a whole safetensors file ({error})") from None
    metadata = _header(data).get("__metadata__", {})
    return {name: _value(name, entry, where) for name, entry in entries}, metadata


def _value(name: str, entry: dict[str, Any], where: str) -> np.ndarray | Tensor:
    import deepnet as dn

    if entry["dtype"] not in _NAMES:
        raise ValueError(f"load: {where}: {name!r} has type {entry['dtype']}, which deepnet does not read")
    dtype = _NAMES[entry["dtype"]]
    array = np.frombuffer(bytearray(entry["data"]), dtype=_BIT_CARRIER.get(dtype, dtype)).reshape(entry["shape"])
    if not hasattr(dn, dtype) or dtype in ("uint16", "uint32", "uint64"):
        return array
    tensor = dn.from_numpy(array)
    return tensor.view(getattr(dn, dtype)) if dtype in _BIT_CARRIER else tensor


def _header(data: bytes) -> dict[str, Any]:
    size = int.from_bytes(data[:8], "little")
    header: dict[str, Any] = json.loads(data[8 : 8 + size])
    return header


def weights_hash(state: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> str:
    """Return the sha256 over names, types, shapes and values, in order of names.

    Two models whose ``state_dict()`` hash alike hold the same bits.

    Examples
    --------
    >>> import deepnet as dn
    >>> weights_hash({"a": dn.zeros(2)}) == weights_hash({"a": dn.zeros(2)})
    True
    """
    items = state.items() if isinstance(state, Mapping) else state
    digest = hashlib.sha256()
    for name, value in sorted(items, key=lambda item: item[0]):
        raw = Raw(value)
        digest.update(f"{name}\0{raw.dtype}\0{raw.shape}\0".encode())
        digest.update(raw.bytes.data)
    return digest.hexdigest()
