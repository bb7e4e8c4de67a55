"""Indices as NumPy reads them: values, writes, gradients."""

from __future__ import annotations

import numpy as np
import pytest

import deepnet as dn

KEYS = {
    "int": (1,), "negative": (-1, 0),
    "slice": (slice(None, None, 2),), "none": (None, 0), "ellipsis": (..., 1), "list": ([2, 0],),
    "array": (np.array([[0, 1], [2, 0]]),), "pair": ([0, 2], [1, 3]), "broadcast": (np.array([[0], [2]]), np.array([1, 3])),
    "apart": ([0, 1], slice(None), [1, 0]), "behind": (slice(None), [3, -1]), "mask": (np.array([True, False, True]),),
    "mask2": (np.arange(12).reshape(3, 4) % 3 == 0,), "mask and int": (np.array([True, False, True]), 2), "empty": ([],),
    "int and array": (1, [0, 2]), "true": (True,), "false": (False,),
}  # fmt: skip


def as_key(key):
    def one(k):
        if isinstance(k, np.ndarray):
            return dn.from_numpy(k)
        return dn.tensor([], dtype=dn.int64) if k == [] else k

    return tuple(one(k) for k in key)


def as_numpy(key):
    return tuple(np.array([], dtype=np.int64) if isinstance(k, list) and not k else k for k in key)


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())
@pytest.mark.parametrize("strided", [False, True])
def test_get_set_and_gradients(key, strided):
    base = np.arange(24.0).reshape(3, 4, 2)
    x = dn.from_numpy(base.transpose(2, 1, 0).copy()).permute(2, 1, 0) if strided else dn.from_numpy(base.copy())
    x = x.detach().requires_grad_()
    got, want = x[as_key(key)], base[as_numpy(key)]
    assert tuple(got.shape) == want.shape
    assert np.array_equal(got.detach().numpy(), want)
    weight = np.arange(1.0, want.size + 1).reshape(want.shape)
    (got * dn.from_numpy(weight)).sum().backward()
    expected = np.zeros_like(base)
    np.add.at(expected, as_numpy(key), weight)
    assert np.array_equal(x.grad.numpy(), expected)

    y, value = x * 1, dn.from_numpy(-weight).requires_grad_()
    changed = base.copy()
    changed[as_numpy(key)] = -weight
    y[as_key(key)] = value
    assert np.array_equal(y.detach().numpy(), changed)
    x.grad = None
    (y * 2).sum().backward()
    kept = np.full_like(base, 2.0)
    kept[as_numpy(key)] = 0
    assert np.array_equal(x.grad.numpy(), kept)
    assert np.array_equal(value.grad.numpy(), np.full(want.shape, 2.0))


@pytest.mark.parametrize("key", [(3,), (-4,), (0, 0, 0, 0), ([3],), ([0, -4],), (np.array([True, False]),), (slice(None), [5])])
def test_outside_is_refused(key):
    x = dn.zeros(3, 4)
    with pytest.raises(IndexError):
        x[as_key(key)]
    with pytest.raises(IndexError):
        x[as_key(key)] = 1.0


@pytest.mark.parametrize("key", [1.5, "a", [0.5]])
def test_wrong_kinds_are_refused(key):
    with pytest.raises((TypeError, IndexError)):
        dn.zeros(3)[key]
