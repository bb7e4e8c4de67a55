"""Statistics: moments, medians and quantiles, counts, correlations."""

from __future__ import annotations

import math
from typing import Any

from deepnet import _core
from deepnet._core import Tensor
from deepnet.operators._call import floating, pair, takes_out, wrap_dim, write
from deepnet.operators.choosing import kthvalue


def _correction(dim: Any, unbiased: Any, correction: Any) -> tuple[Any, float]:
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 0 if unbiased is False else 1
    return dim, correction


def var(input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None,
        out: Tensor | None = None) -> Tensor:  # fmt: skip
    """Return the variance over dim: the mean square distance from the mean, divided by n - correction (1 unless given)."""
    dim, correction = _correction(dim, unbiased, correction)
    return _core.var_corrected(input, dim, correction, keepdim, out=out)


def std(input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None,
        out: Tensor | None = None) -> Tensor:  # fmt: skip
    """Return the standard deviation over dim."""
    dim, correction = _correction(dim, unbiased, correction)
    return _core.std_corrected(input, dim, correction, keepdim, out=out)


@takes_out
def var_mean(
    input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> tuple[Tensor, Tensor]:
    """Return the variance and the mean over dim."""
    dim, correction = _correction(dim, unbiased, correction)
    return _core.var_corrected(input, dim, correction, keepdim), _core.mean(input, dim, keepdim)


@takes_out
def std_mean(
    input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> tuple[Tensor, Tensor]:
    """Return the standard deviation and the mean over dim."""
    dim, correction = _correction(dim, unbiased, correction)
    return _core.std_corrected(input, dim, correction, keepdim), _core.mean(input, dim, keepdim)


@takes_out
def nansum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the sum over dim, NaN counted as 0."""
    x = _core.masked_fill(input, _core.isnan(input), 0) if input.dtype.is_floating_point else input
    return _core.sum(x, dim, keepdim, dtype=dtype)


@takes_out
def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the mean over dim of the elements that are not NaN."""
    if not input.dtype.is_floating_point:
        raise RuntimeError(f"nanmean: input must be floating, got {input.dtype}")
    count = _core.sum(~_core.isnan(input.detach()), dim, keepdim)
    return nansum(input, dim, keepdim, dtype=dtype) / count


def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """Return how many elements over dim are not zero, int64."""
    return _core.sum(_core.ne(input, 0), dim)


def median(input: Tensor, dim: int | None = None, keepdim: bool = False, *, out: Any = None) -> Any:
    """Return the element in the middle (the lower of two); along dim, with where it stood. NaN where there is one."""
    return _middle(input, dim, keepdim, out, False)


def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False, *, out: Any = None) -> Any:
    """Return the element in the middle of those that are not NaN; along dim, with where it stood."""
    return _middle(input, dim, keepdim, out, True)


def _middle(input: Tensor, dim: int | None, keepdim: bool, out: Any, skip_nan: bool) -> Any:
    if dim is None:
        if input.numel() == 0:
            if input.dtype.is_floating_point:
                return _core.full_size((), math.nan, dtype=input.dtype, device=input.device)
            raise RuntimeError(f"median: no elements, and {input.dtype} has no NaN")
        value = _middle(_core.reshape(input, (-1,)), 0, False, None, skip_nan)[0]
        return value if out is None else _core.convert(value, out=out)
    d = wrap_dim("median", dim, input.ndim)
    if input.ndim == 0:
        return pair((_core.clone(input), _core.full_size((), 0, dtype=_core.int64, device=input.device)), out)
    n = input.shape[d]
    if n == 0:
        raise IndexError(f"median: dim {dim} of shape {tuple(input.shape)} has no elements")
    if not input.dtype.is_floating_point:
        return kthvalue(input, (n + 1) // 2, d, keepdim, out=out)
    values, order = _core.sort_pair(input, d, False)
    # NaN sorts last, so the numbers' middle counts from the front, and a NaN that must win stands at the end.
    numbers = _core.sum(~_core.isnan(input.detach()), d, True)
    if skip_nan:
        at = _core.clamp(numbers - 1, min=0) // 2
    else:
        # The first of several NaN, as comparisons meet it.
        at = _core.where(numbers < n, numbers, (n - 1) // 2)
    values, order = _core.gather(values, d, at), _core.gather(order, d, at)
    if not keepdim:
        values, order = _core.squeeze(values, d), _core.squeeze(order, d)
    return pair((values, order), out)


_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


@takes_out
def quantile(input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear") -> Tensor:
    """Return quantiles over dim: the elements at the ranks q * (n - 1).

    Parameters
    ----------
    input : Tensor, floating
    q : float, or Tensor of shape () or (Q,), in [0, 1]
    dim : int, optional
    keepdim : bool
    interpolation : {'linear', 'lower', 'higher', 'midpoint', 'nearest'}

    Returns
    -------
    Tensor, shape (Q, ...) where q has a dim, else (...)

    Raises
    ------
    RuntimeError
        If input is empty or not floating, or q has dims, a dtype or values that do not fit.
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


@takes_out
def nanquantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """Return quantiles over dim of the elements that are not NaN; arguments as `quantile`."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)


def _quantile(name: str, input: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str, skip_nan: bool) -> Tensor:
    if not input.dtype.is_floating_point or input.numel() == 0:
        raise RuntimeError(f"{name}: needs a floating tensor with elements, got {input.dtype} of shape {tuple(input.shape)}")
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(f"{name}: interpolation must be one of {_INTERPOLATIONS}, got {interpolation!r}")
    if not isinstance(q, Tensor):
        q = _core.tensor(q, dtype=input.dtype, device=input.device)
    if q.dtype is not input.dtype or q.ndim > 1:
        raise RuntimeError(f"{name}: q must be {input.dtype} and 0-d or 1-d, got {q.dtype} of shape {tuple(q.shape)}")
    if bool(_core.any((q.detach() < 0) | (q.detach() > 1))):
        raise RuntimeError(f"{name}: q must lie in [0, 1]")
    if dim is None:
        x, shape, at = _core.reshape(input, (-1,)), (1,) * input.ndim, 0
    else:
        at = wrap_dim(name, dim, input.ndim)
        x = _core.movedim(input, at, -1) if input.ndim else _core.reshape(input, (1,))
    values = _core.sort_pair(x, -1, False)[0]
    n = values.shape[-1]
    ranks = _core.reshape(q, (-1,)) * (n - 1)
    if skip_nan:
        count = _core.sum(~_core.isnan(x.detach()), -1, True)
        ranks = _core.reshape(q, (-1,)) * _core.convert(_core.clamp(count - 1, min=0), q.dtype)
    else:
        spoiled = _core.any(_core.isnan(x.detach()), -1, True)
        ranks = _core.where(spoiled, n - 1.0, ranks)
    if interpolation == "nearest":
        ranks = _core.round(ranks)
    below = _core.floor(ranks) if interpolation != "higher" else _core.ceil(ranks)
    result = _core.gather(values, -1, _core.convert(below, _core.int64))
    if interpolation in ("linear", "midpoint"):
        above = _core.gather(values, -1, _core.convert(_core.ceil(ranks), _core.int64))
        weight = ranks - below if interpolation == "linear" else _core.full_size((), 0.5, dtype=x.dtype, device=x.device)
        result = _core.lerp(result, above, weight)
    result = _core.movedim(result, -1, 0)
    if keepdim:
        shape = (1,) * input.ndim if dim is None else tuple(1 if i == at else s for i, s in enumerate(input.shape))
        result = _core.reshape(result, (result.shape[0], *shape))
    return result if q.ndim else _core.select(result, 0, 0)


def cov(input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None) -> Tensor:
    """Return the covariances of variables in rows, observations in columns.

    Parameters
    ----------
    input : Tensor, shape (variables, observations) or (observations,)
    correction : int
    fweights : Tensor of integers, shape (observations,), optional
        How often each observation counts.
    aweights : Tensor, shape (observations,), optional
        How much each observation weighs.

    Returns
    -------
    Tensor, shape (variables, variables), or 0-d for one variable

    Raises
    ------
    RuntimeError
        If shapes, dtypes or signs do not fit.
    """
    if input.ndim > 2:
        raise RuntimeError(f"cov: needs at most 2 dims, got shape {tuple(input.shape)}")
    x = _core.reshape(input, (1, -1)) if input.ndim < 2 else input
    n = x.shape[1]
    weights = None
    for name, w, whole in (("fweights", fweights, True), ("aweights", aweights, False)):
        if w is None:
            continue
        if w.ndim > 1 or w.numel() != n or w.dtype.is_floating_point is whole:
            raise RuntimeError(
                f"cov: {name} must be {n} {'integers' if whole else 'floats'}, got {w.dtype} of shape {tuple(w.shape)}"
            )
        if bool(_core.any(w.detach() < 0)):
            raise RuntimeError(f"cov: {name} must not be negative")
        weights = w if weights is None else weights * w
    if weights is None:
        total: Any = n
        mean = _core.sum(x, 1, True) / n
    else:
        total = _core.sum(weights)
        mean = _core.sum(x * weights, 1, True) / total
    norm = total - correction
    if aweights is not None and correction:
        norm = total - correction * _core.sum(weights * aweights) / total
    norm = max(norm, 0) if isinstance(norm, (int, float)) else _core.clamp(norm, min=0)
    centered = x - mean
    right = centered if weights is None else centered * weights
    if not centered.dtype.is_floating_point:
        centered, right = floating(centered), floating(right)
    return _core.squeeze(_core.mm(centered, _core.convert(_core.transpose(right, 0, 1), centered.dtype)) / norm, None)


def corrcoef(input: Tensor) -> Tensor:
    """Return the correlation coefficients of variables in rows, observations in columns."""
    if input.ndim > 2:
        raise RuntimeError(f"corrcoef: needs at most 2 dims, got shape {tuple(input.shape)}")
    c = cov(input)
    if c.ndim == 0:
        return c / c
    deviation = _core.sqrt(_core.diagonal(c, 0, 0, 1))
    return _core.clamp(c / _core.unsqueeze(deviation, 1) / _core.unsqueeze(deviation, 0), -1, 1)


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """Return how often each of 0, 1, 2, ... occurs in a vector of integers, or the sum of the weights where it does.

    Raises
    ------
    RuntimeError
        If input is not a vector of non-negative integers, or weights have another shape.
    """
    if input.ndim != 1 or input.dtype.is_floating_point or input.dtype is _core.bool:
        raise RuntimeError(f"bincount: needs a vector of integers, got {input.dtype} of shape {tuple(input.shape)}")
    if weights is not None and weights.shape != input.shape:
        raise RuntimeError(f"bincount: weights must have shape {tuple(input.shape)}, got {tuple(weights.shape)}")
    if input.numel() and int(_core.amin(input)) < 0:
        raise RuntimeError("bincount: values must not be negative")
    size = max(minlength, int(_core.amax(input)) + 1 if input.numel() else 0)
    at = _core.convert(input, _core.int64)
    if weights is None:
        dtype, ones = _core.int64, _core.full_size(input.shape, 1, dtype=_core.int64, device=input.device)
    else:
        dtype = weights.dtype if weights.dtype is _core.float32 else _core.float64
        ones = _core.convert(weights.detach(), dtype)
    return _core.index_add_plain(_core.full_size((size,), 0, dtype=dtype, device=input.device), 0, at, ones)


@takes_out
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """Return the counts of elements in equal bins from min to max; of input's extremes where both are equal.

    Raises
    ------
    RuntimeError
        If bins is not positive, or the range is not finite and in order.
    """
    if bins <= 0:
        raise RuntimeError(f"histc: bins must be positive, got {bins}")
    low, high = _range("histc", input, (min, max), 1)
    x = floating(_core.reshape(input.detach(), (-1,)))
    inside = (x >= low) & (x <= high)
    x = _core.masked_select(x, inside)
    at = _core.convert(_core.floor((x - low) * bins / (high - low)), _core.int64)
    counts = bincount(_core.clamp(at, 0, bins - 1), minlength=bins)
    return _core.convert(counts, input.dtype)


def _range(name: str, input: Tensor, given: tuple[float, float], spread: float) -> tuple[float, float]:
    low, high = (float(g) for g in given)
    if low == high and input.numel():
        low, high = float(_core.amin(input)), float(_core.amax(input))
    if not (math.isfinite(low) and math.isfinite(high)) or low > high:
        raise RuntimeError(f"{name}: the range must be finite and in order, got [{low}, {high}]")
    return (low - spread, high + spread) if low == high else (low, high)


class Histogram(tuple):  # type: ignore[type-arg]
    """What `histogram` returns: `hist` and `bin_edges`."""

    hist = property(lambda self: self[0])
    bin_edges = property(lambda self: self[1])


def histogram(input: Tensor, bins: Any, *, range: tuple[float, float] | None = None, weight: Tensor | None = None,
              density: bool = False, out: Any = None) -> Histogram:  # fmt: skip
    """Return the counts, or summed weights, of elements in bins, and the bins' edges; the last bin holds its right edge.

    Parameters
    ----------
    input : Tensor, floating
    bins : int or Tensor of shape (B + 1,)
        How many equal bins, or their edges in order.
    range : (float, float), optional
        The outer edges of equal bins; input's extremes unless given.
    weight : Tensor of input's shape, optional
    density : bool
        Divide so that the histogram's integral is 1.

    Returns
    -------
    hist, bin_edges : Tensor, shapes (B,) and (B + 1,)
    """
    x = _core.reshape(input.detach(), (-1,))
    if isinstance(bins, Tensor):
        edges = bins.contiguous()
    else:
        low, high = _range("histogram", input, range or (0.0, 0.0), 0.5)
        edges = _core.linspace_plain(low, high, bins + 1, input.dtype, input.device)
    count = edges.shape[0] - 1
    at = _core.searchsorted_plain(edges, x, True) - 1
    at = _core.where(x == edges[-1], count - 1, at)
    inside = (at >= 0) & (at < count) & ~_core.isnan(x)
    weights = (
        _core.full_size(x.shape, 1, dtype=input.dtype, device=input.device)
        if weight is None
        else _core.reshape(weight.detach(), (-1,))
    )
    zero = _core.full_size((count,), 0, dtype=input.dtype, device=input.device)
    hist = _core.index_add_plain(zero, 0, _core.masked_select(at, inside), _core.masked_select(weights, inside))
    if density:
        hist = hist / _core.sum(hist) / (edges[1:] - edges[:-1])
    return Histogram((hist, edges) if out is None else write((hist, edges), out))
