"""Optimizers: formulas, groups, closures, captures, refusals; schedules and averages."""

import copy
import pickle

import numpy as np
import pytest

import deepnet
import deepnet.nn as nn
from deepnet import optim


def leaf(values):
    return nn.Parameter(deepnet.tensor(np.asarray(values, np.float64)))


def test_adam_by_its_formula():
    p = leaf([1.0, -2.0])
    optimizer = optim.AdamW([p], lr=0.1, betas=(0.8, 0.9), eps=1e-6, weight_decay=0.3)
    x, m, v = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2)
    for step in range(1, 6):
        optimizer.zero_grad()
        (p**3).sum().backward()
        optimizer.step()
        g = 3 * x**2
        x = x * (1 - 0.1 * 0.3)
        m, v = 0.8 * m + 0.2 * g, 0.9 * v + 0.1 * g * g
        x = x - 0.1 * (m / (1 - 0.8**step)) / (np.sqrt(v / (1 - 0.9**step)) + 1e-6)
        np.testing.assert_allclose(p.detach().numpy(), x, rtol=1e-12)


def test_parameters_without_gradient_stay_and_keep_their_own_count():
    a, b = leaf([1.0]), leaf([1.0])
    optimizer = optim.Adam([a, b], lr=0.1)
    for step in range(3):
        optimizer.zero_grad()
        (a.sum() if step < 2 else a.sum() + b.sum()).backward()
        optimizer.step()
    assert optimizer.state[a]["step"] == 3
    assert optimizer.state[b]["step"] == 1
    assert b.item() == pytest.approx(0.9)


def test_groups_have_their_own_options():
    a, b = leaf([1.0]), leaf([1.0])
    optimizer = optim.SGD([{"params": [a]}, {"params": b, "lr": 0.5}], lr=0.1)
    (a + b).sum().backward()
    optimizer.step()
    assert (a.item(), b.item()) == (0.9, 0.5)
    optimizer.add_param_group({"params": leaf([0.0])})
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.5, 0.1]
    with pytest.raises(ValueError, match="more than one"):
        optimizer.add_param_group({"params": a})


def test_named_parameters_and_generators():
    net = nn.Linear(2, 2)
    assert optim.SGD(net.named_parameters(), lr=0.1).param_groups[0]["param_names"] == ["weight", "bias"]
    assert len(optim.Adam(filter(lambda p: p.dim() > 1, net.parameters())).param_groups[0]["params"]) == 1


def test_closure_and_hooks():
    p = leaf([2.0])
    optimizer = optim.SGD([p], lr=0.25)
    seen = []
    optimizer.register_step_pre_hook(lambda o, a, k: seen.append("before"))
    handle = optimizer.register_step_post_hook(lambda o, a, k: seen.append("after"))

    def closure():
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        return loss

    assert float(optimizer.step(closure)) == 4
    assert p.item() == 1
    handle.remove()
    optimizer.step()
    assert seen == ["before", "after", "before"]


def test_lbfgs_solves_rosenbrock():
    p = leaf([-1.2, 1.0])
    optimizer = optim.LBFGS([p], max_iter=100, tolerance_change=1e-16, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
    np.testing.assert_allclose(p.detach().numpy(), [1, 1], atol=1e-5)
    with pytest.raises(ValueError, match="closure"):
        optimizer.step()


@pytest.mark.parametrize(
    "name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "Rprop", "ASGD"]
)
def test_every_optimizer_goes_downhill(name):
    p = leaf([1.0, -1.5])
    optimizer = getattr(optim, name)([p])
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < losses[0]
    text = repr(optimizer)
    assert text.startswith(name)
    assert "lr:" in text


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Adagrad"])
def test_a_captured_step_keeps_rate_and_count_live(name):
    def train(captured):
        p = leaf([1.0, -2.0, 0.5])
        options = {"momentum": 0.9} if name == "SGD" else {}
        optimizer = getattr(optim, name)([p], lr=0.1, **options)

        def step():
            optimizer.zero_grad()
            (p**4).sum().backward()
            optimizer.step()

        run = deepnet.capture(step) if captured else step
        for i in range(6):
            optimizer.param_groups[0]["lr"] = 0.1 / (i + 1)
            run()
        return p.detach().numpy(), optimizer.state[p].get("step")

    (plain, count), (captured, live) = train(False), train(True)
    assert np.array_equal(plain, captured)
    assert count == live


def test_state_survives_pickling_and_copying():
    net = nn.Linear(2, 2)
    optimizer = optim.Adam(net.parameters())
    net(deepnet.ones(1, 2)).sum().backward()
    optimizer.step()
    state = pickle.loads(pickle.dumps(optimizer.state_dict()))
    assert float(state["state"][0]["step"]) == 1
    both = copy.deepcopy([net, optimizer])
    assert both[1].param_groups[0]["params"][0] is both[0].weight
    with pytest.raises(ValueError, match="different number"):
        optimizer.load_state_dict({"state": {}, "param_groups": []})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: optim.SGD([], lr=0.1), "empty"),
        (lambda p: optim.SGD(p, lr=0.1), "iterable"),
        (lambda p: optim.SGD([p], lr=-1), "learning rate"),
        (lambda p: optim.SGD([p], nesterov=True), "Nesterov"),
        (lambda p: optim.Adam([p], betas=(1.0, 0.9)), "beta"),
        (lambda p: optim.Adam([p], differentiable=True), "differentiable"),
        (lambda p: optim.Adam([p * 1]), "non-leaf"),
        (lambda p: optim.Adam([p, p]), "duplicate"),
        (lambda p: optim.Adam([3]), "Tensors"),
        (lambda p: optim.lr_scheduler.StepLR(p, 3), "Optimizer"),
        (lambda p: optim.lr_scheduler.OneCycleLR(optim.SGD([p]), 0.1), "total_steps"),
        (lambda p: optim.lr_scheduler.ReduceLROnPlateau(optim.SGD([p]), factor=1.0), "factor"),
    ],
)
def test_refusals(make, words):
    with pytest.raises((ValueError, TypeError), match=words):
        make(leaf([1.0]))


def test_schedules_resume():
    def make():
        optimizer = optim.SGD([leaf([1.0])], lr=0.1)
        s = optim.lr_scheduler
        return optimizer, s.SequentialLR(
            optimizer, [s.LinearLR(optimizer, 0.1, 1.0, 3), s.CosineAnnealingLR(optimizer, 6)], [3]
        )

    first, schedule = make()
    for _ in range(4):
        first.step()
        schedule.step()
    second, resumed = make()
    second.load_state_dict(first.state_dict())
    resumed.load_state_dict(schedule.state_dict())
    for _ in range(4):
        for optimizer, s in ((first, schedule), (second, resumed)):
            optimizer.step()
            s.step()
        assert schedule.get_last_lr() == resumed.get_last_lr()


def test_order_of_steps_is_watched():
    optimizer = optim.SGD([leaf([1.0])], lr=0.1)
    schedule = optim.lr_scheduler.StepLR(optimizer, 1)
    with pytest.warns(UserWarning, match="before"):
        schedule.step()


def test_averages_of_weights():
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.BatchNorm1d(2))
    mean = optim.swa_utils.AveragedModel(model)
    moving = optim.swa_utils.AveragedModel(model, multi_avg_fn=optim.swa_utils.get_ema_multi_avg_fn(0.5))
    for value in (1.0, 2.0, 6.0):
        with deepnet.no_grad():
            model[0].weight.fill_(value)
        mean.update_parameters(model)
        moving.update_parameters(model)
    assert float(mean.module[0].weight[0, 0]) == pytest.approx(3)
    assert float(moving.module[0].weight[0, 0]) == pytest.approx(3.75)
    batches = [deepnet.randn(16, 2) for _ in range(4)]
    optim.swa_utils.update_bn(batches, mean)
    seen = np.concatenate([mean.module[0](b).detach().numpy() for b in batches])
    np.testing.assert_allclose(mean.module[1].running_mean.numpy(), seen.mean(0), rtol=1e-4, atol=1e-5)
