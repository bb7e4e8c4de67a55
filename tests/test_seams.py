"""The seams that are expensive to change later, each proved on its own."""

import subprocess
import sys

import numpy as np
import pytest

import deepnet as dn
import deepnet.nn.functional as F
from deepnet import nn, optim


def bits(*tensors):
    return [t.detach().numpy().tobytes() for t in tensors]


def test_softmax_has_a_second_derivative():
    x = dn.randn(3, 5, dtype=dn.float64, requires_grad=True)
    assert dn.autograd.gradcheck(lambda t: F.softmax(t, dim=-1), x)
    assert dn.autograd.gradgradcheck(lambda t: F.softmax(t, dim=-1), x)


def test_overwritten_saved_value_is_refused_by_name():
    x = dn.randn(4, requires_grad=True)
    y = x.exp()
    y.mul_(2)  # exp's gradient needs its output
    with pytest.raises(RuntimeError, match=r"exp: .*overwritten by mul_"):
        y.sum().backward()


def make_step(seed):
    dn.manual_seed(seed)
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3))
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    x, y = dn.randn(16, 6), dn.randint(0, 3, (16,))

    def step():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return model, scheduler, step


def test_captured_step_follows_rate_dropout_and_step_count():
    model, scheduler, step = make_step(1)
    eager = []
    for _ in range(8):
        eager.append(step().item())
        scheduler.step()
    other, scheduler, step = make_step(1)
    replay, losses = dn.capture(step), []
    for _ in range(8):
        losses.append(replay().item())
        scheduler.step()
    assert losses == eager
    assert bits(*other.parameters()) == bits(*model.parameters())


@pytest.mark.parametrize("parts", [2, 4])
def test_accumulated_parts_have_the_bits_of_the_whole(parts):
    dn.manual_seed(3)
    model = nn.Sequential(nn.Linear(20, 33), nn.Tanh(), nn.Linear(33, 5))
    x, y = dn.randn(256, 20), dn.randint(0, 5, (256,))
    F.cross_entropy(model(x), y).backward()
    whole = bits(*(p.grad for p in model.parameters()))
    model.zero_grad()
    with dn.accumulate(parts):
        for a, b in zip(x.chunk(parts), y.chunk(parts)):
            F.cross_entropy(model(a), b).backward()
    assert bits(*(p.grad for p in model.parameters())) == whole


@pytest.mark.parametrize(
    "operator",
    [
        lambda t: t.sum(-1),
        lambda t: F.softmax(t, dim=1),
        lambda t: t.exp(),
        lambda t: t @ t.transpose(-1, -2),
        lambda t: F.layer_norm(t, t.shape[-1:]),
    ],
)
def test_a_view_gives_its_copys_bits(operator):
    dn.manual_seed(0)
    for view in (dn.randn(37, 21).t(), dn.randn(21, 74)[:, ::2], dn.randn(40, 40)[3:24, 2:39]):
        assert bits(operator(view)) == bits(operator(view.contiguous()))


def test_a_chain_of_a_million_nodes():
    x = dn.ones(1, requires_grad=True)
    y = x
    for _ in range(1_000_000):
        y = y * 1.0
    y.backward()
    assert x.grad.item() == 1.0
    del y


@pytest.mark.parametrize("isa", dn._core.built_isas())
def test_every_instruction_set_gives_the_same_bits(isa):
    program = (
        "import deepnet as dn, hashlib; dn.manual_seed(5); x = dn.randn(33, 70); y = dn.randn(70, 17)\n"
        "out = [x.exp(), x.tanh(), x.sum(1), x @ y, x.softmax(1), x.var(0)]\n"
        "print(hashlib.sha256(b''.join(t.numpy().tobytes() for t in out)).hexdigest())"
    )

    def run(name):
        env = {"DEEPNET_ISA": name, "PATH": ""}
        done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True)
        if "does not run on this processor" in done.stderr:
            pytest.skip(f"this processor has no {name}")
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert run(isa) == run("portable")


def test_views_written_in_place_carry_gradients_to_the_base():
    x = dn.ones(4, requires_grad=True)
    w = dn.tensor(3.0, requires_grad=True)
    y = x * 2
    y[1:3] *= w
    (y * dn.tensor([1.0, 10.0, 100.0, 1000.0])).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2, 60, 600, 2000])
    assert w.grad.item() == 2 * 110
