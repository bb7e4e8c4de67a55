"""Processes that make batches."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import queue
import random
import sys
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import deepnet

from .fetch import fetcher

_POLL_SECONDS = 5.0


@dataclass
class WorkerInfo:
    """What a worker knows of itself.

    Attributes
    ----------
    id, num_workers : int
    seed : int
        This worker's, of this epoch.
    dataset : Dataset
        This worker's copy.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """In a worker of a `DataLoader`, what it knows of itself; elsewhere None."""
    return _info


@dataclass
class _Job:
    """What a worker needs to make batches."""

    dataset: Any
    batched: bool
    collate_fn: Callable[..., Any]
    drop_last: bool
    init_fn: Callable[[int], None] | None
    num_workers: int


@dataclass
class _Failure:
    """An exception in a worker, with its traceback as text: tracebacks do not travel."""

    kind: type[BaseException]
    message: str

    @classmethod
    def here(cls, worker: int) -> _Failure:
        """The exception being handled."""
        kind = sys.exc_info()[0]
        text = f"Caught {kind.__name__ if kind else 'error'} in DataLoader worker process {worker}.\n"
        return cls(kind or RuntimeError, f"{text}Original {traceback.format_exc()}")

    def reraise(self) -> None:
        """Raise the exception in this process."""
        if self.kind is KeyError:  # whose message would be shown in quotes, on one line
            raise KeyError(_Verbatim(self.message))
        try:
            error = self.kind(self.message)
        except Exception:
            error = RuntimeError(self.message)  # the class takes other arguments
        raise error


class _Verbatim(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class _Ended:
    """A worker's answer when its iterable data set has ended."""


def _seed(seed: int) -> None:
    random.seed(seed)
    deepnet.manual_seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF])


def _work(job: _Job, worker: int, orders: Any, results: Any, parent: int) -> None:
    """A worker's life: (epoch, batch, indices) in, (epoch, batch, worker, result) out. Batch -1 begins an epoch."""
    global _info
    deepnet.set_num_threads(1)
    fetch: Callable[[Any], Any] | None = None
    failure: _Failure | None = None
    started = False
    while True:
        try:
            order = orders.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            if os.getppid() != parent:  # nobody is left to work for
                return
            continue
        if order is None:
            return
        epoch, number, given = order
        if number < 0:
            failure, fetch = None, None
            try:
                _seed(given + worker)
                _info = WorkerInfo(worker, job.num_workers, given + worker, job.dataset)
                if job.init_fn is not None and not started:
                    job.init_fn(worker)
                started = True
                fetch = fetcher(job.dataset, job.batched, job.collate_fn, job.drop_last)
            except Exception:
                failure = _Failure.here(worker)
            continue
        result: Any
        if failure is not None or fetch is None:
            result = failure
        else:
            try:
                result = fetch(given)
            except StopIteration:
                result = _Ended()
            except Exception:
                result = _Failure.here(worker)
        results.put((epoch, number, worker, result))


def _stop(processes: list[Any], orders: list[Any], results: Any) -> None:
    """Ask the workers to end, and end those that do not."""
    for q in orders:
        with contextlib.suppress(ValueError, OSError):
            q.put(None)
    deadline = time.monotonic() + _POLL_SECONDS
    for process in processes:
        while process.is_alive() and time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty, OSError, EOFError):  # a full queue would keep a worker from ending
                results.get(timeout=0.01)
            process.join(timeout=0.01)
        if process.is_alive():
            process.terminate()
            process.join()
    for q in (*orders, results):
        q.cancel_join_thread()
        q.close()


class WorkerPool:
    """The workers of one loader, for an epoch or for all."""

    def __init__(self, loader: Any) -> None:
        context = loader.multiprocessing_context or multiprocessing.get_context()
        self.timeout = loader.timeout
        self.in_order = loader.in_order
        self.ahead = loader.prefetch_factor * loader.num_workers
        self.iterable = loader._iterable
        self._epochs = itertools.count()
        self._epoch = -1
        job = _Job(
            loader.dataset,
            loader._auto_collation,
            loader.collate_fn,
            loader.drop_last,
            loader.worker_init_fn,
            loader.num_workers,
        )
        self.results = context.Queue()
        self.orders = [context.Queue() for _ in range(loader.num_workers)]
        self.processes = []
        for i, orders in enumerate(self.orders):
            process = context.Process(target=_work, args=(job, i, orders, self.results, os.getpid()), daemon=True)
            process.start()
            self.processes.append(process)
        # Also runs at exit and when the pool is forgotten.
        self._finish = weakref.finalize(self, _stop, self.processes, self.orders, self.results)

    def _receive(self) -> tuple[int, int, int, Any]:
        """The next result of any worker."""
        waited = 0.0
        while True:
            step = min(_POLL_SECONDS, self.timeout - waited) if self.timeout else _POLL_SECONDS
            try:
                return self.results.get(timeout=step)
            except queue.Empty:
                waited += step
                dead = [str(p.pid) for p in self.processes if not p.is_alive()]
                if dead:
                    raise RuntimeError(f"DataLoader worker (pid(s) {', '.join(dead)}) exited unexpectedly") from None
                if self.timeout and waited >= self.timeout:
                    raise RuntimeError(f"DataLoader timed out after {self.timeout} seconds") from None

    def epoch(self, order: Iterator[Any], seed: int, keep: bool) -> Iterator[Any]:
        """The batches of one epoch; the workers start on them when the first is asked for."""
        self._epoch = epoch = next(self._epochs)
        for orders in self.orders:
            orders.put((epoch, -1, seed))
        try:
            yield from self._run(epoch, order)
        finally:
            if not keep:
                self._finish()

    def _run(self, epoch: int, order: Iterator[Any]) -> Iterator[Any]:
        active = set(range(len(self.orders)))
        turn = itertools.cycle(range(len(self.orders)))
        sent = 0
        expected = 0
        done: dict[int, Any] = {}  # results that wait for earlier ones
        owner: dict[int, int] = {}

        def send() -> bool:
            nonlocal sent
            if not active:
                return False
            try:
                indices = next(order)
            except StopIteration:
                return False
            worker = next(w for w in turn if w in active)
            self.orders[worker].put((epoch, sent, indices))
            owner[sent] = worker
            sent += 1
            return True

        while sent < self.ahead and send():
            pass
        waiting = sent
        while waiting or done:
            if self.in_order and expected in done:
                result = done.pop(expected)
                expected += 1
            elif not self.in_order and done:
                result = done.pop(next(iter(done)))
            else:
                if self._epoch != epoch:
                    raise RuntimeError("DataLoader: another epoch of the same persistent workers has begun")
                got_epoch, number, worker, result = self._receive()
                if got_epoch != epoch:
                    continue  # of an epoch that was left early
                waiting -= 1
                if isinstance(result, _Ended):
                    active.discard(worker)
                done[number] = result
                if send():
                    waiting += 1
                continue
            if isinstance(result, _Failure):
                result.reraise()
            if not isinstance(result, _Ended):
                yield result


__all__ = ["WorkerInfo", "WorkerPool", "get_worker_info"]
