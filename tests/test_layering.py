"""Layers import one way: C++ by its includes, Python by its imports, as docs/architecture.md says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(not (ROOT / "csrc").is_dir(), reason="the sources are not beside the tests")

# What a folder of csrc (and cuda) may include besides itself.
_BASE = {"core"}
_KERNELS = {"core", "math", "backend"}
CPP = {
    "core": set(),
    "math": _BASE,
    "backend": _BASE | {"math"},
    "cpu": _KERNELS,
    "cuda": _KERNELS,
    "tensor": _KERNELS,
    "autograd": _KERNELS | {"tensor", "capture"},
    "capture": _KERNELS | {"tensor", "autograd"},
    "ops": _KERNELS | {"tensor", "autograd", "capture"},
    "bindings": _KERNELS | {"tensor", "autograd", "capture", "ops"},
}

# The packages of deepnet from the bottom up: a package imports from levels below; the words of level 1 from one another.
PYTHON = {
    "_core": 0,
    **dict.fromkeys(
        ["autograd", "contraction", "creation", "cuda", "linalg", "operators", "random", "special"], 1
    ),  # the words of deepnet itself
    "io": 2,
    "utils": 2,
    "vision": 2,
    "nn.functional": 2,
    "nn": 3,
    "optim": 4,
    "vision.models": 4,
    "train": 5,
    "cli": 6,
}


def cpp_files():
    folders = [ROOT / "csrc", ROOT / "cuda"]
    return [p for folder in folders for p in sorted(folder.rglob("*")) if p.suffix in (".h", ".cpp", ".cu", ".cuh", ".inc")]


def layer_of(path: Path) -> str:
    return "cuda" if path.is_relative_to(ROOT / "cuda") else path.relative_to(ROOT / "csrc").parts[0]


def test_every_folder_has_a_layer():
    assert {layer_of(path) for path in cpp_files()} <= set(CPP)


def test_includes_run_one_way():
    wrong = []
    for path in cpp_files():
        layer = layer_of(path)
        for target in re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(), re.MULTILINE):
            folder = target.split("/")[0] if "/" in target else layer
            if folder != layer and folder not in CPP[layer]:
                wrong.append(f"{path.relative_to(ROOT)} includes {target}")
    assert not wrong, "\n".join(wrong)


def package_of(module: str) -> str | None:
    """The longest name in PYTHON that a module (without "deepnet.") lies in."""
    parts = module.split(".")
    return next((name for n in range(len(parts), 0, -1) if (name := ".".join(parts[:n])) in PYTHON), None)


def imports(path: Path):
    """Modules of deepnet imported at import time, without the leading "deepnet."."""
    inside = ".".join(path.relative_to(ROOT / "python").with_suffix("").parts).removesuffix(".__init__").split(".")
    package = inside if path.name == "__init__.py" else inside[:-1]

    def walk(nodes):
        for node in nodes:
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
                module = ".".join(filter(None, [base, node.module or ""]))
                yield from (f"{module}.{alias.name}" for alias in node.names)
            elif isinstance(node, (ast.Try, ast.If)) and "TYPE_CHECKING" not in ast.dump(getattr(node, "test", node)):
                yield from walk(ast.iter_child_nodes(node))

    for name in walk(ast.parse(path.read_text()).body):
        if name.startswith("deepnet."):
            yield name.removeprefix("deepnet.")


def test_python_imports_run_one_way():
    wrong = []
    for path in sorted((ROOT / "python" / "deepnet").rglob("*.py")):
        inside = ".".join(path.relative_to(ROOT / "python" / "deepnet").with_suffix("").parts).removesuffix(".__init__")
        here = package_of(inside)
        if here is None:
            continue  # deepnet/__init__.py and its like: the roof
        for name in imports(path):
            there = package_of(name)
            # a package may gather its own parts, whatever level they have
            if there is None or there == here or there.startswith(f"{here}."):
                continue
            if PYTHON[there] > PYTHON[here] or (PYTHON[there] == PYTHON[here] > 1 and not _siblings(here, there)):
                wrong.append(f"{path.relative_to(ROOT)} ({here}) imports deepnet.{name} ({there})")
    assert not wrong, "\n".join(wrong)


def _siblings(here: str, there: str) -> bool:
    """Data sets are files of Dataset items: vision may use io and utils.data, which know nothing of it."""
    return here == "vision" and there in ("io", "utils")


def test_nobody_imports_the_kernels():
    users = [p for p in cpp_files() if layer_of(p) not in ("cpu", "cuda")]
    wrong = [str(p.relative_to(ROOT)) for p in users if re.search(r'#\s*include\s+"(cpu|cuda)/', p.read_text())]
    assert not wrong, wrong
