"""Questions about tensors and pairs of them."""

from __future__ import annotations

from typing import Any

from deepnet import _core
from deepnet._core import Tensor
from deepnet.operators._call import takes_out


def is_tensor(obj: Any) -> bool:
    """Return whether obj is a Tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Return whether the elements are floating."""
    return input.dtype.is_floating_point


def is_complex(input: Tensor) -> bool:
    """Return False: there are no complex dtypes."""
    return False


def is_nonzero(input: Tensor) -> bool:
    """Return whether the one element of a tensor is not zero.

    Raises
    ------
    RuntimeError
        If there is not exactly one element.
    """
    if input.numel() != 1:
        raise RuntimeError(f"is_nonzero: needs one element, got shape {tuple(input.shape)}")
    return bool(input.item())


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have one shape."""
    return input.shape == other.shape


def equal(input: Tensor, other: Tensor) -> bool:
    """Return whether both have one shape and the same elements."""
    return input.shape == other.shape and bool(_core.all(_core.eq(input, other)))


def isclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Return where |input - other| <= atol + rtol * |other|."""
    if input.dtype is not other.dtype:
        raise RuntimeError(f"isclose: dtypes must agree, got {input.dtype} and {other.dtype}")
    if rtol < 0 or atol < 0:
        raise RuntimeError(f"isclose: rtol and atol must not be negative, got {rtol} and {atol}")
    near = input == other
    if input.dtype.is_floating_point:
        finite = _core.isfinite(input) & _core.isfinite(other)
        near = near | (finite & (_core.abs(input - other) <= atol + _core.abs(rtol * other)))
        if equal_nan:
            near = near | (_core.isnan(input) & _core.isnan(other))
    elif input.dtype is not _core.bool:
        near = near | (_core.abs(input - other) <= atol + _core.abs(rtol * other))
    return near


def allclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Return whether isclose holds everywhere."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@takes_out
def isposinf(input: Tensor) -> Tensor:
    """Return where input is +inf."""
    return _core.eq(input, float("inf")) if input.dtype.is_floating_point else _core.isinf(input)


@takes_out
def isneginf(input: Tensor) -> Tensor:
    """Return where input is -inf."""
    return _core.eq(input, float("-inf")) if input.dtype.is_floating_point else _core.isinf(input)


def isreal(input: Tensor) -> Tensor:
    """Return True everywhere: all dtypes are real."""
    return _core.full_size(input.shape, True, dtype=_core.bool, device=input.device)


@takes_out
def signbit(input: Tensor) -> Tensor:
    """Return where the sign bit is set: negative numbers, and -0."""
    if not input.dtype.is_floating_point:
        return _core.lt(input, 0)
    return _core.lt(_core.copysign(_core.full_size((), 1, dtype=input.dtype, device=input.device), input.detach()), 0)
