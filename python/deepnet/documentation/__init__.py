"""The docstrings of the extension's operators: here, where editing them recompiles nothing."""

from __future__ import annotations

from deepnet import _core
from deepnet.documentation import binary, indexing, methods, products, reductions, shapes, unary
from deepnet.documentation._text import in_place

__all__ = ["apply"]


def apply() -> None:
    """Give every operator of the tables its docstring, and in-place forms one that names the plain form."""
    table: dict[str, str] = {}
    for family in (unary, binary, reductions, products, shapes, indexing, methods):
        table |= family.TABLE
    for name in vars(_core):
        if name.endswith("_") and not name.startswith("_") and name[:-1] in table:
            table.setdefault(name, in_place(name[:-1]))
    for name, text in table.items():
        _core.document(name, text)
