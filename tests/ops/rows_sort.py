"""Sorting and what rests on it."""

from __future__ import annotations

import numpy as np
from op_case import OpCase, call, f, given, ints, refuses

import deepnet as dn

EVERY = ("int64", "int32", "float16")


def sort(x, dim=-1, descending=False, stable=True):
    if x.ndim == 0:
        return x, np.array(0)
    order = np.argsort(-x if descending else x, axis=dim, kind="stable")
    return np.take_along_axis(x, order, dim), order


def topk(x, k, dim=-1, largest=True):
    return tuple(np.take(part, range(k), dim) for part in sort(x, dim, largest))


def kthvalue(x, k, dim=-1, keepdim=False):
    values, order = sort(x, dim)
    return tuple(
        part if keepdim else part.squeeze(dim) for part in (np.take(values, [k - 1], dim), np.take(order, [k - 1], dim))
    )


def unique(x, return_inverse=False, return_counts=False):
    found = np.unique(x, return_inverse=True, return_counts=True)
    return tuple(part for part, wanted in zip(found, (True, return_inverse, return_counts), strict=True) if wanted)


def consecutive(x, return_inverse=False, return_counts=False):
    starts = np.flatnonzero(np.r_[True, x[1:] != x[:-1]])
    return x[starts], np.cumsum(np.r_[True, x[1:] != x[:-1]]) - 1, np.diff(np.r_[starts, x.size])


OFF = {"error": IndexError}
X = f(3, 7)
SORTED = given(np.array([-1.0, 0.0, 0.5, 2.0]), grad=False)

ROWS = [
    OpCase("sort", sort, (call(X), call(X, 0), call(X, descending=True), call(f(2, 700, low=-99, high=99)), call(f(0, 3)), call(f()), call(ints(50, high=4))), dtypes=EVERY,
           refusals=(refuses(X, 5, words=r"^sort: dim must be in \[-2, 1\], got 5", **OFF),)),
    OpCase("argsort", lambda *a, **k: sort(*a, **k)[1], (call(X), call(X, 0, descending=True), call(ints(50, high=4))), derivatives=0),
    OpCase("msort", lambda x: np.sort(x, 0), (call(X),)),
    OpCase("topk", topk, (call(X, 3), call(X, 2, 0, largest=False)), refusals=(refuses(X, 8, words=r"^topk: k must be in \[0, 7\], got 8"),)),
    OpCase("kthvalue", kthvalue, (call(X, 3), call(X, 2, 0, keepdim=True)), refusals=(refuses(X, 8, error=(ValueError, RuntimeError), words="kthvalue: k must .*got 8"),)),
    OpCase("searchsorted", lambda s, x, right=False: np.searchsorted(s, x, "right" if right else "left"), (call(SORTED, f(3, 4)), call(SORTED, given([0.0, 0.5], grad=False), right=True)), derivatives=0),
    OpCase("bucketize", lambda x, s, right=False: np.searchsorted(s, x, "right" if right else "left"), (call(f(3, 4), SORTED), call(given([0.0, 0.5], grad=False), SORTED, right=True)), derivatives=0),
    OpCase("unique", unique, (call(ints(30)), call(ints(30), return_inverse=True, return_counts=True)), derivatives=0),
    OpCase("unique_consecutive", consecutive, (call(given([1, 1, 2, 2, 2, 1, 3]), return_inverse=True, return_counts=True),), derivatives=0),
    OpCase("unique_rows", lambda x, dim: np.unique(x, axis=dim), (call(ints(12, 2, high=2), dim=0),), derivatives=0, function=dn.unique),
]  # fmt: skip
