"""Writes in place: what they do to values, to gradients, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import deepnet as dn


@pytest.mark.parametrize("change", ["mul_", "imul", "lerp_", "addcmul_", "clamp_", "index_put_", "pow_"])
def test_operand_of_a_plain_tensor_keeps_its_gradient(change):
    """x.op_(w), where only w wants a gradient, saves x's old value: writing x again does no harm."""
    start = dn.tensor([1.0, 2.0, 3.0], dtype=dn.float64)
    w = dn.tensor([0.5, 1.5, 2.5], dtype=dn.float64, requires_grad=True)

    def step(x):
        if change == "mul_":
            x.mul_(w)
        elif change == "imul":
            x *= w
        elif change == "lerp_":
            x.lerp_(w, 0.25)
        elif change == "addcmul_":
            x.addcmul_(w, w)
        elif change == "clamp_":
            x.clamp_(w[0], w[2])
        elif change == "pow_":
            x.pow_(w)
        else:
            x.index_put_((dn.tensor([0, 1, 2]),), w)
        return x

    def gradient(further):
        x = step(start.clone())
        (g,) = dn.autograd.grad(further(x).sum(), w)
        return g.tolist()

    assert gradient(lambda x: x.add_(1).mul(3)) == gradient(lambda x: (x + 1) * 3)


def test_square_of_itself_in_place():
    x = dn.tensor([2.0, 3.0], requires_grad=True)
    y = x * 1
    y.mul_(y)
    y.sum().backward()
    assert x.grad.tolist() == [4.0, 6.0]


@pytest.mark.parametrize("write", ["add_", "fill_", "mul_", "setitem", "copy_", "zero_", "normal_", "tanh_", "mask"])
def test_elements_that_share_memory_are_not_written(write):
    x = dn.zeros(1, 3).expand(2, 3)
    calls = {
        "add_": lambda: x.add_(1), "fill_": lambda: x.fill_(1), "mul_": lambda: x.mul_(dn.ones(2, 3)),
        "setitem": lambda: x.__setitem__(slice(0, 2), 1.0), "copy_": lambda: x.copy_(dn.ones(2, 3)), "zero_": lambda: x.zero_(),
        "normal_": lambda: x.normal_(), "tanh_": lambda: x.tanh_(), "mask": lambda: x.masked_fill_(dn.ones(2, 3).bool(), 1.0),
    }  # fmt: skip
    with pytest.raises(RuntimeError, match="share their memory"):
        calls[write]()
    x[0].add_(1)
    assert x.tolist() == [[1.0] * 3] * 2


@pytest.mark.parametrize("op", ["floor_divide_", "remainder_", "fmod_", "ifloor", "imod"])
def test_integers_are_not_divided_by_zero_in_place(op):
    x = dn.tensor([4, 5])
    calls = {"ifloor": lambda: x.__ifloordiv__(0), "imod": lambda: x.__imod__(dn.tensor([1, 0]))}
    call = calls.get(op, lambda: getattr(x, op)(0))
    with pytest.raises(RuntimeError, match="division by zero"):
        call()
    assert x.tolist() == [4, 5]


def test_shifts_in_place_write_the_tensor_itself():
    x = dn.tensor([1, 2], dtype=dn.uint8)
    y = x
    x <<= dn.tensor([3, 2])
    assert x is y
    assert y.dtype == dn.uint8
    assert y.tolist() == [8, 8]
    x >>= 1
    assert y.tolist() == [4, 4]


@pytest.mark.parametrize("draw", ["normal_", "uniform_"])
def test_draws_cut_the_history_of_what_they_overwrite(draw):
    x = dn.ones(3, requires_grad=True)
    y = x * 2
    getattr(y, draw)()
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("op", [lambda x: x.pow_(0.5), lambda x: x.div_(2), lambda x: x.clamp_(0.5, 1.5), lambda x: x.sqrt_()])
def test_floats_are_not_cut_to_integers(op):
    x = dn.tensor([4, 9])
    with pytest.raises(RuntimeError, match="cannot be stored"):
        op(x)


def test_overlapping_operands():
    base = np.arange(16.0).reshape(4, 4)
    x = dn.from_numpy(base.copy())
    x.lerp_(x.t(), 0.5)
    assert np.allclose(x.numpy(), (base + base.T) / 2)
    y = dn.from_numpy(base[1].copy())
    y.clamp_(y[1], y[2])
    assert y.tolist() == [5.0, 5.0, 6.0, 6.0]
