"""The docstrings of the extension's operators: here, where editing them recompiles nothing."""

from __future__ import annotations

from deepnet import _core
from deepnet.documentation import binary, indexing, methods, products, reductions, shapes, unary
from deepnet.documentation._text import in_place

__all__ = ["apply"]

TENSOR = """An array of numbers of one dtype on one device, with gradients where they are wanted.

`deepnet.tensor` makes one of numbers, sequences and arrays. Views share their tensor's memory, and what is written
through one shows in the other.

Examples
--------
>>> import deepnet
>>> x = deepnet.tensor([1.0, 2.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
tensor([2., 4.])
"""


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
    _core.Tensor.__doc__ = TENSOR
