"""Every public operator has a test row, and everything public has a docstring."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import deepnet as dn
from deepnet.nn import functional as F

ROWS = Path(__file__).parent / "ops"


def public_modules():
    names = [info.name for info in pkgutil.walk_packages(dn.__path__, "deepnet.")]
    return [n for n in names if not any(part.startswith("_") for part in n.split(".")) and n != "deepnet.utils.tensorboard"]


def public_objects():
    for name in public_modules():
        module = importlib.import_module(name)
        for item in getattr(module, "__all__", []):
            yield f"{name}.{item}", getattr(module, item)


def operators():
    """The names of functions that take or make tensors: those of the extension, and those of nn.functional."""
    names = {name for name in dir(dn._core) if not name.startswith("_") and callable(getattr(dn._core, name))}
    names = {name for name in names if not inspect.isclass(getattr(dn._core, name)) and hasattr(dn, name)}
    return sorted(names | {name for name in getattr(F, "__all__", dir(F)) if inspect.isroutine(getattr(F, name))})


def test_every_name_of_all_exists():
    missing = [
        f"{n}.{item}"
        for n in public_modules()
        for m in [importlib.import_module(n)]
        for item in getattr(m, "__all__", [])
        if not hasattr(m, item)
    ]
    assert not missing, missing


def test_everything_public_says_what_it_is():
    silent = [name for name, item in public_objects() if callable(item) and not inspect.getdoc(item)]
    assert not silent, silent


@pytest.mark.skipif(not any(ROWS.glob("*.py")), reason="there are no test rows")
def test_every_operator_has_a_row():
    text = "\n".join(path.read_text() for path in ROWS.rglob("*.py"))
    rows = set(re.findall(r"""["']([a-zA-Z_][a-zA-Z0-9_.]*)["']""", text))
    missing = [name for name in operators() if name not in rows and f"F.{name}" not in rows]
    assert not missing, f"{len(missing)} operators without a row in tests/ops: {', '.join(missing)}"
