"""Choosing elements: extremes, order, conditions, ranks, different values."""

from __future__ import annotations

from typing import Any

from deepnet import _core
from deepnet._core import Tensor
from deepnet.operators._call import ValuesIndices, takes_out, wrap_dim, write
from deepnet.operators._call import pair as _pair


def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None, out: Any = None) -> Any:
    """Return the largest element; along dim, the largest and its first index; of two tensors, the larger of each pair.

    NaN counts as largest.
    """
    if isinstance(dim, Tensor) or other is not None:
        return _core.maximum(input, dim if other is None else other, out=out)
    return _extreme("max", input, _core.amax, out) if dim is None else _pair(_core.max_dim(input, dim, keepdim), out)


def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None, out: Any = None) -> Any:
    """Return the smallest element; along dim, the smallest and its first index; of two tensors, the smaller of each pair."""
    if isinstance(dim, Tensor) or other is not None:
        return _core.minimum(input, dim if other is None else other, out=out)
    return _extreme("min", input, _core.amin, out) if dim is None else _pair(_core.min_dim(input, dim, keepdim), out)


def _extreme(name: str, input: Tensor, reduce: Any, out: Any) -> Tensor:
    if input.numel() == 0:
        raise RuntimeError(f"{name}: a reduction over no elements has no value; pass dim")
    return reduce(input, (), out=out)


def maximum(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the larger of each pair; NaN wins; the gradient of equal elements is shared."""
    return _core.maximum(input, other, out=out)


def minimum(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the smaller of each pair; NaN wins; the gradient of equal elements is shared."""
    return _core.minimum(input, other, out=out)


class MinMax(tuple):  # type: ignore[type-arg]
    """What `aminmax` returns: `min` and `max`."""

    min = property(lambda self: self[0])
    max = property(lambda self: self[1])


def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False, out: Any = None) -> MinMax:
    """Return the smallest and the largest element, of all or along dim.

    Raises
    ------
    RuntimeError
        If there are no elements to choose from.
    """
    if input.numel() == 0 and (dim is None or input.shape[dim] == 0):
        raise RuntimeError(f"aminmax: a reduction over no elements has no value; shape {tuple(input.shape)}")
    over = tuple(range(input.ndim)) if dim is None else dim
    result = (_core.amin(input, over, keepdim), _core.amax(input, over, keepdim))
    return MinMax(result if out is None else write(result, out))


def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = True, *, out: Any = None) -> ValuesIndices:
    """Return the elements in order along dim, and where they stood; equal ones keep their order, NaN is largest."""
    return _pair(_core.sort_pair(input, dim, descending), out)


def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Return the indices that sort along dim."""
    return _core.sort_pair(input, dim, descending)[1]


@takes_out
def msort(input: Tensor) -> Tensor:
    """Return the elements in order along dim 0."""
    return _core.sort_pair(input, 0, False)[0]


def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True, *, out: Any = None) -> ValuesIndices:
    """Return the k largest (or smallest) elements along dim, in order, and where they stood."""
    return _pair(_core.topk_pair(input, k, dim, largest), out)


def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False, *, out: Any = None) -> ValuesIndices:
    """Return the k-th smallest element along dim, counted from 1, and where it stood.

    Raises
    ------
    RuntimeError
        If k lies outside [1, size of dim].
    """
    d = wrap_dim("kthvalue", dim, input.ndim)
    size = input.shape[d] if input.ndim else 1
    if not 1 <= k <= size:
        raise RuntimeError(f"kthvalue: k must be in [1, {size}], got {k}")
    values, indices = _core.sort_pair(input, d, False)
    if input.ndim:
        values, indices = _core.narrow(values, d, k - 1, 1), _core.narrow(indices, d, k - 1, 1)
        if not keepdim:
            values, indices = _core.squeeze(values, d), _core.squeeze(indices, d)
    return _pair((values, indices), out)


def mode(input: Tensor, dim: int = -1, keepdim: bool = False, *, out: Any = None) -> ValuesIndices:
    """Return the most frequent element along dim (the smallest of several) and the index of its last occurrence."""
    d = wrap_dim("mode", dim, input.ndim)
    if input.ndim == 0:
        return _pair((_core.clone(input), _core.full_size((), 0, dtype=_core.int64, device=input.device)), out)
    if input.shape[d] == 0:
        raise IndexError(f"mode: dim {dim} of shape {tuple(input.shape)} has no elements")
    values, order = _core.sort_pair(_core.movedim(input, d, -1), -1, False)
    n = values.shape[-1]
    at = _core.arange_plain(0, n, 1, _core.int64, input.device)
    plain = values.detach()
    starts = _core.constant_pad(plain[..., 1:] != plain[..., :-1], (1, 0), True)
    begin = _core.cummax_pair(_core.where(starts, at, 0), -1)[0]
    # The longest run ends where the distance from its start is largest; the first such end is the smallest value's.
    end = _core.max_dim(at - begin, -1, True)[1]
    values, indices = _core.gather(values, -1, end), _core.gather(order, -1, end)
    if keepdim:
        return _pair((_core.movedim(values, -1, d), _core.movedim(indices, -1, d)), out)
    return _pair((_core.squeeze(values, -1), _core.squeeze(indices, -1)), out)


def cummax(input: Tensor, dim: int, *, out: Any = None) -> ValuesIndices:
    """Return the running maximum along dim and the index of its latest occurrence."""
    return _pair(_core.cummax_pair(input, dim), out)


def cummin(input: Tensor, dim: int, *, out: Any = None) -> ValuesIndices:
    """Return the running minimum along dim and the index of its latest occurrence."""
    return _pair(_core.cummin_pair(input, dim), out)


def where(condition: Tensor, input: Any = None, other: Any = None, *, out: Tensor | None = None) -> Any:
    """Return input where condition holds, else other; with the condition alone, the indices where it holds."""
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    return _core.where(condition, input, other, out=out)


def nonzero(input: Tensor, *, as_tuple: bool = False, out: Tensor | None = None) -> Any:
    """Return the indices of the non-zero elements: a (count, ndim) matrix, or one vector for each dim."""
    matrix = _core.nonzero_matrix(_core.unsqueeze(input, 0) if as_tuple and input.ndim == 0 else input)
    return _core.unbind(matrix, 1) if as_tuple else matrix if out is None else write(matrix, out)


def argwhere(input: Tensor) -> Tensor:
    """Return the indices of the non-zero elements, shape (count, ndim)."""
    return _core.nonzero_matrix(input)


def searchsorted(sorted_sequence: Tensor, input: Any, *, out_int32: bool = False, right: bool = False, side: str | None = None,
                 sorter: Tensor | None = None, out: Tensor | None = None) -> Tensor:  # fmt: skip
    """Return where input's values go in sorted rows; right (or side='right'): after equal ones.

    Raises
    ------
    RuntimeError
        If side is neither 'left' nor 'right', contradicts right, or the leading sizes differ.
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(f"searchsorted: side must be 'left' or 'right', got {side!r}")
    if side == "left" and right:
        raise RuntimeError("searchsorted: side='left' contradicts right=True")
    if sorter is not None:
        sorted_sequence = _core.gather(sorted_sequence, -1, sorter)
    values = input if isinstance(input, Tensor) else _core.tensor(input, dtype=sorted_sequence.dtype)
    if sorted_sequence.ndim > 1 and values.ndim == 0:
        raise RuntimeError("searchsorted: a number goes with a 1-d sequence")
    result = _core.searchsorted_plain(sorted_sequence, values, right or side == "right")
    return _core.convert(result, _core.int32 if out_int32 else None, out=out)


def bucketize(
    input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False, out: Tensor | None = None
) -> Tensor:
    """Return in which interval between sorted boundaries each value lies; right: equal values lie beyond.

    Raises
    ------
    RuntimeError
        If boundaries is not 1-d.
    """
    if boundaries.ndim != 1:
        raise RuntimeError(f"bucketize: boundaries must be 1-d, got shape {tuple(boundaries.shape)}")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right, out=out)


@takes_out
def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Return which elements are among the test elements (or, inverted, are not)."""
    like = elements if isinstance(elements, Tensor) else test_elements
    x, among = (v if isinstance(v, Tensor) else _core.tensor(v, device=like.device) for v in (elements, test_elements))
    dtype = _core.result_type(x, among)
    x, among = _core.convert(x, dtype), _core.reshape(_core.convert(among, dtype), (-1,))
    n = among.shape[0]
    if n == 0:
        return _core.full_size(x.shape, invert, dtype=_core.bool, device=x.device)
    row = _core.sort_pair(among, 0, False)[0]
    at = _core.searchsorted_plain(row, _core.reshape(x, (-1,)), False)
    found = _core.reshape(_core.index_select(row, 0, _core.clamp(at, max=n - 1)), x.shape) == x
    return ~found if invert else found


def unique(
    input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Return the different elements in order; along dim, the different slices.

    Parameters
    ----------
    input : Tensor
    sorted : bool
        The order is ascending in any case.
    return_inverse : bool
        Also return which of them each element (or slice) is.
    return_counts : bool
        Also return how often each occurs.
    dim : int, optional

    Returns
    -------
    Tensor, or tuple of them as asked for
    """
    if dim is None:
        flat = _core.reshape(input.detach(), (-1,))
        rows, order = _core.sort_pair(flat, 0, False)
    else:
        d = wrap_dim("unique", dim, input.ndim)
        rows, order = _sorted_slices(input.detach(), d)
    values, group, counts = _runs(rows)
    inverse = _core.scatter_value(_core.full_size(order.shape, 0, dtype=_core.int64, device=input.device), 0, order, group)
    if dim is None:
        inverse = _core.reshape(inverse, input.shape)
    else:
        values = _unflat_slices(values, input, d)
    return _asked(values, (inverse, return_inverse), (counts, return_counts))


def unique_consecutive(input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any:
    """Return the elements (or slices along dim) without those equal to the one before; arguments as `unique`."""
    if dim is None:
        values, group, counts = _runs(_core.reshape(input.detach(), (-1,)))
        group = _core.reshape(group, input.shape)
    else:
        d = wrap_dim("unique_consecutive", dim, input.ndim)
        values, group, counts = _runs(_flat_slices(input.detach(), d))
        values = _unflat_slices(values, input, d)
    return _asked(values, (group, return_inverse), (counts, return_counts))


def _asked(values: Tensor, *more: tuple[Tensor, bool]) -> Any:
    extra = tuple(t for t, wanted in more if wanted)
    return (values, *extra) if extra else values


def _flat_slices(x: Tensor, d: int) -> Tensor:
    n = x.shape[d]
    width = x.numel() // n if n else 1
    return _core.reshape(_core.movedim(x, d, 0), (n, width))


def _unflat_slices(rows: Tensor, like: Tensor, d: int) -> Tensor:
    rest = [s for i, s in enumerate(like.shape) if i != d]
    return _core.movedim(_core.reshape(rows, (rows.shape[0], *rest)), 0, d).contiguous()


def _sorted_slices(x: Tensor, d: int) -> tuple[Tensor, Tensor]:
    """Rows in lexicographic order, by stable sorts from the last column to the first, and where they stood."""
    rows = _flat_slices(x, d)
    order = _core.arange_plain(0, rows.shape[0], 1, _core.int64, x.device)
    for column in range(rows.shape[1] - 1, -1, -1):
        step = _core.sort_pair(_core.index_select(rows[:, column], 0, order), 0, False)[1]
        order = _core.index_select(order, 0, step)
    return _core.index_select(rows, 0, order), order


def _runs(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of elements or rows: the first of each run of equal ones, which run each belongs to, and the runs' lengths."""
    n = rows.shape[0]
    if n == 0:
        nothing = _core.full_size((0,), 0, dtype=_core.int64, device=rows.device)
        return rows, nothing, nothing
    differs = rows[1:] != rows[:-1]
    if rows.ndim == 2:
        differs = _core.any(differs, 1)
    starts = _core.constant_pad(differs, (1, 0), True)
    first = _core.reshape(_core.nonzero_matrix(starts), (-1,))
    group = _core.cumsum(starts, 0) - 1
    ends = _core.cat([first[1:], _core.full_size((1,), n, dtype=_core.int64, device=rows.device)], 0)
    return _core.index_select(rows, 0, first), group, ends - first
