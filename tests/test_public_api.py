"""Every public operator has a test row, records a gradient or refuses one by name, and says what it is."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from pathlib import Path

import pytest

import deepnet as dn
from deepnet.nn import functional as F

pytest.importorskip("scipy", reason="the rows' references need SciPy, of the extra [test]")
sys.path.insert(0, str(Path(__file__).parent / "ops"))

from op_case import Sample, floating
from rows import ROWS

# Public names of deepnet.operators that are no operators, or have their test elsewhere.
WITHOUT_ROW = {
    "Tensor": "the type",
}


def public_modules():
    names = [info.name for info in pkgutil.walk_packages(dn.__path__, "deepnet.")]
    return [n for n in names if not any(part.startswith("_") for part in n.split(".")) and n != "deepnet.utils.tensorboard"]


def public_objects():
    for name in public_modules():
        module = importlib.import_module(name)
        for item in getattr(module, "__all__", []):
            yield f"{name}.{item}", getattr(module, item)


def operators():
    """The public operators as rows name them."""
    names = {name for name in dn.operators.__all__ if callable(getattr(dn.operators, name))}
    return sorted(names | {f"F.{name}" for name in F.__all__})


def row_of(name):
    """The row that tests an operator: its own, that of the function it is another name of, or its plain form's."""
    if name in ROWS:
        return ROWS[name]
    for row in ROWS.values():
        if name in row.aliases:
            return row
    return row_of(name[:-1]) if name.endswith("_") else None


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


def test_every_operator_has_a_row():
    missing = [name for name in operators() if row_of(name) is None and name not in WITHOUT_ROW]
    assert not missing, f"{len(missing)} operators without a row in tests/ops: {', '.join(missing)}"
    needless = [name for name in WITHOUT_ROW if row_of(name) is not None or name not in operators()]
    assert not needless, f"need no exception: {needless}"


@pytest.mark.parametrize("name", [n for n in operators() if n not in WITHOUT_ROW])
def test_a_gradient_is_recorded_or_refused(name):
    """A row that says an operator has no derivative means results without any float, or ones that are cut from the graph."""
    row = row_of(name)
    assert row is not None, f"{name} has no row"
    if row.derivatives == 0:
        return  # test_ops.test_records_nothing shows it
    sample = Sample(row, 0, "float64")
    tensors = sample.tensors()
    wanted = [tensors[i].requires_grad_() for i in sample.differentiable()]
    assert any(r.requires_grad for r in floating(sample.run(tensors))) or not wanted
