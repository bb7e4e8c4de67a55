"""Each process's share of a data set."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

import deepnet

from .sampler import Sampler


class DistributedSampler(Sampler[int]):
    """The indices of one process among several, the same number for each.

    Parameters
    ----------
    dataset : sized
    num_replicas, rank : int, optional
        How many processes there are and which one this is; the environment's WORLD_SIZE and RANK where left out.
    shuffle : bool
        Shuffle by `seed` and the epoch that `set_epoch` was told.
    seed : int
    drop_last : bool
        Leave out the remainder, rather than repeat samples to even the shares.
    """

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        self.num_replicas = int(os.environ.get("WORLD_SIZE", "1")) if num_replicas is None else num_replicas
        self.rank = int(os.environ.get("RANK", "0")) if rank is None else rank
        if not 0 <= self.rank < self.num_replicas:
            raise ValueError(f"Invalid rank {self.rank}, rank should be in the interval [0, {self.num_replicas - 1}]")
        self.dataset = dataset
        self.epoch = 0
        self.shuffle = shuffle
        self.seed = seed
        self.drop_last = drop_last
        n = len(dataset)
        self.num_samples = n // self.num_replicas if drop_last else math.ceil(n / self.num_replicas)
        self.total_size = self.num_samples * self.num_replicas

    def __iter__(self) -> Iterator[int]:
        n = len(self.dataset)
        if self.shuffle:
            indices = deepnet.randperm(n, generator=deepnet.Generator().manual_seed(self.seed + self.epoch)).tolist()
        else:
            indices = list(range(n))
        while len(indices) < self.total_size and indices:
            indices += indices[: self.total_size - len(indices)]
        return iter(indices[self.rank : self.total_size : self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, which goes into the shuffling."""
        self.epoch = epoch


__all__ = ["DistributedSampler"]
