"""How the operators of this package take their arguments and give their results."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from deepnet import _core
from deepnet._core import Tensor


class ValuesIndices(NamedTuple):
    """What operators return that choose elements: the chosen ones and where they stood."""

    values: Tensor
    indices: Tensor


def pair(result: tuple[Tensor, Tensor], out: Any = None) -> ValuesIndices:
    """Return values and indices under their names, in `out` where given."""
    return ValuesIndices(*(result if out is None else write(result, out)))


def dims(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Ints given one by one or as one sequence."""
    if len(args) == 1 and not isinstance(args[0], (int, Tensor)):
        return tuple(args[0])
    return args


def tensors(args: tuple[Any, ...]) -> tuple[Tensor, ...]:
    """Tensors given one by one or as one sequence."""
    return tuple(args[0]) if len(args) == 1 and isinstance(args[0], (list, tuple)) else args


def write(result: Any, out: Any) -> Any:
    """Write a result, or a tuple of them, into `out`, which takes its shape."""
    if isinstance(result, Tensor):
        return _core.convert(result, out=out)
    for r, o in zip(result, out, strict=True):
        _core.convert(r, out=o)
    return out


def takes_out(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give an operator the keyword `out`: where its result is written."""

    @functools.wraps(function)
    def with_out(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        return result if out is None else write(result, out)

    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    after = next((i for i, p in enumerate(parameters) if p.kind is p.VAR_KEYWORD), len(parameters))
    parameters.insert(after, inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="Tensor | None"))
    with_out.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return with_out


def wrap_dim(name: str, dim: int, ndim: int) -> int:
    """Return dim counted from the front; a 0-d tensor counts as 1-d.

    Raises
    ------
    IndexError
        If dim lies outside [-ndim, ndim).
    """
    n = ndim or 1
    if not -n <= dim < n:
        raise IndexError(f"{name}: dim must be in [{-n}, {n - 1}], got {dim}")
    return dim % n


def floating(input: Tensor) -> Tensor:
    """Return integers and bools in the default floating type; floating tensors as they are."""
    return input if input.dtype.is_floating_point else _core.convert(input, _core.get_default_dtype())


def number(value: Any, like: Tensor) -> Tensor:
    """Return a Python number or tensor as a tensor of like's device, promoted as an operand would be."""
    if isinstance(value, Tensor):
        return value
    dtype = _core.result_type(like, value)
    return _core.full_size((), value, dtype=dtype, device=like.device)
