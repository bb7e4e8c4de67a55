"""Captured steps: what stays live, what is copied, what is refused."""

from __future__ import annotations

from collections import namedtuple

import pytest

import deepnet as dn


def both(make, calls=6):
    """The results of a step run eagerly and captured."""
    results = []
    for wrap in (lambda f: f, dn.capture):
        dn.manual_seed(0)
        step, result = make(wrap)
        for i in range(calls):
            step(i)
        results.append(result())
    return results


@pytest.mark.parametrize("zero", ["outside", "outside zeros", "inside", "end", "never"])
def test_gradients_land_where_they_would(zero):
    def make(wrap):
        layer = dn.nn.Linear(4, 1)
        optimizer = dn.optim.SGD(layer.parameters(), lr=0.1)

        @wrap
        def inner(x):
            if zero == "inside":
                optimizer.zero_grad()
            (layer(x) ** 2).mean().backward()
            if zero in ("inside", "end"):
                optimizer.step()
            if zero == "end":
                optimizer.zero_grad()

        def step(i):
            if zero.startswith("outside"):
                optimizer.zero_grad(set_to_none=zero == "outside")
            inner(dn.ones(3, 4) * i)
            if zero.startswith("outside"):
                optimizer.step()

        return step, lambda: (layer.weight.tolist(), layer.weight.grad is None or layer.weight.grad.tolist())

    eager, captured = both(make)
    assert eager == captured


@pytest.mark.parametrize(
    "call",
    [lambda f, x: f([x, x * 2]), lambda f, x: f((x, x * 2)), lambda f, x: f({0: x, 1: x * 2})],
    ids=["list", "tuple", "dict"],
)
def test_tensors_inside_arguments_stay_live(call):
    step = dn.capture(lambda xs: xs[0] * 10 + xs[1])
    assert [call(step, dn.ones(1) * i).item() for i in range(12)] == [12.0 * i for i in range(12)]


def test_keyword_order_and_kinds_of_numbers():
    step = dn.capture(lambda a, b=None, c=None, k=1: a + b * 10 + c * 100 + (5 if k is True else 0))
    one = dn.ones(1)
    for i in range(4):
        assert step(one, b=one * i, c=one).item() == 101 + 10 * i
        assert step(one, c=one, b=one * i).item() == 101 + 10 * i
        assert step(one, b=one * i, c=one, k=True).item() == 106 + 10 * i


def test_writes_to_arguments_reach_the_caller():
    step = dn.capture(lambda x: x.add_(1))
    x = dn.zeros(2)
    for _ in range(5):
        step(x)
    assert x.tolist() == [5.0, 5.0]


def test_argument_that_wants_a_gradient_is_refused():
    step = dn.capture(lambda x: (x * 2).sum().backward())
    x = dn.ones(2, requires_grad=True)
    step(x)
    with pytest.raises(RuntimeError, match="requires a gradient"):
        step(x)


def test_named_tuples_come_back():
    Pair = namedtuple("Pair", "a b")
    step = dn.capture(lambda x: Pair(x, x * 2))
    for i in range(4):
        result = step(dn.ones(1) * i)
    assert type(result) is Pair
    assert result.b.item() == 6.0


@pytest.mark.parametrize(
    "read",
    [
        lambda x: x.sum().item(), lambda x: x.tolist(), lambda x: x.numpy(), lambda x: float(x[0]), lambda x: bool(x[0] > 0),
        lambda x: x[x > 0], lambda x: x.nonzero(), lambda x: repr(x), lambda x: memoryview(x),
    ],
)  # fmt: skip
def test_reads_on_the_host_are_refused(read):
    step = dn.capture(read)
    step(dn.ones(3))
    with pytest.raises(RuntimeError, match="capture cannot replay"):
        step(dn.ones(3))
    assert dn.ones(2).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("name", ["Adamax", "NAdam", "RAdam", "Adadelta", "ASGD", "Rprop"])
def test_optimizers_that_take_numbers_by_value_are_refused(name):
    layer = dn.nn.Linear(2, 1)
    optimizer = getattr(dn.optim, name)(layer.parameters())

    def step():
        optimizer.zero_grad()
        layer(dn.ones(1, 2)).sum().backward()
        optimizer.step()

    captured = dn.capture(step)
    captured()
    with pytest.raises(RuntimeError, match=f"{name}.step.*by value"):
        captured()


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"])
def test_schedules_and_draws_stay_live(name):
    def make(wrap):
        net = dn.nn.Sequential(dn.nn.Linear(8, 16), dn.nn.ReLU(), dn.nn.Dropout(0.3), dn.nn.Linear(16, 3))
        optimizer = getattr(dn.optim, name)(net.parameters(), lr=0.1)
        schedule = dn.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)

        @wrap
        def inner(x):
            optimizer.zero_grad()
            net(x).pow(2).mean().backward()
            optimizer.step()

        def step(i):
            inner(dn.ones(4, 8) * (i + 1))
            schedule.step()

        return step, lambda: [p.tolist() for p in net.parameters()]

    eager, captured = both(make, 9)
    assert eager == captured


def test_exception_inside_leaves_nothing_recorded():
    calls = []

    def step(x):
        calls.append(1)
        if len(calls) == 2:
            raise KeyError("x")
        return x * 2

    captured = dn.capture(step)
    captured(dn.ones(1))
    with pytest.raises(KeyError):
        captured(dn.ones(1))
    assert [captured(dn.ones(1) * i).item() for i in range(4)] == [0.0, 2.0, 4.0, 6.0]


def test_recording_keeps_what_it_reads():
    def make():
        w = dn.ones(1000) * 3
        step = dn.capture(lambda x: (x * w).sum())
        for _ in range(2):
            step(dn.ones(1000))
        return step

    step = make()
    for _ in range(3):
        clutter = [dn.full((1000,), 9.0) for _ in range(20)]
        assert step(dn.ones(1000)).item() == 3000.0
        del clutter
