"""The loader: batches of a data set, in this process or by workers."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import deepnet
from deepnet._core import Tensor

from .collate import default_collate, default_convert, pin
from .dataset import Dataset, IterableDataset, Subset, TensorDataset
from .fetch import fetcher
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler
from .worker import WorkerPool, get_worker_info

T_co = TypeVar("T_co", covariant=True)


class _Endless(Sampler[None]):
    """Stands for the order of an iterable data set, which has one of its own."""

    def __iter__(self) -> Iterator[None]:
        while True:
            yield None


class DataLoader(Generic[T_co]):
    """Iterates over batches of a data set.

    Parameters
    ----------
    dataset : Dataset
        By index, or iterable.
    batch_size : int or None
        None: samples one by one, not joined.
    shuffle : bool, optional
        A new order every epoch.
    sampler : iterable of int, optional
        The order, in place of `shuffle`.
    batch_sampler : iterable of list of int, optional
        The batches, in place of batch_size, shuffle, sampler and drop_last.
    num_workers : int
        Processes that make batches; 0 for none but this one.
    collate_fn : callable, optional
        Joins a list of samples; `default_collate` where left out.
    pin_memory : bool
        Put batches into page-locked memory, where there is a GPU.
    drop_last : bool
        Leave out a last batch that is not full.
    timeout : float
        Seconds to wait for a worker; 0 for no limit.
    worker_init_fn : callable, optional
        Called with the worker's number at its start.
    multiprocessing_context : str or context, optional
        'fork', 'spawn' or 'forkserver'; the platform's own where left out.
    generator : Generator, optional
        What `shuffle` and the workers' seeds are drawn from.
    prefetch_factor : int, optional
        Batches that each worker makes ahead; 2 where left out.
    persistent_workers : bool
        Keep the workers between epochs.
    pin_memory_device : str
        Accepted.
    in_order : bool
        With workers: yield batches in the sampler's order, rather than as they come.

    Notes
    -----
    Batches of a `TensorDataset`, or a `Subset` of one, are taken by one selection from each tensor, not row by row, where
    the default joining is used without workers.

    Examples
    --------
    >>> import deepnet
    >>> from deepnet.utils.data import DataLoader, TensorDataset
    >>> loader = DataLoader(TensorDataset(deepnet.arange(5)), batch_size=2)
    >>> [x for (x,) in loader]
    [tensor([0, 1]), tensor([2, 3]), tensor([4])]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        if num_workers < 0:
            raise ValueError(f"DataLoader: num_workers must not be negative, got {num_workers}")
        if timeout < 0:
            raise ValueError(f"DataLoader: timeout must not be negative, got {timeout}")
        if num_workers == 0 and prefetch_factor is not None:
            raise ValueError("DataLoader: prefetch_factor goes with num_workers > 0")
        if num_workers > 0 and prefetch_factor is not None and prefetch_factor < 1:
            raise ValueError(f"DataLoader: prefetch_factor must be positive, got {prefetch_factor}")
        if persistent_workers and num_workers == 0:
            raise ValueError("DataLoader: persistent_workers goes with num_workers > 0")
        self._iterable = isinstance(dataset, IterableDataset)
        if self._iterable and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError("DataLoader: an IterableDataset has its own order; leave out shuffle, sampler and batch_sampler")
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: sampler and shuffle exclude each other")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError("DataLoader: batch_sampler excludes batch_size, shuffle, sampler and drop_last")
            batch_size, drop_last = None, False
        elif batch_size is None and drop_last:
            raise ValueError("DataLoader: batch_size=None excludes drop_last")

        order: Any = sampler
        if order is None:
            if self._iterable:
                order = _Endless()
            else:
                order = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(order, batch_size, drop_last)

        self.dataset = dataset
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = order
        self.batch_sampler = batch_sampler
        self.generator = generator
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers > 0 and prefetch_factor is None else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.persistent_workers = persistent_workers
        self.in_order = in_order
        self.collate_fn = collate_fn or (default_convert if batch_sampler is None else default_collate)
        if isinstance(multiprocessing_context, str):
            if multiprocessing_context not in multiprocessing.get_all_start_methods():
                raise ValueError(
                    f"DataLoader: multiprocessing_context must be one of {multiprocessing.get_all_start_methods()}, "
                    f"got {multiprocessing_context!r}"
                )
            multiprocessing_context = multiprocessing.get_context(multiprocessing_context)
        self.multiprocessing_context = multiprocessing_context
        self._pool: WorkerPool | None = None

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _order(self) -> Any:
        """What says which samples come next: lists of indices, or single ones."""
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __len__(self) -> int:
        if not self._iterable:
            return len(self._order)
        n = len(self.dataset)
        if self.batch_size is None:
            return n
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        batches = self._batches()
        if self.pin_memory and deepnet.cuda.is_available():
            return map(pin, batches)
        return batches

    def _batches(self) -> Iterator[Any]:
        if self.num_workers > 0:
            return self._from_workers()
        fast = _selected_batches(self)
        if fast is not None:
            return fast
        return self._in_process()

    def _in_process(self) -> Iterator[Any]:
        fetch = fetcher(self.dataset, self._auto_collation, self.collate_fn, self.drop_last)
        for indices in self._order:
            try:
                batch = fetch(indices)
            except StopIteration:
                return
            yield batch

    def _from_workers(self) -> Iterator[Any]:
        pool = self._pool
        if pool is None or not self.persistent_workers:
            pool = WorkerPool(self)
            if self.persistent_workers:
                self._pool = pool
        seed = int(deepnet.randint(0, 2**62, (1,), generator=self.generator))
        return pool.epoch(iter(self._order), seed, keep=self.persistent_workers)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pool": None}


def _rows(dataset: Any) -> tuple[Sequence[Tensor], Tensor | None] | None:
    """The tensors of a TensorDataset and, for subsets of one, which rows; None for other data sets."""
    if type(dataset) is TensorDataset:
        return (dataset.tensors, None) if dataset.tensors else None
    if type(dataset) is not Subset:
        return None
    below = _rows(dataset.dataset)
    if below is None:
        return None
    tensors, chosen = below
    try:
        own = deepnet.as_tensor(dataset.indices, dtype=deepnet.int64)
    except (TypeError, ValueError):
        return None
    total = len(tensors[0]) if chosen is None else len(chosen)
    own = deepnet.where(own < 0, own + total, own)
    return tensors, own if chosen is None else chosen.index_select(0, own)


def _selected_batches(loader: DataLoader[Any]) -> Iterator[Any] | None:
    """Batches by one selection from each tensor, where the data set and the joining allow it."""
    sampler = loader.batch_sampler
    if loader.collate_fn is not default_collate or type(sampler) is not BatchSampler:
        return None
    rows = _rows(loader.dataset)
    if rows is None or any(t.requires_grad for t in rows[0]):
        return None
    tensors, chosen = rows

    def select(index: Tensor) -> list[Tensor]:
        if chosen is not None:
            index = chosen.index_select(0, index)
        return [t.index_select(0, index if t.device == index.device else index.to(t.device)) for t in tensors]

    return map(select, _index_batches(sampler))


def _index_batches(sampler: BatchSampler) -> Iterator[Tensor]:
    """The batches of indices as tensors; a plain order is cut without passing through Python's numbers."""
    order = sampler.sampler
    size = sampler.batch_size
    whole: Tensor | None = None
    if type(order) is SequentialSampler:
        whole = deepnet.arange(len(order), dtype=deepnet.int64)
    elif type(order) is RandomSampler and not order.replacement:
        parts = list(order.permutations())
        whole = parts[0] if len(parts) == 1 else deepnet.cat(parts) if parts else None
    if whole is None:
        for indices in sampler:
            yield deepnet.tensor(indices, dtype=deepnet.int64)
        return
    n = len(whole)
    for start in range(0, n - size + 1 if sampler.drop_last else n, size):
        yield whole[start : start + size]


__all__ = ["DataLoader", "Dataset", "default_collate", "default_convert", "get_worker_info"]
