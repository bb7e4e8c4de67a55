"""Data sets, samplers and the loader."""

import collections
import random

import numpy as np
import pytest

import deepnet
from deepnet.utils import data
from deepnet.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    get_worker_info,
    random_split,
)

Pair = collections.namedtuple("Pair", "a b")


class Squares(Dataset):
    def __init__(self, n=10):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return np.float32(i * i), i


class Failing(Squares):
    def __getitem__(self, i):
        if i == 5:
            raise KeyError("sample five")
        return super().__getitem__(i)


class Counting(IterableDataset):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        info = get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        yield from range(first, self.n, step)


class Drawing(Squares):
    def __getitem__(self, i):
        return random.random(), float(deepnet.rand(1))


def tensors(n=10):
    return TensorDataset(deepnet.arange(n * 3).reshape(n, 3), deepnet.arange(n))


def test_collate_by_type():
    samples = [
        {"x": np.ones(2, np.float32) * i, "n": i, "f": 0.5, "s": "ab", "t": (deepnet.tensor(i), [i, 1.5]), "p": Pair(i, 2)}
        for i in range(3)
    ]
    batch = default_collate(samples)
    assert batch["x"].shape == (3, 2)
    assert batch["x"].dtype == deepnet.float32
    assert batch["n"].dtype == deepnet.int64
    assert batch["f"].dtype == deepnet.float64
    assert batch["s"] == ["ab"] * 3
    assert batch["t"][0].tolist() == [0, 1, 2]
    assert batch["t"][1][0].tolist() == [0, 1, 2]
    assert isinstance(batch["p"], Pair)
    assert batch["p"].a.tolist() == [0, 1, 2]
    with pytest.raises(TypeError, match="default_collate"):
        default_collate([object()])


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
def test_selected_batches_are_those_of_rows(shuffle, drop_last):
    """The fast path gives what joining row by row gives, from the same random numbers."""
    subset = Subset(Subset(tensors(), [9, 3, 4, 1, 0, 7, 6]), [1, 0, 2, -1, 5])
    for dataset in (tensors(), subset):
        epochs = []
        for collate in (None, lambda rows: default_collate(rows)):
            deepnet.manual_seed(3)
            loader = DataLoader(dataset, 2, shuffle=shuffle, drop_last=drop_last, collate_fn=collate)
            epochs.append([[x.tolist(), y.tolist()] for x, y in loader])
            assert len(epochs[-1]) == len(loader)
        assert epochs[0] == epochs[1]


def test_selected_batches_do_not_share_memory():
    dataset = tensors()
    for x, _ in DataLoader(dataset, 4):
        x.zero_()
    assert int(dataset.tensors[0].sum()) > 0


def test_shuffle_is_a_permutation_and_follows_the_seed():
    def order(seed):
        generator = deepnet.Generator().manual_seed(seed)
        return [int(y) for _, y in DataLoader(tensors(), 1, shuffle=True, generator=generator)]

    assert sorted(order(1)) == list(range(10))
    assert order(1) == order(1)
    assert order(1) != order(2)


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_give_the_same_batches(context):
    dataset = [(float(i * i), i) for i in range(10)]
    plain = [[x.tolist(), y.tolist()] for x, y in DataLoader(dataset, 3)]
    loader = DataLoader(dataset, 3, num_workers=2, multiprocessing_context=context)
    assert [[x.tolist(), y.tolist()] for x, y in loader] == plain


def test_persistent_workers_and_an_epoch_left_early():
    loader = DataLoader(Squares(20), 2, num_workers=2, persistent_workers=True)
    next(iter(loader))
    whole = [y.tolist() for _, y in loader]
    assert whole == [[i, i + 1] for i in range(0, 20, 2)]
    workers = [p.pid for p in loader._pool.processes]
    assert [y.tolist() for _, y in loader] == whole
    assert [p.pid for p in loader._pool.processes] == workers


def test_errors_in_workers_come_with_their_traceback():
    with pytest.raises(KeyError) as caught:
        list(DataLoader(Failing(), 2, num_workers=1))
    assert "sample five" in str(caught.value)
    assert "in __getitem__" in str(caught.value)
    with pytest.raises(KeyError):
        list(DataLoader(Failing(), 2))


def _refuse(worker):
    raise ValueError(f"worker {worker} will not")


def test_worker_init_fn():
    with pytest.raises(ValueError, match="worker 0 will not"):
        list(DataLoader(Squares(), 2, num_workers=1, worker_init_fn=_refuse))


def test_workers_draw_different_numbers():
    rows = [tuple(map(float, row)) for row in DataLoader(Drawing(4), None, num_workers=2)]
    assert len(set(rows)) == 4


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_iterable(workers):
    loader = DataLoader(Counting(11), 2, num_workers=workers)
    assert sorted(i for batch in loader for i in batch.tolist()) == list(range(11))
    with pytest.raises(ValueError, match="order"):
        DataLoader(Counting(3), shuffle=True)


def test_out_of_order():
    loader = DataLoader(Squares(12), 2, num_workers=2, in_order=False)
    assert sorted(i for _, y in loader for i in y.tolist()) == list(range(12))


def test_batch_size_none_and_batch_sampler():
    assert [y for _, y in DataLoader(Squares(3), None)] == [0, 1, 2]
    loader = DataLoader(Squares(6), batch_sampler=[[5, 0], [2]])
    assert [y.tolist() for _, y in loader] == [[5, 0], [2]]
    assert len(loader) == 2


@pytest.mark.parametrize(
    "options",
    [
        {"num_workers": -1},
        {"timeout": -1},
        {"prefetch_factor": 2},
        {"persistent_workers": True},
        {"shuffle": True, "sampler": [0]},
        {"batch_sampler": [[0]], "batch_size": 4},
        {"batch_size": None, "drop_last": True},
        {"batch_size": 0},
        {"multiprocessing_context": "no such"},
    ],
)
def test_refusals(options):
    with pytest.raises(ValueError):
        DataLoader(Squares(), **options)


def test_samplers():
    assert list(SequentialSampler(range(3))) == [0, 1, 2]
    assert len(list(RandomSampler(range(3), num_samples=7))) == 7
    lazy = iter(RandomSampler(range(3), replacement=True, num_samples=int(1e10)))
    assert all(0 <= next(lazy) < 3 for _ in range(100))
    assert set(WeightedRandomSampler([0.0, 1.0, 0.0], 5)) == {1}
    assert list(BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert sorted(data.SubsetRandomSampler([4, 2])) == [2, 4]


def test_distributed_shares_cover_all():
    shares = [list(data.DistributedSampler(range(10), 4, r)) for r in range(4)]
    assert {i for share in shares for i in share} == set(range(10))
    assert {len(share) for share in shares} == {3}


def test_split_concat_stack():
    parts = random_split(tensors(), [0.55, 0.45])
    assert [len(p) for p in parts] == [6, 4]
    assert sorted(int(y) for p in parts for _, y in p) == list(range(10))
    with pytest.raises(ValueError, match="do not sum"):
        random_split(tensors(), [3, 4])
    both = ConcatDataset([Squares(3), Squares(4)])
    assert [both[i][1] for i in (0, 3, -1)] == [0, 0, 3]
    with pytest.raises(IndexError):
        both[7]
    stacked = data.StackDataset(a=Squares(3), b=Squares(3))
    assert stacked[2]["b"][1] == 2
    chained = data.ChainDataset([Counting(2), Counting(3)])
    assert list(chained) == [0, 1, 0, 1, 2]
