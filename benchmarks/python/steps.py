"""Time operators and training steps beside PyTorch, in processes taken in turn, and print one table.

    python benchmarks/python/steps.py [CASE …] [--rounds 3] [--seconds 0.5] [--device cpu]

A figure is the median over rounds of PyTorch's time over deepnet's: above 1 deepnet is ahead. Where PyTorch is missing only
deepnet's times are printed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

Case = Callable[[Any, str], Callable[[], Any]]


def _add_16(t: Any, device: str) -> Callable[[], Any]:
    a, b = t.randn(16, device=device), t.randn(16, device=device)
    return lambda: a + b


def _add_4m(t: Any, device: str) -> Callable[[], Any]:
    a, b = t.randn(1 << 22, device=device), t.randn(1 << 22, device=device)
    return lambda: a + b


def _softmax(t: Any, device: str) -> Callable[[], Any]:
    x = t.randn(2048, 1024, device=device)
    return lambda: x.softmax(-1)


def _matmul(n: int) -> Case:
    def make(t: Any, device: str) -> Callable[[], Any]:
        a, b = t.randn(n, n, device=device), t.randn(n, n, device=device)
        return lambda: a @ b

    return make


def _conv(t: Any, device: str) -> Callable[[], Any]:
    x, w = t.randn(16, 64, 56, 56, device=device), t.randn(64, 64, 3, 3, device=device)
    return lambda: t.nn.functional.conv2d(x, w, padding=1)


def _step(build: Callable[[Any], Any], shape: tuple[int, ...], classes: int = 10) -> Case:
    def make(t: Any, device: str) -> Callable[[], Any]:
        model = build(t.nn).to(device)
        optimizer = t.optim.Adam(model.parameters(), lr=1e-3)
        x, y = t.randn(*shape, device=device), t.randint(0, classes, (shape[0],), device=device)

        def step() -> None:
            optimizer.zero_grad()
            t.nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()

        return step

    return make


def _mlp(nn: Any) -> Any:
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))


def _lenet(nn: Any) -> Any:
    features = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(
        *features, nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)
    )


def _cnn(nn: Any) -> Any:
    layers: list[Any] = []
    for i, (inputs, outputs) in enumerate([(3, 32), (32, 32), (32, 64), (64, 64)]):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if i % 2 else []
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 64, 10))


CASES: dict[str, Case] = {
    "a + b, 16 floats": _add_16,
    "a + b, 4 Mi floats": _add_4m,
    "softmax 2048 x 1024": _softmax,
    "matmul 256": _matmul(256),
    "matmul 1024": _matmul(1024),
    "matmul 2048": _matmul(2048),
    "conv 3x3 64 to 64, 16 x 56 x 56": _conv,
    "step: mlp, batch 128": _step(_mlp, (128, 784)),
    "step: lenet, batch 128": _step(_lenet, (128, 1, 28, 28)),
    "step: cnn with batch norm, batch 32": _step(_cnn, (32, 3, 32, 32)),
}


def measure(framework: str, case: str, seconds: float, device: str) -> float:
    """The median seconds of a call, in this process."""
    t: Any = importlib.import_module(framework)
    t.manual_seed(0)
    call = CASES[case](t, device)
    wait = (lambda: t.cuda.synchronize()) if device.startswith("cuda") else (lambda: None)
    for _ in range(3):
        call()
    wait()
    count = 1
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(count):
            call()
        wait()
        took = time.perf_counter() - start
        times.append(took / count)
        if took < 2e-4:  # too short for the clock
            count *= 2
            times.clear()
    return statistics.median(times)


def in_a_process(framework: str, case: str, seconds: float, device: str) -> float:
    """`measure` in a process of its own."""
    command = [sys.executable, __file__, "--worker", framework, case, "--seconds", str(seconds), "--device", device]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"{framework}, {case}: {run.stderr.strip().splitlines()[-1]}")
    return float(json.loads(run.stdout))


def table(cases: list[str], rounds: int, seconds: float, device: str) -> None:
    """Print one line a case."""
    peer = importlib.util.find_spec("torch") is not None
    print(
        f"{'case, on ' + device:38} {'deepnet us':>12}"
        + (f" {'PyTorch us':>12} {'ratio':>7}" if peer else "   (PyTorch is not installed)")
    )
    ratios = []
    for case in cases:
        ours, theirs = [], []
        for _ in range(rounds):
            if peer:
                theirs.append(in_a_process("torch", case, seconds, device))
            ours.append(in_a_process("deepnet", case, seconds, device))
        line = f"{case:38} {1e6 * statistics.median(ours):12.1f}"
        if peer:
            ratios.append(statistics.median(b / a for a, b in zip(ours, theirs, strict=True)))
            line += f" {1e6 * statistics.median(theirs):12.1f} {ratios[-1]:7.2f}"
        print(line, flush=True)
    if ratios:
        print(f"geometric mean {statistics.geometric_mean(ratios):.2f}; {sum(r < 1 for r in ratios)} of {len(ratios)} below 1")


def main() -> None:
    """Parse the arguments and print the table, or one worker's figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", help="names of cases; all by default")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--worker", metavar="FRAMEWORK", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(measure(arguments.worker, arguments.cases[0], arguments.seconds, arguments.device)))
        return
    unknown = [case for case in arguments.cases if case not in CASES]
    if unknown:
        parser.error(f"unknown cases {unknown}; there are {list(CASES)}")
    table(arguments.cases or list(CASES), arguments.rounds, arguments.seconds, arguments.device)


if __name__ == "__main__":
    main()
