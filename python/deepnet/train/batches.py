"""A batch as a model and a loss see it."""

from __future__ import annotations

from typing import Any

__all__ = ["model_device", "parts", "samples_of", "split", "to_device"]


def split(batch: Any) -> tuple[tuple[Any, ...], Any]:
    """Return a batch's inputs and its target.

    The last item is the target, the others are the model's inputs; a batch that is one tensor is its own target.
    """
    if isinstance(batch, (list, tuple)):
        if len(batch) < 2:
            raise ValueError(f"a batch is a tensor or (inputs, …, target); got a {type(batch).__name__} of {len(batch)}")
        return tuple(batch[:-1]), batch[-1]
    return (batch,), batch


def to_device(value: Any, device: Any) -> Any:
    """Move every tensor of a nest to ``device``."""
    if hasattr(value, "to") and hasattr(value, "device"):
        return value if value.device == device else value.to(device)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(to_device(item, device) for item in value))
    if isinstance(value, (list, tuple)):
        return type(value)(to_device(item, device) for item in value)
    if isinstance(value, dict):
        return {key: to_device(item, device) for key, item in value.items()}
    return value


def samples_of(batch: Any) -> int:
    """Return how many samples a batch holds: the length of its first tensor."""
    if isinstance(batch, (list, tuple)):
        return samples_of(batch[0])
    if isinstance(batch, dict):
        return samples_of(next(iter(batch.values())))
    return int(batch.shape[0]) if getattr(batch, "ndim", 1) else 1


def parts(batch: Any, count: int) -> list[tuple[Any, float]]:
    """Cut a batch into ``count`` parts of equal size; return each with its share of the samples.

    Where ``count`` does not divide the batch the last part is smaller, and a small batch may have fewer parts.
    """
    total = samples_of(batch)
    size = -(-total // count)
    starts = range(0, total, size)
    return [(_rows(batch, start, start + size), min(size, total - start) / total) for start in starts]


def _rows(value: Any, start: int, stop: int) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_rows(item, start, stop) for item in value)
    if isinstance(value, dict):
        return {key: _rows(item, start, stop) for key, item in value.items()}
    return value[start:stop]


def model_device(model: Any) -> Any:
    """Return the device of the model's first parameter, or None where it has none."""
    parameter = next(iter(model.parameters()), None)
    return None if parameter is None else parameter.device
