"""Geometry in place and gradients of memory that several elements show."""

from __future__ import annotations

import numpy as np
import pytest

import deepnet as dn


def test_views_in_place_keep_the_memory_and_the_graph():
    x = dn.arange(6.0).reshape(2, 3).requires_grad_()
    y = x * 2
    pointer = y.data_ptr()
    y.t_().unsqueeze_(0)
    assert y.shape == (1, 3, 2)
    assert y.data_ptr() == pointer
    (y * dn.arange(6.0).reshape(1, 3, 2)).sum().backward()
    assert np.array_equal(x.grad.numpy(), 2 * np.arange(6.0).reshape(3, 2).T)


def test_a_leaf_that_wants_a_gradient_keeps_its_geometry():
    x = dn.ones(2, 3, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        x.t_()


@pytest.mark.parametrize("view", [lambda t: t[:, ::2], lambda t: t.t(), lambda t: t[1:, 1:]])
def test_as_strided_of_any_view_has_the_gradient_of_indexing(view):
    memory = dn.arange(24.0, dtype=dn.float64).reshape(4, 6)
    x = view(memory).detach().requires_grad_()
    y = dn.as_strided(x, (2, 2), (7, 2), 1)
    weights = dn.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=dn.float64)
    (y * weights).sum().backward()
    expected = np.zeros(24)
    expected[[1, 3, 8, 10]] = [1.0, 2.0, 3.0, 4.0]
    shown = view(dn.tensor(expected).reshape(4, 6))
    assert np.array_equal(x.grad.numpy(), shown.numpy())


def test_what_is_overwritten_has_gradient_zero():
    x = dn.ones(3, requires_grad=True)
    y = x * 2
    y.fill_(7.0)
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 0.0]


def test_joining_with_a_legacy_empty_tensor_gives_it_an_empty_gradient():
    nothing = dn.empty(0, requires_grad=True)
    dn.cat([nothing, dn.ones(2, 3)], 1).sum().backward()
    assert nothing.grad.shape == (0,)


def test_products_with_zeros_have_exact_gradients():
    x = dn.tensor([2.0, 0.0, 3.0], requires_grad=True)
    src = dn.tensor([0.0, 5.0, 7.0], requires_grad=True)
    y = dn.scatter_reduce(x, 0, dn.tensor([0, 1, 1]), src, "prod")
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 35.0, 1.0]
    assert src.grad.tolist() == [2.0, 0.0, 0.0]


@pytest.mark.parametrize("p", [0, 0.5, 1, 2, 3.5, float("inf"), -1])
def test_norms_of_zero_have_finite_gradients(p):
    x = dn.zeros(4, requires_grad=True)
    y = dn.linalg.vector_norm(x, p)
    y.backward()
    assert x.grad is None or np.isfinite(x.grad.numpy()).all()
