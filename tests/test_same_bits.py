"""The bit contract on whole training runs: threads, instruction sets, parts of a batch, rows of a batch (docs/bits.md)."""

from __future__ import annotations

import functools
import json
import os
import platform
import subprocess
import sys

import pytest

import deepnet as dn
from deepnet import nn, optim
from deepnet.io import weights_hash
from deepnet.nn import functional as F

STEPS = 20
SETS = ["portable", "neon"] if platform.machine() in ("aarch64", "arm64") else ["portable", "avx2", "avx512"]


class Recurrent(nn.Module):
    """An LSTM over a sequence, its last state to classes."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(20, 48, num_layers=2, batch_first=True)
        self.head = nn.Linear(48, 10)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


class Attention(nn.Module):
    """One block of a transformer with causal attention, averaged to classes."""

    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(48), nn.LayerNorm(48)])
        self.project = nn.Linear(48, 144)
        self.mix = nn.Sequential(nn.Linear(48, 96), nn.GELU(), nn.Linear(96, 48), nn.Dropout(0.1))
        self.head = nn.Linear(48, 10)

    def forward(self, x):
        batch, length, width = x.shape
        qkv = self.project(self.norms[0](x)).reshape(batch, length, 3, 4, width // 4).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], is_causal=True)
        x = x + mixed.transpose(1, 2).reshape(batch, length, width)
        x = x + self.mix(self.norms[1](x))
        return self.head(x.mean(1))


def mlp():
    return nn.Sequential(nn.Linear(60, 192), nn.Tanh(), nn.Linear(192, 192), nn.SiLU(), nn.Linear(192, 10))


def plain_cnn():
    return nn.Sequential(
        nn.Conv2d(3, 12, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 16, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(576, 10),
    )


def cnn():
    return nn.Sequential(
        nn.Conv2d(3, 12, 3, padding=1, bias=False),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 16, 5, stride=2, padding=2),
        nn.BatchNorm2d(16),
        nn.Sigmoid(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.25),
        nn.Linear(64, 10),
    )


# name: network, shape of a batch, optimizer
NETWORKS = {
    "mlp": (mlp, (150, 60), lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)),
    "cnn": (cnn, (20, 3, 16, 16), lambda p: optim.AdamW(p, lr=1e-2)),
    "lstm": (Recurrent, (24, 11, 20), lambda p: optim.RMSprop(p, lr=1e-3)),
    "attention": (Attention, (6, 70, 48), lambda p: optim.Adam(p, lr=1e-3)),
}


def train(name):
    """Twenty steps of a network on noise; the hash of its weights, buffers included."""
    build, shape, optimizer_of = NETWORKS[name]
    dn.manual_seed(1234)
    model = build()
    x, y = dn.randn(*shape), dn.randint(0, 10, (shape[0],))
    optimizer = optimizer_of(model.parameters())
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
    assert loss.item() < 10
    return weights_hash(model.state_dict())


@functools.cache
def hashes(isa, threads):
    """The hashes of all networks in a process of its own; None where this machine lacks the instruction set."""
    env = {**os.environ, "DEEPNET_NUM_THREADS": str(threads)}
    env.pop("DEEPNET_ISA", None)
    if isa is not None:
        env["DEEPNET_ISA"] = isa
    run = subprocess.run([sys.executable, __file__], capture_output=True, text=True, env=env)
    if run.returncode and isa is not None and isa in run.stderr and "Error" in run.stderr.splitlines()[-1]:
        pytest.skip(f"{isa}: {run.stderr.splitlines()[-1]}")
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("threads", [2, 3])
def test_threads(name, threads):
    assert hashes(None, threads)[name] == hashes(None, 1)[name]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("isa", SETS)
def test_instruction_sets(name, isa):
    assert hashes(isa, 2)[name] == hashes(None, 1)[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_this_process_agrees(name):
    assert train(name) == hashes(None, 1)[name]


@pytest.mark.parametrize(("build", "shape"), [(mlp, (256, 60)), (plain_cnn, (256, 3, 16, 16))])
@pytest.mark.parametrize("parts", [2, 4])
def test_parts_of_a_batch(build, shape, parts):
    found = []
    for n in (1, parts):
        dn.manual_seed(7)
        model = build()
        x, y = dn.randn(*shape), dn.randint(0, 10, (shape[0],))
        optimizer = optim.Adam(model.parameters(), lr=1e-3)
        for _ in range(5):
            optimizer.zero_grad()
            with dn.accumulate(n):
                for part, target in zip(x.chunk(n), y.chunk(n), strict=True):
                    F.cross_entropy(model(part), target).backward()
            optimizer.step()
        found.append(weights_hash(model.state_dict()))
    assert found[0] == found[1]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_row_does_not_depend_on_its_batch(name):
    build, shape, _ = NETWORKS[name]
    model = build().eval()
    x = dn.randn(*shape)
    with dn.no_grad():
        whole = model(x)
        for rows in (slice(0, 1), slice(3, 5), slice(1, shape[0])):
            assert dn.equal(model(x[rows]), whole[rows])


if __name__ == "__main__":
    print(json.dumps({name: train(name) for name in NETWORKS}))
