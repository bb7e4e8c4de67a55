"""What turns indices into a batch, here or in a worker."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from .dataset import IterableDataset


def fetcher(dataset: Any, batched: bool, collate_fn: Callable[..., Any], drop_last: bool) -> Callable[[Any], Any]:
    """A function from indices (a list, or one where not `batched`) to a batch.

    For an iterable data set only the number of indices counts; StopIteration says that it has ended.
    """
    if isinstance(dataset, IterableDataset):
        samples = iter(dataset)

        def next_batch(indices: Any) -> Any:
            if not batched:
                return collate_fn(next(samples))
            rows = list(islice(samples, len(indices)))
            if not rows or (drop_last and len(rows) < len(indices)):
                raise StopIteration
            return collate_fn(rows)

        return next_batch
    if not batched:
        return lambda index: collate_fn(dataset[index])
    many = getattr(dataset, "__getitems__", None)
    if callable(many):
        return lambda indices: collate_fn(many(indices))
    return lambda indices: collate_fn([dataset[i] for i in indices])


__all__ = ["fetcher"]
