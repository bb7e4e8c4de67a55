"""Views and their bases: one memory, one history."""

from __future__ import annotations

import pytest

import deepnet as dn

VIEWS = [
    lambda x: x[1:], lambda x: x.t(), lambda x: x.view(-1), lambda x: x.unsqueeze(0), lambda x: x[0], lambda x: x.diagonal(),
    lambda x: x.unfold(0, 2, 1), lambda x: x.chunk(2)[1], lambda x: x.permute(1, 0).flatten(),
]  # fmt: skip


@pytest.mark.parametrize("view", VIEWS[:-1])
def test_view_made_before_its_base_got_a_history(view):
    """A view of a plain tensor follows the gradients that a later write brings into the base."""
    w = dn.tensor([[1.0, 2.0, 3.0]] * 3, requires_grad=True)
    x = dn.zeros(3, 3)
    v = view(x)
    x.add_(w)
    assert v.requires_grad
    (v * v).sum().backward()
    expected = dn.autograd.grad((view(w) ** 2).sum(), w)[0]
    assert w.grad.tolist() == expected.tolist()


@pytest.mark.parametrize("view", VIEWS[:-1])
def test_view_of_a_view_of_a_base_written_later(view):
    w = dn.tensor([[1.0, 2.0, 3.0]] * 3, requires_grad=True)
    x = dn.zeros(3, 3)
    v = x[:]
    x.add_(w)
    (view(v) * 2).sum().backward()
    assert w.grad.tolist() == dn.autograd.grad((view(w) * 2).sum(), w)[0].tolist()
