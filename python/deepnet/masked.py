"""Reductions and normalisations over the elements where a mask holds; the others do not count.

Every function takes `mask`, a bool tensor that broadcasts to input's shape, None for all elements. Where a mask leaves
nothing, the result is that of no elements: 0 for a sum, NaN for a mean, -inf for a maximum.
"""

from __future__ import annotations

import math
from typing import Any

from deepnet import _core
from deepnet._core import Tensor
from deepnet.operators import median as _median
from deepnet.operators import nanmedian as _nanmedian
from deepnet.operators._call import wrap_dim

__all__ = [
    "amax", "amin", "argmax", "argmin", "cumprod", "cumsum", "log_softmax", "logaddexp", "logsumexp", "mean", "median",
    "norm", "normalize", "prod", "softmax", "softmin", "std", "sum", "var",
]  # fmt: skip

_LARGEST = {
    _core.uint8: 255,
    _core.int8: 127,
    _core.int16: 2**15 - 1,
    _core.int32: 2**31 - 1,
    _core.int64: 2**63 - 1,
    _core.bool: 1,
}
_SMALLEST = {
    _core.uint8: 0,
    _core.int8: -128,
    _core.int16: -(2**15),
    _core.int32: -(2**31),
    _core.int64: -(2**63),
    _core.bool: 0,
}


def _lowest(x: Tensor) -> Any:
    return -math.inf if x.dtype.is_floating_point else _SMALLEST[x.dtype]


def _highest(x: Tensor) -> Any:
    return math.inf if x.dtype.is_floating_point else _LARGEST[x.dtype]


def _wide(name: str, input: Tensor, mask: Tensor) -> Tensor:
    if mask.dtype is not _core.bool or mask.ndim > input.ndim:
        raise ValueError(
            f"{name}: mask must be bool and broadcast to {tuple(input.shape)}, got {mask.dtype} of shape {tuple(mask.shape)}"
        )
    return _core.expand(mask, input.shape)


def _keep(name: str, input: Tensor, mask: Tensor | None, otherwise: Any) -> Tensor:
    """Input where mask holds, else a value that the reduction does not feel."""
    if mask is None:
        return input
    return _core.where(_wide(name, input, mask), input, _core.full_size((), otherwise, dtype=input.dtype, device=input.device))


def _dims(input: Tensor, dim: Any) -> tuple[int, ...]:
    if dim is None or dim == ():
        return tuple(range(input.ndim))
    return tuple(wrap_dim("masked", d, input.ndim) for d in ((dim,) if isinstance(dim, int) else dim))


def _whole(dtype: Any, input: Tensor) -> Any:
    """Integers add and multiply up to int64 unless a dtype is given."""
    return dtype or (input.dtype if input.dtype.is_floating_point else _core.int64)


def sum(input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """Return the sum over dim."""
    return _core.sum(_keep("sum", input, mask, 0), _dims(input, dim), keepdim, dtype=_whole(dtype, input))


def prod(input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """Return the product over dim."""
    x = _core.convert(_keep("prod", input, mask, 1), _whole(dtype, input))
    return _core.prod(x, _dims(input, dim), keepdim) if input.ndim else x


def cumsum(input: Tensor, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """Return the running sum along dim, in input's dtype unless given."""
    return _core.convert(_core.cumsum(_keep("cumsum", input, mask, 0), dim, dtype=dtype), dtype or input.dtype)


def cumprod(input: Tensor, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """Return the running product along dim, in input's dtype unless given."""
    return _core.convert(_core.cumprod(_keep("cumprod", input, mask, 1), dim, dtype=dtype), dtype or input.dtype)


def amax(input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """Return the largest element over dim."""
    return _core.convert(_core.amax(_keep("amax", input, mask, _lowest(input)), _dims(input, dim), keepdim), dtype)


def amin(input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """Return the smallest element over dim."""
    return _core.convert(_core.amin(_keep("amin", input, mask, _highest(input)), _dims(input, dim), keepdim), dtype)


def argmax(
    input: Tensor, dim: int | None = None, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    """Return the index of the largest element, in input's dtype unless given."""
    return _core.convert(_core.argmax(_keep("argmax", input, mask, _lowest(input)), dim, keepdim), dtype or input.dtype)


def argmin(
    input: Tensor, dim: int | None = None, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    """Return the index of the smallest element, in input's dtype unless given."""
    return _core.convert(_core.argmin(_keep("argmin", input, mask, _highest(input)), dim, keepdim), dtype or input.dtype)


def _count(name: str, input: Tensor, dims: tuple[int, ...], keepdim: bool, mask: Tensor | None) -> Tensor:
    there = (
        _core.full_size(input.shape, True, dtype=_core.bool, device=input.device) if mask is None else _wide(name, input, mask)
    )
    return _core.sum(there, dims, keepdim)


def mean(input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """Return the mean over dim.

    Raises
    ------
    ValueError
        If the result's dtype is not floating.
    """
    if not (dtype or input.dtype).is_floating_point:
        raise ValueError(f"mean: needs a floating dtype, got {dtype or input.dtype}")
    dims = _dims(input, dim)
    return sum(input, dims, keepdim=keepdim, dtype=dtype, mask=mask) / _count("mean", input, dims, keepdim, mask)


def var(input: Tensor, dim: Any = None, unbiased: bool | None = None, *, correction: float | None = None, keepdim: bool = False,
        dtype: Any = None, mask: Tensor | None = None) -> Tensor:  # fmt: skip
    """Return the variance over dim: square distances from the mean over their number less correction (1 unless given)."""
    if correction is None:
        correction = 0 if unbiased is False else 1
    kind = dtype or (input.dtype if input.dtype.is_floating_point else _core.float32)
    dims = _dims(input, dim)
    centered = input - sum(input, dims, keepdim=True, dtype=kind, mask=mask) / _count("var", input, dims, True, mask)
    squares = sum(centered * centered, dims, keepdim=keepdim, dtype=kind, mask=mask)
    count = _core.convert(_count("var", input, dims, keepdim, mask), squares.dtype) - correction
    return squares / _core.clamp(count, min=0)


def std(input: Tensor, dim: Any = None, unbiased: bool | None = None, *, correction: float | None = None, keepdim: bool = False,
        dtype: Any = None, mask: Tensor | None = None) -> Tensor:  # fmt: skip
    """Return the standard deviation over dim; arguments as `var`."""
    return _core.sqrt(var(input, dim, unbiased, correction=correction, keepdim=keepdim, dtype=dtype, mask=mask))


def median(input: Tensor, dim: int = -1, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """Return the element in the middle along dim, the lower of two."""
    if input.dtype.is_floating_point:
        return _nanmedian(_keep("median", input, mask, math.nan), dim, keepdim)[0]
    if mask is None:
        return _core.convert(_median(input, dim, keepdim)[0], dtype)
    middle = _nanmedian(_keep("median", _core.convert(input, _core.float32), mask, math.nan), dim, keepdim)[0]
    if bool(_core.any(_core.isnan(middle))):
        raise ValueError("median: a mask leaves no element, and integers have no NaN")
    return _core.convert(middle, dtype or input.dtype)


def norm(input: Tensor, ord: float | None = 2.0, dim: Any = None, *, keepdim: bool = False, dtype: Any = None,
         mask: Tensor | None = None) -> Tensor:  # fmt: skip
    """Return the norm of the given order over dim."""
    order = 2.0 if ord is None else float(ord)
    x = _keep("norm", input, mask, math.inf if order == -math.inf else 0)
    return _core.vector_norm(x, order, _dims(input, dim), keepdim, dtype=dtype)


def normalize(
    input: Tensor, ord: float, dim: Any, *, eps: float = 1e-12, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    """Return input divided by its norm over dim, or by eps where that is larger; 0 where the mask does not hold."""
    size = norm(input, ord, dim, keepdim=True, dtype=dtype, mask=mask)
    return _keep("normalize", input, mask, 0) / _core.maximum(
        size, _core.full_size((), eps, dtype=size.dtype, device=size.device)
    )


def softmax(input: Tensor, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """Return the softmax along dim."""
    return _core.softmax(_keep("softmax", input, mask, _lowest(input)), dim, dtype)


def softmin(input: Tensor, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """Return the softmax of -input along dim."""
    return _core.softmax(-_keep("softmin", input, mask, _highest(input)), dim, dtype)


def log_softmax(input: Tensor, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """Return the logarithm of the softmax along dim."""
    return _core.log_softmax(_keep("log_softmax", input, mask, _lowest(input)), dim, dtype)


def logsumexp(
    input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    """Return the logarithm of the sum of exponentials over dim."""
    x = _keep("logsumexp", input, mask, _lowest(input))
    return _core.convert(_core.logsumexp(x, _dims(input, dim), keepdim), dtype or input.dtype)


def logaddexp(
    input: Tensor, other: Tensor, *, dtype: Any = None, input_mask: Tensor | None = None, other_mask: Tensor | None = None
) -> Tensor:
    """Return log(exp(input) + exp(other)); each summand counts where its mask holds."""
    a, b = (_keep("logaddexp", x, m, _lowest(x)) for x, m in ((input, input_mask), (other, other_mask)))
    return _core.convert(_core.logaddexp(a, b), dtype or input.dtype)
