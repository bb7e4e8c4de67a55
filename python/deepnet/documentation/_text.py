"""How the docstrings of the extension's operators are put together from their parts."""

from __future__ import annotations

INPUT = "input : Tensor\n"
PAIR = "input : Tensor or number\nother : Tensor or number, shapes broadcast\n"
ALPHA = "alpha : number\n"
DIMS = "dim : int or sequence of int, optional\n    All where left out.\n"
ONE_DIM = "dim : int, optional\n    The flattened tensor where left out.\n"
KEEPDIM = "keepdim : bool\n    Keep reduced dims with size 1.\n"
DTYPE = "dtype : dtype, optional\n    Convert input first.\n"
SAME = "Tensor, input's shape"
BROADCAST = "Tensor, the broadcast shape"
REDUCED = "Tensor\n    Without dim, or with size 1 there."
PLACES = "Tensor of int64\n    Without dim, or with size 1 there."
VIEW = "Tensor\n    Of the same memory."
SHAPES = {"RuntimeError": "If the shapes do not broadcast."}
FLOATING = {"TypeError": "If input is not floating."}
DIM_ERROR = {"IndexError": "If a dim lies outside [-ndim, ndim)."}


def operator(says: str, parameters: str, returns: str, raises: dict[str, str] | None, code: str, gives: str) -> str:
    """Return a numpydoc docstring; gives is what the interpreter prints for code."""
    parts = [says, f"Parameters\n----------\n{parameters.rstrip()}", f"Returns\n-------\n{returns}"]
    if raises:
        parts.append("Raises\n------\n" + "\n".join(f"{error}\n    {why}" for error, why in raises.items()))
    parts.append(f"Examples\n--------\n>>> import deepnet\n>>> {code}\n{gives}")
    return "\n\n".join(parts) + "\n"


def unary(says: str, code: str, gives: str) -> str:
    """Return the docstring of an elementwise function."""
    return operator(says, INPUT, SAME, None, code, gives)


def binary(says: str, code: str, gives: str) -> str:
    """Return the docstring of a function of two broadcast arguments."""
    return operator(says, PAIR, BROADCAST, SHAPES, code, gives)


def in_place(name: str) -> str:
    """Return the docstring of an operator's form that writes over its first argument."""
    raises = "Raises\n------\nRuntimeError\n    If input is a leaf that requires a gradient, or cannot hold the result."
    return f"Do `{name}` in place; further arguments are its.\n\nReturns\n-------\nTensor\n    input itself.\n\n{raises}\n"
