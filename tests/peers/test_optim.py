"""Optimizers and schedules against PyTorch, step by step."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import deepnet  # noqa: E402
from deepnet import optim  # noqa: E402

OPTIMIZERS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "dampening": 0.2}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True}),
    ("Adam", {"lr": 0.05}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1, "amsgrad": True}),
    ("AdamW", {"lr": 0.05, "maximize": True}),
    ("RMSprop", {"lr": 0.05}),
    ("RMSprop", {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.05, "momentum": 0.9, "centered": True}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5}),
    ("Adamax", {"lr": 0.05, "weight_decay": 0.1}),
    ("NAdam", {"lr": 0.05, "weight_decay": 0.1}),
    ("NAdam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.05, "weight_decay": 0.1}),
    ("Adadelta", {"lr": 1.0, "weight_decay": 0.1}),
    ("Rprop", {"lr": 0.05}),
    ("ASGD", {"lr": 0.05, "t0": 3, "weight_decay": 0.1}),
    ("LBFGS", {"lr": 0.1, "max_iter": 4}),
    ("LBFGS", {"line_search_fn": "strong_wolfe", "max_iter": 6}),
]
TARGET = np.array([[1.0, -2.0, 3.0], [0.5, 0.0, -1.0]], np.float32)


def problem(fw, space, name, options):
    """Two parameters, one of which has no gradient at first. LBFGS amplifies rounding, so it gets float64."""
    real = np.float64 if name == "LBFGS" else np.float32
    a = fw.tensor(np.ones((2, 3), real), requires_grad=True)
    b = fw.tensor(np.full(3, 0.3, real), requires_grad=True)
    optimizer = getattr(space, name)([{"params": [a, b]}], **options)
    target = fw.tensor(TARGET.astype(real))

    def run(step):
        def closure():
            optimizer.zero_grad()
            y = a * b if step >= 2 or name == "LBFGS" else a * 0.3
            loss = ((y - target) ** 2).mean() + (a**4).sum() * 0.01
            loss.backward()
            return loss

        if name == "LBFGS":
            return optimizer.step(closure)
        closure()
        return optimizer.step()

    return a, b, optimizer, run


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=lambda v: str(v))
def test_trajectory(name, options):
    a1, b1, _, run1 = problem(torch, torch.optim, name, options)
    a2, b2, _, run2 = problem(deepnet, optim, name, options)
    for step in range(8):
        run1(step)
        run2(step)
        np.testing.assert_allclose(a2.detach().numpy(), a1.detach().numpy(), rtol=3e-4, atol=3e-5)
        np.testing.assert_allclose(b2.detach().numpy(), b1.detach().numpy(), rtol=3e-4, atol=3e-5)


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS[:-2], ids=lambda v: str(v))
def test_state_has_pytorchs_layout(name, options):
    _, _, theirs, run1 = problem(torch, torch.optim, name, options)
    _, _, ours, run2 = problem(deepnet, optim, name, options)
    for step in range(4):
        run1(step)
        run2(step)
    want, got = theirs.state_dict(), ours.state_dict()
    assert got["param_groups"][0].keys() == want["param_groups"][0].keys()
    for i, entries in want["state"].items():
        have = {k for k, v in entries.items() if v is not None}
        if name != "SGD":
            assert set(got["state"][i]) == have, i


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=lambda v: str(v))
def test_resume_gives_the_same_bits(name, options):
    a1, b1, first, run1 = problem(deepnet, optim, name, options)
    a2, b2, second, run2 = problem(deepnet, optim, name, options)
    for step in range(4):
        run1(step)
    with deepnet.no_grad():
        a2.copy_(a1)
        b2.copy_(b1)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for step in range(4, 7):
        run1(step)
        run2(step)
    assert np.array_equal(a1.detach().numpy(), a2.detach().numpy())
    assert np.array_equal(b1.detach().numpy(), b2.detach().numpy())


def schedules(space):
    s = space.lr_scheduler
    return {
        "StepLR": lambda o: s.StepLR(o, 3, 0.5),
        "MultiStepLR": lambda o: s.MultiStepLR(o, [2, 5, 5], 0.5),
        "ExponentialLR": lambda o: s.ExponentialLR(o, 0.9),
        "CosineAnnealingLR": lambda o: s.CosineAnnealingLR(o, 5, 0.01),
        "CosineAnnealingWarmRestarts": lambda o: s.CosineAnnealingWarmRestarts(o, 3, 2, 0.01),
        "LambdaLR": lambda o: s.LambdaLR(o, lambda e: 1 / (e + 1)),
        "MultiplicativeLR": lambda o: s.MultiplicativeLR(o, lambda e: 0.95),
        "LinearLR": lambda o: s.LinearLR(o, 0.2, 0.9, 6),
        "ConstantLR": lambda o: s.ConstantLR(o, 0.25, 4),
        "PolynomialLR": lambda o: s.PolynomialLR(o, 8, 2.0),
        "OneCycleLR": lambda o: s.OneCycleLR(o, 0.5, total_steps=14),
        "OneCycleLR3": lambda o: s.OneCycleLR(
            o, [0.5], epochs=7, steps_per_epoch=2, three_phase=True, anneal_strategy="linear"
        ),
        "CyclicLR": lambda o: s.CyclicLR(o, 0.01, 0.2, 3, 2),
        "CyclicLR2": lambda o: s.CyclicLR(o, 0.01, 0.2, 3, mode="triangular2"),
        "CyclicLRexp": lambda o: s.CyclicLR(o, 0.01, 0.2, 3, mode="exp_range", gamma=0.9, cycle_momentum=False),
        "SequentialLR": lambda o: s.SequentialLR(o, [s.ConstantLR(o, 0.1, 3), s.ExponentialLR(o, 0.9)], [4]),
        "ChainedScheduler": lambda o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 3), s.ExponentialLR(o, 0.9)]),
        "SWALR": lambda o: space.swa_utils.SWALR(o, 0.02, 5),
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("name", list(schedules(optim)))
def test_schedule(name, kind):
    rates = []
    for fw, space in ((torch, torch.optim), (deepnet, optim)):
        options = {"lr": 0.1, "momentum": 0.9} if kind == "SGD" else {"lr": 0.1}
        optimizer = getattr(space, kind)([fw.tensor(np.zeros(2, np.float32), requires_grad=True)], **options)
        schedule = schedules(space)[name](optimizer)
        seen = []
        for _ in range(13):
            group = optimizer.param_groups[0]
            momentum = group["momentum"] if kind == "SGD" else group["betas"][0]
            seen.append((group["lr"], momentum, schedule.get_last_lr()[0]))
            optimizer.step()
            schedule.step()
        rates.append(seen)
    np.testing.assert_allclose(rates[1], rates[0], rtol=1e-9, atol=1e-12)


def test_plateau():
    losses = [1.0, 0.9, 0.9, 0.9, 0.9, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]
    for options in ({}, {"threshold_mode": "abs", "cooldown": 1}, {"mode": "max", "min_lr": 0.02}):
        seen = []
        for fw, space in ((torch, torch.optim), (deepnet, optim)):
            optimizer = space.SGD([fw.tensor(np.zeros(2, np.float32), requires_grad=True)], lr=0.1)
            schedule = space.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, factor=0.5, **options)
            rates = []
            for loss in losses:
                schedule.step(loss)
                rates.append(optimizer.param_groups[0]["lr"])
            seen.append(rates)
        assert seen[0] == pytest.approx(seen[1])
