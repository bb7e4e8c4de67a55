"""Differences, gradients and integrals of samples."""

from __future__ import annotations

from typing import Any

from deepnet import _core
from deepnet._core import Tensor
from deepnet.operators._call import takes_out, wrap_dim


@takes_out
def diff(input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None) -> Tensor:
    """Return the n-th differences of neighbours along dim, with values before or after joined first.

    Raises
    ------
    RuntimeError
        If input is 0-d or n is negative.
    """
    if input.ndim == 0 or n < 0:
        raise RuntimeError(f"diff: needs at least 1 dim and n >= 0, got shape {tuple(input.shape)} and {n}")
    d = wrap_dim("diff", dim, input.ndim)
    if n == 0:
        return _core.clone(input)
    parts = [p for p in (prepend, input, append) if p is not None]
    x = _core.cat(parts, d) if len(parts) > 1 else input
    for _ in range(min(n, x.shape[d])):
        size = x.shape[d]
        after, before = _core.narrow(x, d, 1, size - 1), _core.narrow(x, d, 0, size - 1)
        x = after ^ before if x.dtype is _core.bool else after - before
    return x


def gradient(input: Tensor, *, spacing: Any = None, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """Return estimates of the derivative along each dim, by central differences inside and one-sided ones at the ends.

    Parameters
    ----------
    input : Tensor
        A function's values at the points of a grid.
    spacing : number, sequence of numbers, or sequence of Tensors, optional
        The distance of neighbours, for all dims or for each; or each dim's coordinates.
    dim : int or sequence of ints, optional
        All dims unless given.
    edge_order : {1, 2}

    Returns
    -------
    tuple of Tensor, each of input's shape

    Raises
    ------
    RuntimeError
        If a dim has fewer than edge_order + 1 points, or spacing does not match the dims.
    """
    dims = list(range(input.ndim)) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    dims = [wrap_dim("gradient", d, input.ndim) for d in dims]
    if edge_order not in (1, 2):
        raise RuntimeError(f"gradient: edge_order must be 1 or 2, got {edge_order}")
    if any(input.shape[d] < edge_order + 1 for d in dims):
        raise RuntimeError(f"gradient: needs at least {edge_order + 1} points in each dim, got shape {tuple(input.shape)}")
    if spacing is None:
        spaces: list[Any] = [1] * len(dims)
    elif isinstance(spacing, (list, tuple)):
        spaces = list(spacing) if len(spacing) > 1 or len(dims) == 1 else list(spacing) * len(dims)
    else:
        spaces = [spacing] * len(dims)
    if len(spaces) != len(dims):
        raise RuntimeError(f"gradient: {len(spaces)} spacings for {len(dims)} dims")
    return tuple(_derivative(input, s, d, edge_order) for s, d in zip(spaces, dims, strict=True))


def _derivative(x: Tensor, space: Any, d: int, edge_order: int) -> Tensor:
    n = x.shape[d]

    def at(start: int, length: int) -> Tensor:
        return _core.narrow(x, d, start, length)

    if isinstance(space, Tensor) and space.ndim:
        if space.ndim != 1 or space.shape[0] != n:
            raise RuntimeError(f"gradient: dim {d} of size {n} has coordinates of shape {tuple(space.shape)}")
        steps = _core.reshape(space[1:] - space[:-1], (1,) * d + (-1,) + (1,) * (x.ndim - d - 1))
    else:
        steps = None

    def step(i: int, length: int = 1) -> Any:
        return space if steps is None else _core.narrow(steps, d, i, length)

    parts = []
    if edge_order == 1:
        first = (at(1, 1) - at(0, 1)) / step(0)
        last = (at(n - 1, 1) - at(n - 2, 1)) / step(n - 2)
    else:
        a, b = step(0), step(1)
        first = -(2 * a + b) / (a * (a + b)) * at(0, 1) + (a + b) / (a * b) * at(1, 1) - a / (b * (a + b)) * at(2, 1)
        a, b = step(n - 3), step(n - 2)
        last = b / (a * (a + b)) * at(n - 3, 1) - (a + b) / (a * b) * at(n - 2, 1) + (a + 2 * b) / (b * (a + b)) * at(n - 1, 1)
    parts.append(first)
    if n > 2:
        a, b = step(0, n - 2), step(1, n - 2)
        if isinstance(space, Tensor) and space.ndim:
            parts.append(
                -b / (a * (a + b)) * at(0, n - 2) + (b - a) / (a * b) * at(1, n - 2) + a / (b * (a + b)) * at(2, n - 2)
            )
        else:
            parts.append((at(2, n - 2) - at(0, n - 2)) / (a + b))
    parts.append(last)
    return _core.cat(parts, d)


def _areas(y: Tensor, x: Tensor | None, dx: Any, d: int) -> Tensor:
    """Twice the areas between neighbouring samples."""
    n = y.shape[d]
    if n == 0:
        return y
    pairs = _core.narrow(y, d, 1, n - 1) + _core.narrow(y, d, 0, n - 1)
    if x is None:
        return pairs if type(dx) is int and dx == 1 else pairs * dx
    if x.ndim == 1 and y.ndim > 1:
        if x.shape[0] != n:
            raise RuntimeError(f"trapezoid: {x.shape[0]} coordinates for {n} samples")
        x, at = _core.reshape(x, (-1,) + (1,) * (y.ndim - d - 1)), d - y.ndim
    else:
        at = d - y.ndim
    m = x.shape[at]
    return (_core.narrow(x, at, 1, m - 1) - _core.narrow(x, at, 0, m - 1)) * pairs


def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = 1, dim: int = -1) -> Tensor:
    """Return the integral of samples along dim, by trapezoids.

    Parameters
    ----------
    y : Tensor
    x : Tensor, optional
        The samples' coordinates: 1-d along dim, or broadcastable with y.
    dx : number
        The samples' distance where x is not given.
    dim : int

    Returns
    -------
    Tensor, y's shape without dim
    """
    d = wrap_dim("trapezoid", dim, y.ndim)
    area = _areas(y, x, dx, d)
    return _core.sum(area, d - y.ndim if y.ndim else 0) / 2


trapz = trapezoid


def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = 1, dim: int = -1) -> Tensor:
    """Return the integrals of samples along dim from the first one on; arguments as `trapezoid`."""
    d = wrap_dim("cumulative_trapezoid", dim, y.ndim)
    area = _areas(y, x, dx, d)
    return _core.cumsum(area, d - y.ndim) / 2


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """Return the powers 0 to N - 1 of a vector's elements as columns, the highest first unless increasing."""
    if x.ndim != 1:
        raise RuntimeError(f"vander: needs a vector, got shape {tuple(x.shape)}")
    n = x.shape[0] if N is None else N
    if n < 0:
        raise RuntimeError(f"vander: N must not be negative, got {N}")
    powers = powers_of(x, n)
    return powers if increasing else _core.flip(powers, -1)


def powers_of(x: Tensor, n: int) -> Tensor:
    """Return the powers 0 to n - 1 of the elements, in a new last dim."""
    if x.dtype is _core.bool or x.dtype.is_floating_point is False:
        x = _core.convert(x, _core.int64)
    ones = _core.full_size((*x.shape, min(n, 1)), 1, dtype=x.dtype, device=x.device)
    if n < 2:
        return ones
    wide = _core.expand(_core.unsqueeze(x, -1), (*x.shape, n - 1))
    return _core.cat([ones, _core.cumprod(wide, -1)], -1)
