"""Build deepnet with CUDA, run the device tests, and time it beside PyTorch; writes benchmarks/gpu/RESULTS.md.

    python benchmarks/gpu/run.py [--skip-build] [--skip-tests] [--architecture native] [--rounds 7] [CASE …]

It downloads nothing: CMake, Ninja, a compiler, nvcc, pybind11, NumPy, pytest and PyTorch are this machine's own. Both
frameworks run in this process on one GPU and take turns, round by round; a round is timed by CUDA events around enough
calls for some milliseconds, and a case's figure is the median of its rounds. Above 1 in the last column deepnet is ahead.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "gpu"
SITE = BUILD / "site"
RESULTS = Path(__file__).resolve().parent / "RESULTS.md"

sys.path.insert(0, str(Path(__file__).resolve().parent))


def build(architecture: str) -> None:
    """Compile both modules and lay out an importable package under build/gpu/site."""
    pybind11 = subprocess.run(
        [sys.executable, "-m", "pybind11", "--cmakedir"], capture_output=True, text=True, check=True
    ).stdout.strip()
    tree = BUILD / "cmake"
    start = time.perf_counter()
    configure = [
        "cmake", "-S", ROOT, "-B", tree, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DDEEPNET_PYTHON=ON",
        "-DDEEPNET_CUDA=on", f"-DDEEPNET_CUDA_ARCHITECTURES={architecture}", f"-Dpybind11_DIR={pybind11}",
        f"-DPython_EXECUTABLE={sys.executable}",
    ]  # fmt: skip
    subprocess.run([str(part) for part in configure], check=True)
    subprocess.run(["cmake", "--build", str(tree)], check=True)
    shutil.rmtree(SITE, ignore_errors=True)
    shutil.copytree(ROOT / "python" / "deepnet", SITE / "deepnet", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    subprocess.run(["cmake", "--install", str(tree), "--prefix", str(SITE)], check=True)
    print(f"built in {time.perf_counter() - start:.0f} s")


def run_tests() -> tuple[int, str]:
    """Run the tests marked cuda; return pytest's status and last line."""
    environment = dict(os.environ, PYTHONPATH=str(SITE))
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "cuda", "-p", "no:cacheprovider", str(ROOT / "tests")],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT,
    )  # fmt: skip
    print(run.stdout)
    lines = run.stdout.strip().splitlines()
    return run.returncode, lines[-1] if lines else "no output"


def event_milliseconds(framework: Any, call: Any, count: int) -> float:
    """Milliseconds of one call, from CUDA events around `count` of them."""
    start, end = framework.cuda.Event(enable_timing=True), framework.cuda.Event(enable_timing=True)
    start.record()
    for _ in range(count):
        call()
    end.record()
    framework.cuda.synchronize()
    return float(start.elapsed_time(end)) / count


def calls_for(framework: Any, call: Any, milliseconds: float) -> int:
    """How many calls take about so long."""
    for _ in range(3):
        call()
    framework.cuda.synchronize()
    return max(1, int(milliseconds / max(event_milliseconds(framework, call, 3), 1e-3)))


def measure(make: Any, frameworks: list[Any], rounds: int) -> list[float]:
    """Median milliseconds of a case for each framework, their rounds interleaved."""
    calls = [make(framework) for framework in frameworks]
    counts = [calls_for(framework, call, 10.0) for framework, call in zip(frameworks, calls, strict=True)]
    times: list[list[float]] = [[] for _ in frameworks]
    for _ in range(rounds):
        for i, framework in enumerate(frameworks):
            times[i].append(event_milliseconds(framework, calls[i], counts[i]))
    return [statistics.median(t) for t in times]


def time_cases(names: list[str], rounds: int) -> list[str]:
    """Time every case and return the table's lines."""
    cases = importlib.import_module("cases").CASES
    deepnet = importlib.import_module("deepnet")
    if not deepnet.cuda.is_available():
        raise SystemExit(f"no GPU: {deepnet.cuda.why_not()}")
    frameworks = [deepnet]
    try:
        torch = importlib.import_module("torch")
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # float32 means float32
        torch.backends.cudnn.benchmark = True
        frameworks.append(torch)
    except ImportError:
        print("PyTorch is missing: deepnet's times alone")
    lines = ["| case | deepnet ms | PyTorch ms | ratio |", "|---|---:|---:|---:|"]
    for name in names or list(cases):
        try:
            times = measure(cases[name], frameworks, rounds)
            peer = f"{times[1]:.4f} | {times[1] / times[0]:.2f}" if len(times) > 1 else "– | –"
            lines.append(f"| {name} | {times[0]:.4f} | {peer} |")
        except Exception as error:  # one case must not cost the others their figures
            lines.append(f"| {name} | {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''} | | |")
        print(lines[-1], flush=True)
    return lines


def describe() -> str:
    """The machine and the versions, in a line."""
    deepnet = importlib.import_module("deepnet")
    parts = [deepnet.cuda.get_device_name(0), f"Python {platform.python_version()}", f"deepnet {deepnet.__version__}"]
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        parts.append(f"PyTorch {torch.__version__}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}")
    return " · ".join(parts)


def main() -> int:
    """Do what the arguments leave of building, testing and timing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", help="names of cases; all by default")
    parser.add_argument("--skip-build", action="store_true")
    parser.add_argument("--skip-tests", action="store_true")
    parser.add_argument("--architecture", default="native")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    if not arguments.skip_build:
        build(arguments.architecture)
    status, tests = (0, "not run") if arguments.skip_tests else run_tests()
    sys.path.insert(0, str(SITE))
    lines = time_cases(arguments.cases, arguments.rounds)
    RESULTS.write_text(
        f"# deepnet beside PyTorch on a GPU\n\n{describe()}\n\nDevice tests: {tests}\n\n"
        "Written by `make gpu`; benchmarks/gpu/run.py says how it times. Above 1 in the last column deepnet is ahead. float32\n"
        "products are float32 on both sides (no TF32).\n\n" + "\n".join(lines) + "\n"
    )
    print(f"wrote {RESULTS.relative_to(ROOT)}")
    return status


if __name__ == "__main__":
    sys.exit(main())
