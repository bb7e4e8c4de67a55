"""Placing elements: by index, by mask, into a part of a copy."""

from __future__ import annotations

from typing import Any

from deepnet import _core
from deepnet._core import Tensor
from deepnet.operators._call import takes_out, wrap_dim


@takes_out
def scatter(input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Tensor:
    """Return input with src (a tensor or a number) written at index along dim; reduce: 'add' or 'multiply' instead."""
    source = value if src is None else src
    if reduce is None:
        return _core.scatter_value(input, dim, index, source)
    if not isinstance(source, Tensor):
        source = _core.full_size(index.shape, source, dtype=input.dtype, device=input.device)
    if reduce not in ("add", "multiply"):
        raise RuntimeError(f"scatter: reduce must be 'add' or 'multiply', got {reduce!r}")
    return _core.scatter_reduce(input, dim, index, source, "sum" if reduce == "add" else "prod")


@takes_out
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """Return input with alpha * source added at index along dim; sources of one place in order."""
    return _core.index_add_plain(input, dim, index, source if alpha == 1 else source * alpha)


@takes_out
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """Return input with a number, or a 0-d tensor, at the places of index along dim.

    Raises
    ------
    RuntimeError
        If a tensor of values has dims.
    """
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError(f"index_fill: value must be a number or a 0-d tensor, got shape {tuple(value.shape)}")
    d = wrap_dim("index_fill", dim, input.ndim)
    if input.ndim == 0:
        return index_fill(_core.reshape(input, (1,)), 0, index, value).reshape(())
    row = _core.full_size((input.shape[d],), False, dtype=_core.bool, device=input.device)
    chosen = _core.full_size((index.numel(),), True, dtype=_core.bool, device=input.device)
    mask = _core.reshape(_core.index_copy(row, 0, index, chosen), (-1,) + (1,) * (input.ndim - d - 1))
    return _core.masked_fill(input, mask, value)


@takes_out
def index_reduce(input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True) -> Tensor:
    """Return input with sources combined at index along dim by 'prod', 'mean', 'amax' or 'amin'.

    Raises
    ------
    RuntimeError
        If reduce is another word.
    """
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce: reduce must be 'prod', 'mean', 'amax' or 'amin', got {reduce!r}")
    d = wrap_dim("index_reduce", dim, input.ndim)
    if input.ndim == 0:
        return index_reduce(
            _core.reshape(input, (1,)), 0, index, _core.reshape(source, (1,)), reduce, include_self=include_self
        ).reshape(())
    places = _core.reshape(index, (1,) * d + (-1,) + (1,) * (input.ndim - d - 1))
    return _core.scatter_reduce(
        input, d, _core.expand(places, source.shape).contiguous(), source, reduce, include_self=include_self
    )


@takes_out
def take(input: Tensor, index: Tensor) -> Tensor:
    """Return the elements at flat positions; the result has index's shape."""
    if index.dtype not in (_core.int64, _core.int32):
        raise RuntimeError(f"take: index must be int64, got {index.dtype}")
    flat = _core.index_get(_core.reshape(input, (-1,)), [_core.reshape(index, (-1,))])
    return _core.reshape(flat, index.shape)


def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """Return input with source's elements written at flat positions, or added where accumulate.

    Raises
    ------
    RuntimeError
        If index and source have different numbers of elements.
    """
    if index.numel() != source.numel():
        raise RuntimeError(f"put: index has {index.numel()} elements, source {source.numel()}")
    flat = _core.reshape(input, (-1,))
    placed = _core.index_put(flat, [_core.reshape(index, (-1,))], _core.reshape(source, (-1,)), accumulate)
    return _core.reshape(placed, input.shape)


def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """Return the coordinates of flat positions in a tensor of a shape, one tensor for each dim.

    Raises
    ------
    TypeError
        If indices are not integers.
    """
    if indices.dtype.is_floating_point or indices.dtype is _core.bool:
        raise TypeError(f"unravel_index: indices must be integers, got {indices.dtype}")
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    places = []
    for size in reversed(sizes):
        places.append(_core.remainder(indices, size))
        indices = _core.floor_divide(indices, size)
    return tuple(reversed(places))


@takes_out
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Return the elements at indices along dim, broadcast outside it; of the flattened tensor without dim."""
    if dim is None:
        return take_along_dim(_core.reshape(input, (-1,)), _core.reshape(indices, (-1,)), 0)
    if input.ndim != indices.ndim:
        raise RuntimeError(
            f"take_along_dim: needs one number of dims, got input {tuple(input.shape)} and indices {tuple(indices.shape)}"
        )
    d = wrap_dim("take_along_dim", dim, input.ndim)
    common = [a if b == 1 else b for a, b in zip(input.shape, indices.shape, strict=True)]
    wide, at = list(common), list(common)
    wide[d], at[d] = input.shape[d], indices.shape[d]
    places = _core.where(indices < 0, indices + input.shape[d], indices)
    return _core.gather(_core.expand(input, wide), d, _core.expand(places, at))


def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Return input with source's elements, in order, where mask holds.

    Raises
    ------
    RuntimeError
        If mask is not bool, dtypes differ, or source has too few elements.
    """
    if mask.dtype is not _core.bool:
        raise RuntimeError(f"masked_scatter: mask must be bool, got {mask.dtype}")
    if input.dtype is not source.dtype:
        raise RuntimeError(f"masked_scatter: dtypes must agree, got {input.dtype} and {source.dtype}")
    from deepnet.operators.views import broadcast_tensors

    x, m = broadcast_tensors(input, mask)
    at = _core.reshape(_core.nonzero_matrix(_core.reshape(m, (-1,))), (-1,))
    if at.shape[0] > source.numel():
        raise RuntimeError(f"masked_scatter: {at.shape[0]} places for {source.numel()} elements of source")
    flat = _core.index_copy(_core.reshape(x, (-1,)), 0, at, _core.reshape(source, (-1,))[: at.shape[0]])
    return _core.reshape(flat, x.shape)


def _into_part(input: Tensor, part: Any, src: Tensor, name: str) -> Tensor:
    result = _core.clone(input)
    place = part(result)
    if place.shape != src.shape:
        raise RuntimeError(f"{name}: src must have shape {tuple(place.shape)}, got {tuple(src.shape)}")
    place.copy_(src)
    return result


@takes_out
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """Return a copy of input with src at one index of dim."""
    return _into_part(input, lambda x: _core.select(x, dim, index), src, "select_scatter")


@takes_out
def slice_scatter(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """Return a copy of input with src in a slice of dim."""
    first, last, stride = slice(start, end, step).indices(input.shape[dim])
    return _into_part(input, lambda x: _core.slice_dim(x, dim, first, max(first, last), stride), src, "slice_scatter")


@takes_out
def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Return a copy of input with src on a diagonal."""
    return _into_part(input, lambda x: _core.diagonal(x, offset, dim1, dim2), src, "diagonal_scatter")
