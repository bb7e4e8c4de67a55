"""Choosing and placing elements by index or mask."""

from __future__ import annotations

import numpy as np
from op_case import OpCase, bools, call, f, given, ints, refuses

import deepnet as dn

EVERY = ("float16", "bfloat16", "int64", "int32", "uint8", "bool")
REDUCE = {"sum": np.add, "prod": np.multiply, "amax": np.maximum, "amin": np.minimum, "mean": np.add}


def placed(x, change):
    y = np.array(x)
    change(y)
    return y


def along(x, dim, index):
    """The open mesh with which an index of gather or scatter meets an array."""
    places = list(np.indices(index.shape))
    places[dim] = index
    return tuple(places)


def combine(x, places, values, reduce, include_self):
    y = np.array(x, np.float64)
    count = np.zeros(y.shape)
    np.add.at(count, places, 1)
    start = {"sum": 0, "mean": 0, "prod": 1, "amax": -np.inf, "amin": np.inf}[reduce]
    if not include_self:
        y[count > 0] = start
    REDUCE[reduce].at(y, places, values)
    if reduce == "mean":
        y /= np.maximum(count + include_self, 1)
    return y


def scatter_reduce(x, dim, index, src, reduce, include_self=True):
    cut = src[tuple(slice(n) for n in index.shape)]
    return combine(x, along(x, dim, index), cut, reduce, include_self)


def index_reduce(x, dim, index, src, reduce, include_self=True):
    return np.moveaxis(combine(np.moveaxis(x, dim, 0), index, np.moveaxis(src, dim, 0), reduce, include_self), 0, dim)


def at(dim, index):
    return (slice(None),) * dim + (index,)


def masked_scatter(x, mask, src):
    return placed(x, lambda y: y.__setitem__(mask, src.ravel()[: mask.sum()]))


OUT = {"error": IndexError}
DUPLICATES = given([2, 0, 2, 1, 2])

ROWS = [
    OpCase("gather", lambda x, dim, index: np.take_along_axis(x, index, dim), (call(f(3, 4), 1, ints(3, 6, high=4)), call(f(5), 0, ints(7)), call(f(3, 4), 0, ints(2, 4, high=3))), dtypes=EVERY,
           refusals=(refuses(f(3, 4), 1, given([[4]]), words="^gather: index 4 .*4", **OUT), refuses(f(3, 4), 1, ints(3), words=r"^gather: .*\(3, 4\) and \(3,\)"))),
    OpCase("index_select", lambda x, dim, index: np.take(x, index, dim), (call(f(3, 4), 1, ints(6, high=4)), call(f(5, 2), 0, ints(3))), dtypes=EVERY,
           refusals=(refuses(f(3, 4), 1, given([0, 4]), words="^index_select: index 4 .*4", **OUT),)),
    OpCase("take", np.take, (call(f(3, 4), ints(2, 5, high=12)),), dtypes=EVERY),
    OpCase("take_along_dim", lambda x, i, dim=None: np.take_along_axis(x, i, dim), (call(f(3, 4), ints(3, 2, high=4), 1), call(f(3, 4), ints(5, high=12)), call(f(3, 4), ints(1, 2, high=4), 1))),
    OpCase("masked_select", lambda x, mask: np.broadcast_to(x, np.broadcast_shapes(x.shape, mask.shape))[np.broadcast_to(mask, np.broadcast_shapes(x.shape, mask.shape))],
           (call(f(3, 4), bools(3, 4)), call(f(3, 4), bools(4))), dtypes=EVERY, refusals=(refuses(f(3), ints(3), words="^masked_select: mask must be bool, got int64"),)),
    OpCase("unravel_index", np.unravel_index, (call(ints(7, high=12), (3, 4)),), derivatives=0),
    OpCase("nonzero", lambda x: np.argwhere(x), (call(bools(3, 4)), call(ints(9, high=2)), call(f(0, 3))), derivatives=0, aliases=("argwhere",)),
    OpCase("scatter", lambda x, dim, index, src: placed(x, lambda y: y.__setitem__(along(x, dim, index), src)),
           (call(f(3, 5), 1, given([[4, 0], [1, 2], [3, 0]]), f(3, 2)), call(f(5), 0, given([1, 3]), 0.5)), dtypes=EVERY[:-1],
           refusals=(refuses(f(3, 5), 1, given([[5]]), f(1, 1), words="^scatter: index 5 ", **OUT),)),
    OpCase("scatter_add", lambda x, dim, index, src: placed(x, lambda y: np.add.at(y, along(x, dim, index), src)),
           (call(f(3, 5), 1, ints(3, 8), f(3, 8)), call(f(3), 0, DUPLICATES, f(5))), rtol=(1e-13, 2e-6),
           refusals=(refuses(f(3), 0, given([3]), f(1), words="^scatter.*: index 3 is out of range for size 3", **OUT),)),
    OpCase("scatter_reduce", scatter_reduce,
           tuple(call(f(3, 4, kinks=(0,)), 0, ints(6, 4, high=3), f(6, 4, kinks=(0,)), reduce, include_self=own) for reduce in REDUCE for own in (True, False)), rtol=(1e-12, 2e-6),
           refusals=(refuses(f(3), 0, given([0]), f(1), "median", error=(ValueError, RuntimeError), words="^scatter_reduce: reduce .*median"),)),
    OpCase("index_add", lambda x, dim, index, src, alpha=1: placed(x, lambda y: np.add.at(y, at(dim, index), alpha * src)),
           (call(f(3, 4), 0, DUPLICATES, f(5, 4)), call(f(2, 3), 1, DUPLICATES, f(2, 5), alpha=-0.5)), rtol=(1e-13, 2e-6),
           refusals=(refuses(f(3, 4), 0, given([0, 1]), f(3, 4), words=r"^index_add: source must have shape \(2, 4\), got \(3, 4\)"),)),
    OpCase("index_copy", lambda x, dim, index, src: placed(x, lambda y: y.__setitem__(at(dim, index), src)), (call(f(4, 3), 0, given([2, 0]), f(2, 3)), call(f(2, 4), 1, given([3]), f(2, 1))), dtypes=EVERY,
           refusals=(refuses(f(3, 4), 0, given([0, 1]), f(3, 4), words=r"^index_copy: source must have shape \(2, 4\), got \(3, 4\)"),)),
    OpCase("index_fill", lambda x, dim, index, v: placed(x, lambda y: y.__setitem__(at(dim, index), v)), (call(f(4, 3), 0, given([2, 0]), 7),), dtypes=EVERY[:-1]),
    OpCase("index_reduce", index_reduce, tuple(call(f(3, 4, kinks=(0,)), 0, DUPLICATES, f(5, 4, kinks=(0,)), reduce, include_self=own) for reduce in ("prod", "mean", "amax", "amin") for own in (True, False)), rtol=(1e-12, 2e-6),
           refusals=(refuses(f(3), 0, given([0]), f(1), "sum", error=(ValueError, RuntimeError), words="^index_reduce: reduce must be .*'sum'"),)),
    OpCase("index_put", lambda x, indices, values, accumulate=False: placed(x, lambda y: np.add.at(y, tuple(indices), values) if accumulate else y.__setitem__(tuple(indices), values)),
           (call(f(4, 3), [given([2, 0])], f(2, 3)), call(f(4, 3), [given([2, 0, 2]), given([1, 1, 1])], f(3), accumulate=True), call(f(4, 3), [bools(4, 3)], 0.5)),
           refusals=(refuses(f(3), [given([3])], f(1), words="^index_put: an index for dim 0 is out of range for size 3", **OUT),)),
    OpCase("put", lambda x, index, src, accumulate=False: placed(x, lambda y: np.add.at(y.reshape(-1), index, src) if accumulate else np.put(y, index, src)), (call(f(3, 4), given([2, 11]), f(2)), call(f(3), DUPLICATES, f(5), True))),
    OpCase("masked_scatter", masked_scatter, (call(f(3, 4), bools(3, 4), f(12)),), refusals=(refuses(f(3), given([True, True, True]), f(2), words="masked_scatter: 3 places for 2"),)),
    OpCase("select_scatter", lambda x, src, dim, i: placed(x, lambda y: y.__setitem__(at(dim, i), src)), (call(f(3, 4), f(3), 1, 2),),
           refusals=(refuses(f(3, 4), f(4), 1, 2, words=r"select_scatter: src must have shape \(3,\), got \(4,\)"),)),
    OpCase("slice_scatter", lambda x, src, dim, a, b, step: placed(x, lambda y: y.__setitem__(at(dim, slice(a, b, step)), src)), (call(f(3, 6), f(3, 2), 1, 1, 5, 2),),
           refusals=(refuses(f(3, 4), f(4), 1, 0, 2, words=r"slice_scatter: src must have shape \(3, 2\), got \(4,\)"),)),
    OpCase("diagonal_scatter", lambda x, src: placed(x, lambda y: np.fill_diagonal(y, src)), (call(f(3, 4), f(3)),),
           refusals=(refuses(f(3, 4), f(4), words=r"diagonal_scatter: src must have shape \(3,\), got \(4,\)"),)),
    OpCase("embedding", lambda w, i, padding_idx=None: w[i], (call(f(5, 3), ints(2, 4)), call(f(5, 3), ints(0))),
           refusals=(refuses(f(5, 3), given([5]), words="index 5 is out of range for size 5", **OUT), refuses(f(5), ints(2), words=r"^embedding: weight must have 2 dims, got shape \(5,\)"))),
    OpCase("indexing", lambda x, a, b: (x[1:, ::2], x[a], x[:, b], x[a, b], x[..., None, 0], x[-1]), (call(f(4, 5), given([3, 0, 3]), given([1, 4, 1])),), dtypes=EVERY,
           function=lambda x, a, b: (x[1:, ::2], x[a], x[:, b], x[a, b], x[..., None, 0], x[-1])),
    OpCase("indexing_by_mask", lambda x, m: x[m], (call(f(4, 5), bools(4, 5)), call(f(4, 5), bools(4))), function=lambda x, m: x[m]),
    OpCase("setting", lambda x, a, v: placed(x, lambda y: (y.__setitem__((slice(None), 1), v), y.__setitem__(a, 0.5))), (call(f(4, 5), given([3, 0]), f(4)),),
           function=lambda x, a, v: dn.clone(x).index_put((a,), dn.tensor(0.5, dtype=x.dtype)).select_scatter(dn.where(dn.isin(dn.arange(4), a), 0.5, v), 1, 1)),
]  # fmt: skip
