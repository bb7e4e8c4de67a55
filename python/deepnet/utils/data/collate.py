"""Samples joined into batches."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import deepnet
from deepnet._core import Tensor


def _is_numpy(value: Any) -> bool:
    return type(value).__module__ == "numpy" and hasattr(value, "dtype")


def _refuse_text(value: Any) -> None:
    if value.dtype.kind in "SaUO":
        raise TypeError(f"default_collate: batches cannot be made of arrays of {value.dtype}")


def _shared(array: Any) -> Tensor:
    """An array as a tensor on its memory, or on a copy where that must not be written."""
    return deepnet.as_tensor(array if array.flags.writeable else array.copy())


def default_collate(batch: Sequence[Any]) -> Any:
    """Join samples along a new first axis.

    Tensors, arrays and numbers are stacked to tensors; strings stay as they are; dicts and named tuples are joined entry by
    entry, and so are tuples and lists, to a list.

    Examples
    --------
    >>> from deepnet.utils.data import default_collate
    >>> default_collate([(1, "a"), (2, "b")])
    [tensor([1, 2]), ('a', 'b')]
    """
    return collate(batch, default_collate)


def collate(batch: Sequence[Any], inner: Callable[[Sequence[Any]], Any]) -> Any:
    """`default_collate` with `inner` for the entries of containers."""
    first = batch[0]
    if isinstance(first, Tensor):
        return deepnet.stack(list(batch), 0)
    if _is_numpy(first):
        _refuse_text(first)
        if first.ndim == 0:
            return deepnet.tensor([value.item() for value in batch], dtype=deepnet.tensor(first).dtype)
        return deepnet.stack([_shared(value) for value in batch], 0)
    if isinstance(first, float):
        return deepnet.tensor(list(batch), dtype=deepnet.float64)
    if isinstance(first, int):
        return deepnet.tensor(list(batch))
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        joined = {key: inner([sample[key] for sample in batch]) for key in first}
        if isinstance(first, MutableMapping) and type(first) is not dict:
            clone = copy.copy(first)
            clone.update(joined)
            return clone
        return joined
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(inner(column) for column in zip(*batch, strict=True)))
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise ValueError("default_collate: each sample of a batch should have as many entries")
        columns = [inner(column) for column in zip(*batch, strict=True)]
        if isinstance(first, MutableSequence) and type(first) is not list:
            sequence = copy.copy(first)
            sequence[:] = columns
            return sequence
        return columns
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found " + str(type(first))
    )


def default_convert(data: Any) -> Any:
    """A sample with its arrays as tensors."""
    if isinstance(data, (Tensor, str, bytes)):
        return data
    if _is_numpy(data):
        return data if data.dtype.kind in "SaUO" else deepnet.tensor(data) if data.ndim == 0 else _shared(data)
    if isinstance(data, Mapping):
        return {key: default_convert(value) for key, value in data.items()}
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(value) for value in data))
    if isinstance(data, Sequence):
        return [default_convert(value) for value in data]
    return data


def pin(data: Any) -> Any:
    """A batch with its tensors in page-locked memory."""
    if isinstance(data, Tensor):
        return data.pin_memory()
    if hasattr(data, "pin_memory"):
        return data.pin_memory()
    if isinstance(data, (str, bytes)):
        return data
    if isinstance(data, Mapping):
        return {key: pin(value) for key, value in data.items()}
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(pin(value) for value in data))
    if isinstance(data, tuple):
        return tuple(pin(value) for value in data)
    if isinstance(data, Sequence):
        return [pin(value) for value in data]
    return data


__all__ = ["default_collate", "default_convert"]
