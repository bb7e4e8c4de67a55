"""Reductions, scans, statistics and differences along dims."""

from __future__ import annotations

import numpy as np
from op_case import OpCase, bools, call, f, given, ints, refuses
from scipy import special

import deepnet as dn


def off(name):
    """The refusal of a dim that is not there."""
    return refuses(f(2, 3), 5, error=IndexError, words=rf"{name}: dim must be in \[-2, 1\], got 5")


def over(reference):
    """NumPy's reduction with PyTorch's names: dim as int, sequence or None; keepdim."""

    def reduced(x, dim=None, keepdim=False, **more):
        axis = tuple(dim) if isinstance(dim, (list, tuple)) else dim
        return reference(x, axis=axis, keepdims=keepdim, **more)

    return reduced


def reduction(name, reference, low=-2.0, high=2.0, several=True, empty=0, **more):
    """Over nothing, one dim, several; long rows, which the kernel cuts in chunks; no elements at all where that has a value."""
    x = f(3, 4, 5, low=low, high=high)
    calls = [
        call(x, 1),
        call(x, -1, keepdim=True),
        call(f(2, 2077, low=low, high=high), 1),
        call(f(2077, 3, low=low, high=high), 0),
    ]
    if several:
        calls += [call(x), call(x, (0, 2)), call(f(low=low, high=high))]
    if empty:
        calls += [call(f(0, 3), 0)]
    return OpCase(name, over(reference), tuple(calls), **{"refusals": (off(name),), **more})


def moment(name, reference):
    x = f(3, 4, 5)
    calls = (call(x), call(x, 1), call(x, (0, 2), correction=0, keepdim=True), call(f(2, 1033), 1, unbiased=False))

    def unbiased(x, dim=None, unbiased=None, keepdim=False, *, correction=1):
        ddof = correction if unbiased is None else int(unbiased)
        return reference(x, axis=tuple(dim) if isinstance(dim, list) else dim, ddof=ddof, keepdims=keepdim)

    return OpCase(
        name, unbiased, calls, refusals=(refuses(f(2, 3), 5, error=IndexError, words=r"dim must be in \[-2, 1\], got 5"),)
    )


def pair(reference, both):
    return lambda x, dim, **more: (reference(x, axis=dim), both(x, axis=dim))


def chosen(name, pick, arg):
    def reference(x, dim=None, keepdim=False):
        if dim is None:
            return pick(x)
        return pick(x, axis=dim, keepdims=keepdim), arg(x, axis=dim, keepdims=keepdim)

    x = f(3, 4, 5)
    calls = (call(x), call(x, 1), call(x, -1, keepdim=True), call(f(2, 1033), 1))
    return OpCase(
        name,
        reference,
        calls,
        refusals=(
            refuses(f(2, 3), 5, error=IndexError, words=r"dim must be in \[-2, 1\], got 5"),
            refuses(f(0, 3), 0, error=IndexError, words=name + ".*"),
        ),
    )


def cumulated(name, reference):
    return OpCase(
        name,
        lambda x, dim, **_: reference(x, axis=dim),
        (call(f(3, 4, 5), 1), call(f(2, 1033), -1), call(f(5), 0)),
        refusals=(off(name),),
    )


def running(values, x, dim):
    """Running extremes with the place of each: the last of equals."""
    best = values.accumulate(x, axis=dim)
    where = np.arange(x.shape[dim]).reshape([-1 if d == dim % x.ndim else 1 for d in range(x.ndim)])
    return best, np.maximum.accumulate(np.where(x == best, where, 0), axis=dim)


def norm(x, p="fro", dim=None, keepdim=False):
    axis = tuple(range(x.ndim)) if dim is None else dim if isinstance(dim, tuple) else (dim,)
    p = 2 if p == "fro" else p
    if p == np.inf:
        return abs(x).max(axis, keepdims=keepdim)
    return (abs(x) ** p).sum(axis, keepdims=keepdim) ** (1 / p)


def median(x, dim=None, keepdim=False, quiet=False):
    """PyTorch's: the lower of the two in the middle, and where it stood."""
    if dim is None:
        flat = np.sort(x[~np.isnan(x)] if quiet else x, axis=None)
        return flat[(flat.size - 1) // 2]
    order = np.argsort(x, axis=dim)
    counts = (~np.isnan(x)).sum(dim, keepdims=True) if quiet else np.full([1] * x.ndim, x.shape[dim])
    place = np.broadcast_to((counts - 1) // 2, [1 if d == dim % x.ndim else n for d, n in enumerate(x.shape)])
    where = np.take_along_axis(order, place, dim)
    value = np.take_along_axis(x, where, dim)
    return (value, where) if keepdim else (value.squeeze(dim), where.squeeze(dim))


def quantile(reference):
    return lambda x, q, dim=None, keepdim=False, interpolation="linear": reference(
        x, q, axis=dim, keepdims=keepdim, method=interpolation
    )


def logsumexp(x, axis, keepdims=False):
    return special.logsumexp(x, axis=axis, keepdims=keepdims)


HOLES = given(np.array([[1.5, np.nan, -2.0, 0.25], [0.5, 3.0, -1.0, np.nan]]))
FULL = f(3, 7)

ROWS = [
    reduction("sum", np.sum, -1, 2, empty=1, dtypes=("float16", "bfloat16"), rtol=(1e-13, 1e-6)),
    reduction("mean", np.mean, -1, 2, dtypes=("float16", "bfloat16")),
    reduction("prod", np.prod, 0.9, 1.1, several=False, empty=1, rtol=(1e-12, 1e-4)),
    OpCase("prod_of_all", lambda x: np.prod(x), (call(f(3, 4)), call(given([[2.0, 0.0, 3.0], [1.0, -1.0, 4.0]])), call(given([0.0, 0.0, 3.0]))), function=dn.prod),
    OpCase("sum_of_integers", np.sum, (call(ints(3, 5)), call(bools(7))), derivatives=0, function=dn.sum, dtypes=()),
    reduction("amin", np.amin, -90, 90, dtypes=("int64", "int32", "uint8")),
    reduction("amax", np.amax, -90, 90, dtypes=("int64", "int32", "uint8")),
    OpCase("any", over(np.any), (call(bools(3, 5)), call(bools(3, 5), 1), call(ints(3, 5, high=2), 0, keepdim=True)), derivatives=0, refusals=(off("any"),)),
    OpCase("all", over(np.all), (call(bools(3, 5)), call(bools(3, 5), 1), call(ints(3, 5, high=2), 0, keepdim=True)), derivatives=0, refusals=(off("all"),)),
    OpCase("argmax", over(np.argmax), (call(FULL), call(FULL, 1), call(f(3, 4, 5), -2, keepdim=True)), derivatives=0, refusals=(off("argmax"),)),
    OpCase("argmin", over(np.argmin), (call(FULL), call(FULL, 1), call(f(3, 4, 5), -2, keepdim=True)), derivatives=0, refusals=(off("argmin"),)),
    reduction("logsumexp", logsumexp, several=False, rtol=(1e-13, 1e-6)),
    moment("var", np.var),
    moment("std", np.std),
    OpCase("var_mean", lambda x, dim: (np.var(x, axis=dim, ddof=1), np.mean(x, axis=dim)), (call(f(3, 4, 5), 1),)),
    OpCase("std_mean", lambda x, dim: (np.std(x, axis=dim, ddof=1), np.mean(x, axis=dim)), (call(f(3, 4, 5), 1),)),
    chosen("max", np.max, np.argmax),
    chosen("min", np.min, np.argmin),
    OpCase("aminmax", lambda x, dim=None, keepdim=False: (x.min(dim, keepdims=keepdim), x.max(dim, keepdims=keepdim)), (call(FULL), call(FULL, dim=1, keepdim=True))),
    OpCase(
        "norm",
        norm,
        (call(f(3, 5, kinks=(0,))), call(f(3, 4, 5, kinks=(0,)), 2, (0, 2)), call(f(3, 5, kinks=(0,)), 1, 1), call(f(3, 5, kinks=(0,)), 3.0, 0, keepdim=True), call(f(3, 5, kinks=(0,)), np.inf, 1)),
        rtol=(1e-13, 1e-6),
    ),
    cumulated("cumsum", np.cumsum),
    OpCase("cumprod", lambda x, dim: np.cumprod(x, axis=dim), (call(f(3, 4, 5, kinks=(0,)), 1), call(f(2, 133, low=0.9, high=1.1), -1), call(given([2.0, 0.0, 3.0]), 0)), refusals=(off("cumprod"),), rtol=(1e-13, 2e-5)),
    cumulated("logcumsumexp", np.logaddexp.accumulate),
    OpCase("cummax", lambda x, dim: running(np.maximum, x, dim), (call(f(3, 4, 5), 1), call(f(2, 33), -1))),
    OpCase("cummin", lambda x, dim: running(np.minimum, x, dim), (call(f(3, 4, 5), 1), call(f(2, 33), -1))),
    OpCase("count_nonzero", lambda x, dim=None: np.count_nonzero(x, axis=dim), (call(ints(3, 5, high=2)), call(ints(3, 5, high=2), 1)), derivatives=0),
    OpCase("median", median, (call(FULL), call(FULL, 1), call(f(4, 3, 2), 0, keepdim=True))),
    OpCase("nanmedian", lambda *a, **k: median(*a, quiet=True, **k), (call(HOLES), call(HOLES, 1), call(FULL, 1))),
    OpCase("nanmean", over(np.nanmean), (call(HOLES), call(HOLES, 1), call(FULL, 0, keepdim=True))),
    OpCase("nansum", over(np.nansum), (call(HOLES), call(HOLES, 1), call(FULL, 0, keepdim=True))),
    OpCase(
        "quantile",
        quantile(np.quantile),
        (call(FULL, 0.3), call(FULL, 0.5, 1), call(FULL, 0.7, 0, keepdim=True, interpolation="lower"), call(FULL, 0.4, 1, interpolation="midpoint")),
        refusals=(refuses(FULL, 1.5, error=(ValueError, RuntimeError), words=r"quantile: q must lie in \[0, 1\]"),),
    ),
    OpCase("nanquantile", quantile(np.nanquantile), (call(HOLES, 0.3), call(HOLES, 0.5, 1))),
    OpCase("mode", lambda x, dim=-1: (np.array([0.5, 2.0]), np.array([2, 3])), (call(given([[1.0, 0.5, 0.5, 3.0], [1.0, 2.0, 3.0, 2.0]], grad=False)),), derivatives=0),
    OpCase("cov", lambda x, correction=1: np.cov(x, ddof=correction), (call(f(3, 20)), call(f(3, 20), correction=0), call(f(20)))),
    OpCase("corrcoef", np.corrcoef, (call(f(3, 20)),), rtol=(1e-12, 2e-6)),
    OpCase("bincount", lambda x, weights=None, minlength=0: np.bincount(x, weights, minlength), (call(ints(20)), call(ints(20), minlength=9), call(ints(20), f(20, grad=False))), derivatives=0),
    OpCase("histc", lambda x, bins, min, max: np.histogram(x, bins, (min, max))[0].astype(float), (call(f(50), bins=7, min=-2, max=2),), derivatives=0),
    OpCase("histogram", lambda x, bins, range: tuple(np.histogram(x, bins, range)), (call(f(50), 7, range=(-2.0, 2.0)),), derivatives=0),
    OpCase("diff", lambda x, n=1, dim=-1: np.diff(x, n, dim), (call(f(3, 5)), call(f(3, 5), 2, 0), call(f(7), 3))),
    OpCase("gradient", lambda x, spacing=1.0, dim=None: np.gradient(x, spacing, axis=dim), (call(f(7)), call(f(4, 5)), call(f(4, 5), spacing=0.5, dim=1))),
    OpCase("trapezoid", lambda y, x=None, dx=1, dim=-1: np.trapezoid(y, x, dx, dim), (call(f(3, 5)), call(f(3, 5), dx=0.5, dim=0), call(f(5), given([0.0, 0.5, 1.5, 2.0, 4.0]))), aliases=("trapz",)),
    OpCase("cumulative_trapezoid", lambda y, dx=1, dim=-1: np.cumsum(dx * (y[..., 1:] + y[..., :-1]) / 2, axis=dim), (call(f(3, 5)), call(f(3, 5), dx=0.5))),
    OpCase("vander", lambda x, N=None, increasing=False: np.vander(x, N, increasing), (call(f(5)), call(f(5), 3, increasing=True))),
]  # fmt: skip
