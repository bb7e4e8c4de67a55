"""The graph: hooks, retained gradients, targets, memory."""

from __future__ import annotations

import gc
import weakref

import pytest

import deepnet as dn


def leaf(*values):
    return dn.tensor(list(map(float, values)), requires_grad=True)


def test_hooks_of_a_leaf_also_run_for_grad():
    x = leaf(1, 2)
    x.register_hook(lambda g: g * 3)
    (g,) = dn.autograd.grad((x * x).sum(), x)
    assert g.tolist() == [6.0, 12.0]


def test_backward_inputs_runs_hooks_and_counts_as_a_part():
    w = leaf(1, 2)
    seen = []
    w.register_hook(lambda g: g * 3)
    w.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.tolist()))
    (w * w).sum().backward(inputs=[w])
    assert w.grad.tolist() == [6.0, 12.0]
    assert seen == [[6.0, 12.0]]
    v, u = leaf(1.0), leaf(1.0)
    with dn.accumulate(2):
        for scale in (2, 4):
            (v * u * scale).sum().backward(inputs=[v])
    assert v.grad.tolist() == [3.0]
    assert u.grad is None


def test_removed_hook_stays_silent_after_a_write():
    x = leaf(1, 2)
    y = x * 2
    seen = []
    handle = y.register_hook(lambda g: seen.append(g))
    y.mul_(5)
    handle.remove()
    y.sum().backward()
    assert not seen
    assert x.grad.tolist() == [10.0, 10.0]


def test_hook_may_remove_itself():
    x = leaf(1, 2)
    y = x * 2
    handles = []
    handles.append(y.register_hook(lambda g: handles[0].remove()))
    y.register_hook(lambda g: g * 2)
    y.sum().backward()
    assert x.grad.tolist() == [4.0, 4.0]


@pytest.mark.parametrize("write", [lambda y: y.mul_(5), lambda y: y[:].mul_(5)])
def test_retained_gradient_is_of_the_latest_value(write):
    x = leaf(1, 2)
    y = x * 2
    y.retain_grad()
    write(y)
    (y * 3).sum().backward()
    assert y.grad.tolist() == [3.0, 3.0]
    assert x.grad.tolist() == [30.0, 30.0]


def test_retained_gradient_comes_after_the_hooks_and_adds_up():
    x = leaf(1, 2)
    y = x * 2
    assert not y.retains_grad
    y.retain_grad()
    assert y.retains_grad
    y.register_hook(lambda g: g * 10)
    z = y.sum()
    z.backward(retain_graph=True)
    z.backward()
    assert y.grad.tolist() == [20.0, 20.0]
    y.grad = None
    assert y.grad is None


def attribute_cycle():
    t = dn.ones(3)
    t.me = t
    return t


def hook_cycle():
    x = leaf(1, 2)
    y = x * 2
    y.register_hook(lambda g: g * y)
    return y


def module_cycle():
    layer = dn.nn.Linear(2, 2)
    layer.weight.owner = layer
    return layer.weight


def context_cycle():
    class Keep(dn.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.y = x * 2
            return ctx.y

        @staticmethod
        def backward(ctx, dy):
            return dy * 2

    return Keep.apply(leaf(1, 2))


@pytest.mark.parametrize("make", [attribute_cycle, hook_cycle, module_cycle, context_cycle])
def test_cycles_are_collected(make):
    t = make()
    gone = weakref.ref(t)
    gc.collect()
    assert gone() is not None
    del t
    gc.collect()
    assert gone() is None


def test_hook_survives_the_name_of_its_tensor():
    x = leaf(1, 2)
    y = x * 2
    y.register_hook(lambda g, y=y: g * y.detach())
    z = y.sum()
    del y
    gc.collect()
    z.backward()
    assert x.grad.tolist() == [4.0, 8.0]


def test_training_steps_leave_nothing_behind():
    layer = dn.nn.Sequential(dn.nn.Linear(4, 4), dn.nn.Tanh(), dn.nn.Linear(4, 1))
    optimizer = dn.optim.Adam(layer.parameters())
    x = dn.ones(3, 4)

    def steps(n):
        for _ in range(n):
            optimizer.zero_grad()
            layer(x).sum().backward()
            optimizer.step()
        return dn.memory_stats()["allocated_bytes"]

    assert steps(3) == steps(500)


def test_anomaly_names_the_call():
    def culprit(x):
        return x.sqrt()

    x = leaf(-1)
    with dn.autograd.detect_anomaly(), pytest.raises(RuntimeError, match=r"sqrt.*NaN[\s\S]*culprit"):
        culprit(x).sum().backward()


def test_long_chain():
    x = leaf(1)
    y = x
    for _ in range(20000):
        y = y + 1
    y.backward()
    del y
    assert x.grad.tolist() == [1.0]
