"""The public operators: those of the extension as they are, and those with a more forgiving call in Python."""

from __future__ import annotations

import builtins
import math
from typing import Any, NamedTuple

from deepnet import _core
from deepnet._core import (
    Tensor,
    abs,
    acos,
    acosh,
    add,
    addcdiv,
    addcmul,
    addmm,
    all,
    amax,
    amin,
    any,
    argmax,
    argmin,
    as_strided,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    bitwise_and,
    bitwise_left_shift,
    bitwise_not,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    bmm,
    cat,
    ceil,
    celu,
    clamp,
    clone,
    copysign,
    cos,
    cosh,
    cumprod,
    cumsum,
    detach,
    diagonal,
    digamma,
    div,
    dot,
    elu,
    embedding,
    eq,
    erf,
    erfc,
    erfinv,
    exp,
    exp2,
    expm1,
    flatten,
    floor,
    floor_divide,
    fmax,
    fmin,
    fmod,
    gather,
    gcd,
    ge,
    gt,
    heaviside,
    hypot,
    index_copy,
    index_put,
    index_select,
    isfinite,
    isinf,
    isnan,
    lcm,
    le,
    lerp,
    lgamma,
    log,
    log1p,
    log2,
    log10,
    log_softmax,
    logaddexp,
    logcumsumexp,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    logsumexp,
    lt,
    masked_fill,
    masked_select,
    matmul,
    mean,
    mm,
    movedim,
    mul,
    mv,
    narrow,
    ne,
    neg,
    nextafter,
    numel,
    pow,
    prod,
    reciprocal,
    relu,
    remainder,
    rsqrt,
    rsub,
    scatter_add,
    scatter_reduce,
    select,
    selu,
    sigmoid,
    sign,
    sin,
    sinh,
    softmax,
    sqrt,
    square,
    stack,
    sub,
    sum,
    tan,
    tanh,
    transpose,
    tril,
    triu,
    true_divide,
    trunc,
    unbind,
    unflatten,
    unsqueeze,
    xlogy,
)


class ValuesIndices(NamedTuple):
    """What operators return that choose elements: the chosen ones and where they stood."""

    values: Tensor
    indices: Tensor


def _pair(pair: tuple[Tensor, Tensor], out: Any = None) -> ValuesIndices:
    if out is not None:
        _core.convert(pair[0], out=out[0])
        _core.convert(pair[1], out=out[1])
        return ValuesIndices(*out)
    return ValuesIndices(*pair)


def _dims(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Ints given one by one or as one sequence."""
    if len(args) == 1 and not isinstance(args[0], (int, Tensor)):
        return tuple(args[0])
    return args


# ---- views


def reshape(input: Tensor, *shape: Any) -> Tensor:
    """Return input's elements in another shape: a view where one shows them, else a copy. One size may be -1."""
    return _core.reshape(input, _dims(shape))


def permute(input: Tensor, *dims: Any) -> Tensor:
    """Return a view with the dims in another order."""
    return _core.permute(input, _dims(dims))


def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Return a view without dims of size 1: all of them, or those named."""
    return _core.squeeze(input, dim)


def broadcast_to(input: Tensor, size: Any) -> Tensor:
    """Return a view expanded to size."""
    return _core.expand(input, size)


def moveaxis(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Return a view with dims moved."""
    return _core.movedim(input, source, destination)


def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """Return a view with two dims swapped."""
    return _core.transpose(input, axis0, axis1)


def t(input: Tensor) -> Tensor:
    """Return the transpose of a tensor of at most 2 dims."""
    if input.ndim > 2:
        raise RuntimeError(f"t: needs at most 2 dims, got shape {tuple(input.shape)}")
    return input if input.ndim < 2 else _core.transpose(input, 0, 1)


def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of consecutive parts along dim: of one size (the last may be smaller), or of the sizes listed."""
    if isinstance(split_size_or_sections, (list, tuple)):
        return _core.split_with_sizes(tensor, list(split_size_or_sections), dim)
    step, total = int(split_size_or_sections), tensor.size(dim)
    if step <= 0 and (step < 0 or total):
        raise RuntimeError(f"split: split_size must be positive, got {step}")
    if total == 0:
        return (_core.view_as_self(tensor),)
    sizes = [step] * (total // step) + ([total % step] if total % step else [])
    return _core.split_with_sizes(tensor, sizes, dim)


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Return at most `chunks` views of nearly equal parts along dim."""
    if chunks < 1:
        raise RuntimeError(f"chunk: chunks must be positive, got {chunks}")
    total = input.size(dim)
    if total == 0:
        return tuple(_core.view_as_self(input) for _ in builtins.range(chunks))
    return split(input, -(-total // chunks), dim)


# ---- choosing


def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None, out: Any = None) -> Any:
    """Return the largest element; along dim, the largest and its first index; of two tensors, the larger of each pair.

    NaN counts as largest.
    """
    if isinstance(dim, Tensor) or other is not None:
        return _core.maximum(input, dim if other is None else other, out=out)
    if dim is None:
        return _core.amax(input, (), out=out) if not input.dtype.is_floating_point else _extreme(input, _core.amax, out)
    return _pair(_core.max_dim(input, dim, keepdim), out)


def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None, out: Any = None) -> Any:
    """Return the smallest element; along dim, the smallest and its first index; of two tensors, the smaller of each pair."""
    if isinstance(dim, Tensor) or other is not None:
        return _core.minimum(input, dim if other is None else other, out=out)
    if dim is None:
        return _core.amin(input, (), out=out) if not input.dtype.is_floating_point else _extreme(input, _core.amin, out)
    return _pair(_core.min_dim(input, dim, keepdim), out)


def _extreme(input: Tensor, reduce: Any, out: Any) -> Tensor:
    if input.numel() == 0:
        raise RuntimeError("max: a reduction over no elements has no value")
    return reduce(input, (), out=out)


def maximum(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the larger of each pair; NaN wins; the gradient of equal elements is shared."""
    return _core.maximum(input, other, out=out)


def minimum(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the smaller of each pair; NaN wins; the gradient of equal elements is shared."""
    return _core.minimum(input, other, out=out)


def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = True, *, out: Any = None) -> ValuesIndices:
    """Return the elements in order along dim, and where they stood; equal ones keep their order, NaN is largest."""
    return _pair(_core.sort_pair(input, dim, descending), out)


def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Return the indices that sort along dim."""
    return _core.sort_pair(input, dim, descending)[1]


def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True, *, out: Any = None) -> ValuesIndices:
    """Return the k largest (or smallest) elements along dim, in order, and where they stood."""
    return _pair(_core.topk_pair(input, k, dim, largest), out)


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
    return _core.unbind(matrix, 1) if as_tuple else matrix if out is None else _core.convert(matrix, out=out)


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


def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """Return input with alpha * source added at index along dim; sources of one place in order."""
    return _core.index_add_plain(input, dim, index, source if alpha == 1 else source * alpha)


def searchsorted(sorted_sequence: Tensor, input: Any, *, out_int32: bool = False, right: bool = False, side: str | None = None,
                 sorter: Tensor | None = None, out: Tensor | None = None) -> Tensor:  # fmt: skip
    """Return where input's values go in sorted rows; right (or side='right'): after equal ones."""
    if sorter is not None:
        sorted_sequence = _core.gather(sorted_sequence, -1, sorter)
    single = not isinstance(input, Tensor)
    values = _core.tensor(input, dtype=sorted_sequence.dtype) if single else input
    if sorted_sequence.ndim > 1 and values.ndim == 0:
        raise RuntimeError("searchsorted: a number goes with a 1-d sequence")
    result = _core.searchsorted_plain(sorted_sequence, values, right or side == "right")
    return _core.convert(result, _core.int32 if out_int32 else None, out=out)


# ---- statistics


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


def norm(input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, out: Tensor | None = None, dtype: Any = None) -> Tensor:
    """Return the p-norm of the elements over dim ('fro': 2)."""
    order = 2.0 if p is None or p == "fro" else float(p)
    return _core.vector_norm(input, order, dim, keepdim, dtype=dtype, out=out)


def round(input: Tensor, *, decimals: int = 0, out: Tensor | None = None) -> Tensor:
    """Return the nearest whole number, halves to even; or the nearest with that many decimals."""
    if decimals == 0:
        return _core.round(input, out=out)
    scale = 10.0 ** builtins.abs(decimals)
    result = _core.round(input * scale) / scale if decimals > 0 else _core.round(input / scale) * scale
    return result if out is None else _core.convert(result, out=out)


def flip(input: Tensor, *dims: Any) -> Tensor:
    """Return a copy with the order along dims reversed."""
    return _core.flip(input, _dims(dims))


def roll(input: Tensor, shifts: Any, dims: Any = ()) -> Tensor:
    """Return a copy with elements moved by shifts along dims; those that leave one end enter at the other."""
    return _core.roll(input, shifts, () if dims is None else dims)


def is_tensor(obj: Any) -> bool:
    """Return whether obj is a Tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Return whether the elements are floating."""
    return input.dtype.is_floating_point


def equal(input: Tensor, other: Tensor) -> bool:
    """Return whether both have one shape and the same elements."""
    return input.shape == other.shape and bool(_core.all(_core.eq(input, other)))


def isclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Return where |input - other| <= atol + rtol * |other|."""
    if input.dtype is not other.dtype:
        raise RuntimeError(f"isclose: dtypes must agree, got {input.dtype} and {other.dtype}")
    near = input == other
    if input.dtype.is_floating_point:
        finite = isfinite(input) & isfinite(other)
        near = near | (finite & (abs(input - other) <= atol + abs(rtol * other)))
        if equal_nan:
            near = near | (isnan(input) & isnan(other))
    elif input.dtype is not _core.bool:
        near = near | (abs(input - other) <= atol + abs(rtol * other))
    return near


def allclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Return whether isclose holds everywhere."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


def tile(input: Tensor, dims: Any) -> Tensor:
    """Return input repeated dims times along each dim."""
    dims = tuple(dims)
    return repeat(input, *((1,) * (input.ndim - len(dims)) + dims))


def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """Return input repeated along each dim; new leading dims may be given."""
    counts = _dims(repeats)
    if len(counts) < input.ndim:
        raise RuntimeError(f"repeat: needs at least {input.ndim} counts, got {counts}")
    lead = len(counts) - input.ndim
    shape = (1,) * lead + tuple(input.shape)
    wide = [n for r, s in zip(counts, shape) for n in (r, s)]
    x = _core.reshape(input, [n for s in shape for n in (1, s)])
    return _core.reshape(_core.expand(x, wide).clone(), [r * s for r, s in zip(counts, shape)])


def einsum(equation: str, *operands: Any) -> Tensor:
    """Return the sum of products that an equation of subscripts names, as 'bij,bjk->bik'."""
    from deepnet.contraction import contract

    tensors = operands[0] if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else operands
    return contract(equation, list(tensors))


concat = concatenate = cat
absolute = abs
negative = neg
multiply = mul
subtract = sub
divide = div
greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne
arccos, arcsin, arctan, arccosh, arcsinh, arctanh, arctan2 = acos, asin, atan, acosh, asinh, atanh, atan2
clip = clamp
fix = trunc
inf, nan, pi, e = math.inf, math.nan, math.pi, math.e
newaxis = None

_PRIVATE = {"annotations", "math", "Any", "NamedTuple", "builtins"}
__all__ = [name for name in list(globals()) if not name.startswith("_") and name not in _PRIVATE]
