"""Functions written in Python."""

from __future__ import annotations

import gc

import pytest

import deepnet as dn


def leaf(*values):
    return dn.tensor(list(map(float, values)), requires_grad=True)


class Exp(dn.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        (y,) = ctx.saved_tensors
        return dy * y


class Triple(dn.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        x.mul_(3)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx, dy):
        return dy * 3


def test_saved_output_has_second_derivatives():
    x = leaf(0.0, 1.0)
    (g,) = dn.autograd.grad(Exp.apply(x).sum(), x, create_graph=True)
    (g2,) = dn.autograd.grad(g.sum(), x)
    assert g2.tolist() == g.tolist() == pytest.approx([1.0, 2.7182817])


def test_saved_output_is_freed_without_the_collector():
    x = dn.ones(1000, requires_grad=True)
    gc.disable()
    try:
        for _ in range(3):
            Exp.apply(x)
        before = dn.memory_stats()["allocated_bytes"]
        for _ in range(10):
            Exp.apply(x)
        assert dn.memory_stats()["allocated_bytes"] == before
    finally:
        gc.enable()


def test_second_backward_without_what_was_saved_is_refused():
    y = Exp.apply(leaf(1)).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_dirty_input():
    x = leaf(1, 2)
    y = x * 2
    view = y[:1]
    z = Triple.apply(y)
    assert z is y
    (z.sum() + view.sum()).backward()
    assert x.grad.tolist() == [12.0, 6.0]


def test_dirty_leaf_and_view_are_refused():
    with pytest.raises(RuntimeError, match="leaf"):
        Triple.apply(leaf(1))
    with pytest.raises(RuntimeError, match="view"):
        Triple.apply((leaf(1, 2) * 2)[0])


def test_broadcast_gradient_is_summed():
    class Add(dn.autograd.Function):
        @staticmethod
        def forward(ctx, a, b):
            return a + b

        @staticmethod
        def backward(ctx, dy):
            return dy, dy

    a, b = leaf(1, 2, 3), leaf(1)
    Add.apply(a, b).sum().backward()
    assert b.grad.tolist() == [3.0]


def test_wrong_gradients_are_refused():
    class Bad(dn.autograd.Function):
        @staticmethod
        def forward(ctx, a, b):
            return a * b

        @staticmethod
        def backward(ctx, dy):
            return result

    for result, match in ((dn.ones(1), "2 gradients"), ((dn.ones(5), None), "shape"), ((3.0, None), "gradient")):
        with pytest.raises((RuntimeError, TypeError), match=match):
            Bad.apply(leaf(1, 2), leaf(1, 2)).sum().backward()
