"""Tensors from several, or from one repeated."""

from __future__ import annotations

import itertools
from typing import Any

from deepnet import _core
from deepnet._core import Tensor
from deepnet.operators._call import dims as _dims
from deepnet.operators._call import takes_out
from deepnet.operators._call import tensors as _tensors
from deepnet.operators.views import atleast_1d, atleast_2d, atleast_3d


@takes_out
def hstack(tensors: Any) -> Tensor:
    """Return tensors joined along dim 1, or along dim 0 where they have one dim."""
    given = atleast_1d(tuple(tensors))
    return _core.cat(given, 0 if given and given[0].ndim == 1 else 1)


@takes_out
def vstack(tensors: Any) -> Tensor:
    """Return tensors of at least 2 dims joined along dim 0."""
    return _core.cat(atleast_2d(tuple(tensors)), 0)


row_stack = vstack


@takes_out
def dstack(tensors: Any) -> Tensor:
    """Return tensors of at least 3 dims joined along dim 2."""
    return _core.cat(atleast_3d(tuple(tensors)), 2)


@takes_out
def column_stack(tensors: Any) -> Tensor:
    """Return vectors as columns, joined with matrices along dim 1."""
    return _core.cat([_core.reshape(x, (-1, 1)) if x.ndim < 2 else x for x in tensors], 1)


def block_diag(*tensors: Any) -> Tensor:
    """Return a matrix with matrices (or vectors as rows) along its diagonal and zeros elsewhere.

    Raises
    ------
    RuntimeError
        If a tensor has more than 2 dims.
    """
    blocks = [atleast_2d(x) for x in _tensors(tensors)]
    if any(b.ndim > 2 for b in blocks):
        raise RuntimeError(f"block_diag: needs tensors of at most 2 dims, got shapes {[tuple(b.shape) for b in blocks]}")
    if not blocks:
        return _core.empty_size((1, 0))
    dtype = blocks[0].dtype
    for b in blocks[1:]:
        dtype = _core.promote_types(dtype, b.dtype)
    width = sum(b.shape[1] for b in blocks)
    rows, before = [], 0
    for b in blocks:
        rows.append(_core.constant_pad(_core.convert(b, dtype), (before, width - before - b.shape[1])))
        before += b.shape[1]
    return _core.cat(rows, 0)


def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Return views of vectors expanded to the grid that they span.

    Parameters
    ----------
    *tensors : Tensor, shape (N_i,) or ()
    indexing : {'ij', 'xy'}
        'xy' swaps the first two dims.

    Raises
    ------
    RuntimeError
        If a tensor has more than 1 dim or indexing is unknown.
    """
    given = list(_tensors(tensors))
    if not given:
        raise ValueError("meshgrid: needs at least one tensor")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f"meshgrid: indexing must be 'ij' or 'xy', got {indexing!r}")
    if any(x.ndim > 1 for x in given):
        raise RuntimeError(f"meshgrid: needs vectors, got shapes {[tuple(x.shape) for x in given]}")
    swap = indexing == "xy" and len(given) > 1
    if swap:
        given[:2] = given[1], given[0]
    shape = [x.numel() for x in given]
    grids = [_core.expand(_core.reshape(x, (1,) * i + (-1,) + (1,) * (len(given) - i - 1)), shape) for i, x in enumerate(given)]
    if swap:
        grids[:2] = grids[1], grids[0]
    return tuple(grids)


def cartesian_prod(*tensors: Any) -> Tensor:
    """Return all combinations of one element from each vector, as rows; shape (product of sizes, number of vectors)."""
    given = _tensors(tensors)
    if any(x.ndim != 1 for x in given):
        raise RuntimeError(f"cartesian_prod: needs vectors, got shapes {[tuple(x.shape) for x in given]}")
    if len(given) == 1:
        return given[0]
    return _core.stack([_core.reshape(g, (-1,)) for g in meshgrid(*given, indexing="ij")], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Return the combinations of r of a vector's elements, as rows, in the order of `itertools.combinations`.

    Raises
    ------
    RuntimeError
        If input is not 1-d or r is negative.
    """
    if input.ndim != 1 or r < 0:
        raise RuntimeError(f"combinations: needs a vector and r >= 0, got shape {tuple(input.shape)} and {r}")
    if r == 0:
        return input[:0]
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = list(choose(range(input.shape[0]), r))
    places = _core.reshape(_core.tensor(rows, dtype=_core.int64, device=input.device), (len(rows), r))
    return _core.index_get(input, [places])


def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """Return input repeated along each dim; new leading dims may be given."""
    counts = _dims(repeats)
    if len(counts) < input.ndim:
        raise RuntimeError(f"repeat: needs at least {input.ndim} counts, got {counts}")
    lead = len(counts) - input.ndim
    shape = (1,) * lead + tuple(input.shape)
    wide = [n for r, s in zip(counts, shape, strict=True) for n in (r, s)]
    x = _core.reshape(input, [n for s in shape for n in (1, s)])
    return _core.reshape(_core.expand(x, wide).clone(), [r * s for r, s in zip(counts, shape, strict=True)])


def tile(input: Tensor, *dims: Any, **named: Any) -> Tensor:
    """Return input repeated dims times along each dim."""
    counts = tuple(_dims(dims) if dims or "dims" not in named else named["dims"])
    return repeat(input, *((1,) * (input.ndim - len(counts)) + counts))


def repeat_interleave(input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None) -> Tensor:
    """Return each element repeated along dim (of the flattened tensor unless given).

    Parameters
    ----------
    input : Tensor
        With no `repeats`: the counts themselves; the result then holds index i counts[i] times.
    repeats : int or Tensor of integers, shape () or (size of dim,)
    dim : int, optional
    output_size : int, optional
        The sum of repeats; taken as a check.

    Raises
    ------
    RuntimeError
        If repeats are negative or do not match the size of dim.
    """
    if repeats is None:
        if input.ndim != 1:
            raise RuntimeError(f"repeat_interleave: repeats must be 1-d, got shape {tuple(input.shape)}")
        return _places(input, output_size)
    x, d = (_core.reshape(input, (-1,)), 0) if dim is None else (input, dim)
    size = x.shape[d] if x.ndim else 1
    if isinstance(repeats, (list, tuple)):
        repeats = _core.tensor(repeats)
    if isinstance(repeats, Tensor) and repeats.numel() != 1:
        counts = _core.convert(_core.reshape(repeats, (-1,)), None, x.device)
        if counts.shape[0] != size:
            raise RuntimeError(f"repeat_interleave: {counts.shape[0]} repeats for a dim of size {size}")
    else:
        times = int(repeats.item()) if isinstance(repeats, Tensor) else int(repeats)
        counts = _core.full_size((size,), times, dtype=_core.int64, device=x.device)
    return _core.index_select(x, d, _places(counts, output_size))


def _places(counts: Tensor, output_size: int | None) -> Tensor:
    """Index i, counts[i] times."""
    if counts.dtype not in (_core.int64, _core.int32):
        raise RuntimeError(f"repeat_interleave: repeats must be int64 or int32, got {counts.dtype}")
    if counts.numel() and int(_core.amin(counts)) < 0:
        raise RuntimeError("repeat_interleave: repeats must not be negative")
    ends = _core.cumsum(counts, 0)
    total = int(ends[-1]) if counts.numel() else 0
    if output_size not in (None, total):
        raise RuntimeError(f"repeat_interleave: output_size {output_size} is not the sum of repeats, {total}")
    steps = _core.arange_plain(0, total, 1, _core.int64, counts.device)
    return _core.convert(_core.searchsorted_plain(ends, steps, True), counts.dtype)
