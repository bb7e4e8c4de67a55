"""Tensors from sizes, numbers and data."""

from __future__ import annotations

import math
from typing import Any

from deepnet import _core
from deepnet._core import Tensor
from deepnet._core import dtype as DType
from deepnet._core import tensor as tensor

__all__ = [
    "tensor",
    "as_tensor",
    "asarray",
    "from_numpy",
    "from_dlpack",
    "empty",
    "zeros",
    "ones",
    "full",
    "arange",
    "range",
    "linspace",
    "logspace",
    "eye",
    "empty_like",
    "zeros_like",
    "ones_like",
    "full_like",
    "scalar_tensor",
    "tril_indices",
    "triu_indices",
]


def _sizes(size: tuple[Any, ...], keyword: Any = None) -> tuple[int, ...]:
    """Sizes given one by one, as one sequence, or as size=."""
    if keyword is not None:
        return tuple(keyword)
    if len(size) == 1 and not isinstance(size[0], (int, Tensor)):
        return tuple(size[0])
    return size


def empty(
    *size: Any,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Tensor | None = None,
    pin_memory: bool = False,
    layout: Any = None,
    memory_format: Any = None,
    **named: Any,
) -> Tensor:
    """Return a tensor of undefined contents.

    Parameters
    ----------
    *size : int or one sequence of ints
    dtype : dtype, optional
        The default floating type unless given.
    device : device or str, optional
    requires_grad : bool

    Returns
    -------
    Tensor, shape `size`

    Examples
    --------
    >>> import deepnet
    >>> deepnet.empty(2, 3).shape
    Size([2, 3])
    """
    t = _core.empty_size(_sizes(size, named.get("size")), dtype=dtype, device=device, requires_grad=requires_grad)
    return _into(out, t)


def _into(out: Tensor | None, t: Tensor) -> Tensor:
    return t if out is None else _core.convert(t, out=out)


def full(
    size: Any,
    fill_value: Any,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Tensor | None = None,
    layout: Any = None,
) -> Tensor:
    """Return a tensor filled with a number, whose kind decides the dtype unless given.

    Examples
    --------
    >>> import deepnet
    >>> deepnet.full((2,), 3)
    tensor([3, 3])
    """
    if dtype is None:
        value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
        dtype = _core.bool if isinstance(value, bool) else _core.int64 if isinstance(value, int) else _core.get_default_dtype()
    t = _core.full_size(_sizes((size,)), fill_value, dtype=dtype, device=device, requires_grad=requires_grad)
    return _into(out, t)


def zeros(
    *size: Any,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Tensor | None = None,
    layout: Any = None,
    pin_memory: bool = False,
    **named: Any,
) -> Tensor:
    """Return a tensor of zeros.

    Examples
    --------
    >>> import deepnet
    >>> deepnet.zeros(2)
    tensor([0., 0.])
    """
    t = _core.full_size(_sizes(size, named.get("size")), 0, dtype=dtype, device=device, requires_grad=requires_grad)
    return _into(out, t)


def ones(
    *size: Any,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Tensor | None = None,
    layout: Any = None,
    pin_memory: bool = False,
    **named: Any,
) -> Tensor:
    """Return a tensor of ones.

    Examples
    --------
    >>> import deepnet
    >>> deepnet.ones(2)
    tensor([1., 1.])
    """
    t = _core.full_size(_sizes(size, named.get("size")), 1, dtype=dtype, device=device, requires_grad=requires_grad)
    return _into(out, t)


def as_tensor(data: Any, dtype: DType | None = None, device: Any = None) -> Tensor:
    """Return data as a tensor, sharing memory where it can."""
    if isinstance(data, Tensor):
        return _core.convert(data, dtype, device)
    if type(data).__module__ == "numpy" and hasattr(data, "__array_interface__") and data.ndim > 0:
        return _core.convert(from_numpy(data), dtype, device)
    return tensor(data, dtype=dtype, device=device)


def asarray(
    obj: Any, *, dtype: DType | None = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """Return obj as a tensor; copy=None shares memory where it can."""
    t = tensor(obj, dtype=dtype, device=device) if copy else as_tensor(obj, dtype, device)
    return t.requires_grad_() if requires_grad else t


def from_numpy(array: Any) -> Tensor:
    """Return a tensor that shares a NumPy array's memory.

    Raises
    ------
    TypeError
        If the array's dtype has no counterpart.
    """
    if not hasattr(array, "__array_interface__"):
        raise TypeError(f"from_numpy: needs a NumPy array, got {type(array).__name__}")
    return _core.from_buffer(array)


def from_dlpack(ext_tensor: Any) -> Tensor:
    """Return a tensor that shares the memory of an object with `__dlpack__`."""
    return _core.from_dlpack(ext_tensor)


def _counting_dtype(dtype: DType | None, *values: Any) -> DType:
    if dtype is not None:
        return dtype
    whole = all((v.dtype.is_floating_point is False) if isinstance(v, Tensor) else not isinstance(v, float) for v in values)
    return _core.int64 if whole else _core.get_default_dtype()


def arange(
    start: Any,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Tensor | None = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Return start, start + step, ... below end.

    Examples
    --------
    >>> import deepnet
    >>> deepnet.arange(3)
    tensor([0, 1, 2])
    """
    if end is None:
        start, end = 0, start
    dtype = _counting_dtype(dtype, start, end, step)
    if dtype is _core.int64:
        start, end, step = int(start), int(end), int(step)
    t = _core.arange_plain(start, end, step, dtype, device)
    return _into(out, t.requires_grad_() if requires_grad else t)


def range(start: Any, end: Any = None, step: Any = 1, *, dtype: DType | None = None, device: Any = None) -> Tensor:
    """Return start, start + step, ... up to end, which is included."""
    if end is None:
        start, end = 0, start
    count = math.floor((end - start) / step) + 1
    return _core.arange_plain(0, count, 1, dtype or _core.get_default_dtype(), device) * step + start


def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Tensor | None = None,
    layout: Any = None,
) -> Tensor:
    """Return `steps` values evenly spaced from start to end, both included.

    Examples
    --------
    >>> import deepnet
    >>> deepnet.linspace(0, 1, 3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    dtype = dtype or _core.get_default_dtype()
    if (isinstance(start, Tensor) and start.ndim) or (isinstance(end, Tensor) and end.ndim):
        raise RuntimeError("linspace: start and end must be numbers or 0-d tensors")
    if not dtype.is_floating_point:
        start, end = int(start), int(end)
    t = _core.linspace_plain(start, end, steps, dtype, device)
    return _into(out, t.requires_grad_() if requires_grad else t)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Tensor | None = None,
    layout: Any = None,
) -> Tensor:
    """Return base to the powers of linspace(start, end, steps)."""
    powers = _core.pow(base, _core.linspace_plain(start, end, steps, _core.float64, device))
    t = _core.convert(powers, dtype or _core.get_default_dtype())
    return _into(out, t.requires_grad_() if requires_grad else t)


def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Tensor | None = None,
    layout: Any = None,
) -> Tensor:
    """Return ones on the diagonal of an (n, m) matrix of zeros."""
    t = _core.eye_plain(n, n if m is None else m, dtype or _core.get_default_dtype(), device)
    return _into(out, t.requires_grad_() if requires_grad else t)


def empty_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Return a tensor of input's shape, dtype and device with undefined contents."""
    return _core.empty_size(input.shape, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Return a tensor of input's shape, dtype and device filled with a number."""
    return _core.full_size(
        input.shape, fill_value, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad
    )


def zeros_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Return zeros of input's shape, dtype and device."""
    return full_like(input, 0, dtype=dtype, device=device, requires_grad=requires_grad)


def ones_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Return ones of input's shape, dtype and device."""
    return full_like(input, 1, dtype=dtype, device=device, requires_grad=requires_grad)


def scalar_tensor(s: Any, *, dtype: DType | None = None, device: Any = None) -> Tensor:
    """Return a 0-d tensor, floating unless dtype says otherwise."""
    return _core.full_size((), s, dtype=dtype, device=device)


def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: DType | None = None, device: Any = None, layout: Any = None
) -> Tensor:
    """Return the (2, count) indices of a matrix's lower triangle, row by row."""
    mask = _core.tril(ones(row, col, dtype=_core.bool, device=device), offset)
    return _core.convert(_core.transpose(_core.nonzero_matrix(mask), 0, 1).contiguous(), dtype)


def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: DType | None = None, device: Any = None, layout: Any = None
) -> Tensor:
    """Return the (2, count) indices of a matrix's upper triangle, row by row."""
    mask = _core.triu(ones(row, col, dtype=_core.bool, device=device), offset)
    return _core.convert(_core.transpose(_core.nonzero_matrix(mask), 0, 1).contiguous(), dtype)
