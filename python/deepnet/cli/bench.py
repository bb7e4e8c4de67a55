"""``deepnet bench``."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

import deepnet as dn
from deepnet import nn, optim
from deepnet.nn import functional as F
from deepnet.vision.models import get_model

__all__ = ["bench"]


def bench(seconds: float) -> int:
    """Print the median time of the main kernels, and their rate."""
    print(f"{'what':44} {'median':>12} {'rate':>16}")
    for name, call, work, unit in _cases():
        median = _median(call, seconds)
        print(f"{name:44} {1e6 * median:9.1f} us {work / median / 1e9:9.2f} {unit}", flush=True)
    return 0


def _median(call: Callable[[], Any], seconds: float) -> float:
    """The median seconds of a call, over as many as fit."""
    call()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


def _cases() -> Iterator[tuple[str, Callable[[], Any], float, str]]:
    """Names, calls, their work, and its unit."""
    small = dn.randn(16)
    yield "a + b, 16 floats", lambda: small + small, 16, "G/s"
    long = dn.randn(1 << 22)
    yield "a + b, 4 Mi floats", lambda: long + long, 12 * long.numel(), "GB/s"
    yield "sum, 4 Mi floats", lambda: long.sum(), 4 * long.numel(), "GB/s"
    yield "exp, 4 Mi floats", lambda: long.exp(), long.numel(), "G/s"
    for n in (128, 512, 1024):
        a, b = dn.randn(n, n), dn.randn(n, n)
        yield f"matmul {n} x {n}", functools.partial(dn.matmul, a, b), 2.0 * n**3, "GFLOP/s"
    x, w = dn.randn(16, 64, 56, 56), dn.randn(64, 64, 3, 3)
    yield (
        "conv2d 3 x 3, 64 to 64 channels, 16 x 56 x 56",
        lambda: F.conv2d(x, w, padding=1),
        2.0 * x.numel() * 9 * 64,
        "GFLOP/s",
    )
    yield "training step, lenet, batch 64 (images)", _step("lenet", (1, 28, 28), 64), 64e9, "/s"
    yield "training step, cnn, batch 64 (images)", _step("cnn", (1, 8, 8), 64), 64e9, "/s"


def _step(model: str, shape: tuple[int, int, int], batch: int) -> Callable[[], Any]:
    network = get_model(model, shape[0], shape[1:], 10)
    optimizer = optim.AdamW(network.parameters())
    loss = nn.CrossEntropyLoss()
    images, targets = dn.randn(batch, *shape), dn.randint(0, 10, (batch,))

    def step() -> None:
        optimizer.zero_grad()
        loss(network(images), targets).backward()
        optimizer.step()

    return step
