"""The examples in docstrings print what they say: of every public module, and of the extension's operators."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import deepnet as dn
from deepnet import _core

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
OPERATORS = sorted(name for name, item in vars(_core).items() if type(item).__name__ == "Operator" and item.__doc__)


def modules():
    names = ["deepnet", *(info.name for info in pkgutil.walk_packages(dn.__path__, "deepnet."))]
    return [n for n in names if not any(part.startswith("_") for part in n.split("."))]


def run(tests):
    """Run doctests; report the first that fails."""
    runner = doctest.DocTestRunner(optionflags=OPTIONS, verbose=False)
    said: list[str] = []
    for test in tests:
        dn.manual_seed(0)
        runner.run(test, out=said.append)
    assert runner.failures == 0, "".join(said)


@pytest.mark.parametrize("name", modules())
def test_examples_of_modules(name, tmp_path, monkeypatch):
    if name == "deepnet.utils.tensorboard":
        pytest.importorskip("tensorboardX")
    monkeypatch.chdir(tmp_path)  # examples may write files
    run(doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name), name))


@pytest.mark.parametrize("name", [*OPERATORS, "Tensor"])
def test_examples_of_operators(name):
    run([doctest.DocTestParser().get_doctest(getattr(_core, name).__doc__, {}, name, None, 0)])
