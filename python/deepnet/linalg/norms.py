"""Norms of vectors and matrices."""

from __future__ import annotations

import math
from typing import Any

from deepnet import _core
from deepnet._core import Tensor
from deepnet.linalg.factors import svdvals
from deepnet.operators._call import takes_out, wrap_dim


@takes_out
def vector_norm(x: Tensor, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the norms of vectors over dim: sums of the elements' sizes to the power of ord, to the power of 1 / ord.

    Parameters
    ----------
    x : Tensor, floating
    ord : number
        0 counts elements that are not 0; inf and -inf are the largest and the smallest size.
    dim : int or sequence of ints, optional
        All dims unless given.
    keepdim : bool
    dtype : dtype, optional
        What x is converted to first.

    Raises
    ------
    RuntimeError
        If x is not floating, or there are no elements for a norm that needs one.
    """
    order = float(ord)
    if order < 0 or math.isinf(order):
        over = (
            range(x.ndim)
            if dim is None
            else [wrap_dim("vector_norm", d, x.ndim) for d in ((dim,) if isinstance(dim, int) else dim)]
        )
        if x.ndim and any(x.shape[d] == 0 for d in over):
            raise RuntimeError(f"vector_norm: order {ord} over no elements has no value; shape {tuple(x.shape)}")
    return _core.vector_norm(x, order, dim, keepdim, dtype=dtype)


@takes_out
def matrix_norm(A: Tensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the norms of matrices over two dims.

    Parameters
    ----------
    A : Tensor, shape (..., M, N)
    ord : {'fro', 'nuc', inf, -inf, 1, -1, 2, -2}
        The root of the sum of squares; the sum of singular values; the largest or smallest sum of sizes of a row or (1)
        a column; the largest or smallest singular value.
    dim : (int, int)
    keepdim : bool
    dtype : dtype, optional

    Raises
    ------
    RuntimeError
        If dim does not name two dims, or ord is another one.
    """
    if dtype is not None:
        A = _core.convert(A, dtype)
    if not A.dtype.is_floating_point:
        raise RuntimeError(f"matrix_norm: needs a floating dtype, got {A.dtype}")
    dims = tuple(dim)
    if len(dims) != 2 or A.ndim < 2:
        raise RuntimeError(f"matrix_norm: needs two dims, got {dims} of shape {tuple(A.shape)}")
    row, column = (wrap_dim("matrix_norm", d, A.ndim) for d in dims)
    if row == column:
        raise RuntimeError(f"matrix_norm: dims must differ, got {dims}")
    if ord == "fro":
        return _core.vector_norm(A, 2.0, (row, column), keepdim)
    if (isinstance(ord, str) and ord != "nuc") or (not isinstance(ord, str) and abs(ord) not in (1, 2, math.inf)):
        raise RuntimeError(f"matrix_norm: ord must be 'fro', 'nuc', inf, -inf, 1, -1, 2 or -2, got {ord!r}")
    if ord in ("nuc", 2, -2):
        S = svdvals(_core.movedim(A, (row, column), (-2, -1)))
        result = _core.sum(S, -1) if ord == "nuc" else _core.amax(S, -1) if ord == 2 else _core.amin(S, -1)
        if keepdim:
            for d in sorted((row, column)):
                result = _core.unsqueeze(result, d)
        return result
    summed, chosen = (row, column) if abs(ord) == 1 else (column, row)
    sums = _core.sum(_core.abs(A), summed, True)
    result = (_core.amax if ord > 0 else _core.amin)(sums, chosen, True)
    return result if keepdim else _core.squeeze(result, (row, column))


@takes_out
def norm(A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return a vector's or a matrix's norm.

    Parameters
    ----------
    A : Tensor
    ord : number or str, optional
        As `matrix_norm` over two dims, else as `vector_norm`. Without it, the 2-norm of all elements over dim.
    dim : int, (int,) or (int, int), optional
        Without it and with ord, A has one or two dims.
    keepdim : bool
    dtype : dtype, optional

    Raises
    ------
    RuntimeError
        If ord is given without dim and A has more than 2 dims.
    """
    dims = (dim,) if isinstance(dim, int) else None if dim is None else tuple(dim)
    if ord is None:
        return vector_norm(A, 2, dims, keepdim, dtype=dtype)
    if dims is None and A.ndim > 2:
        raise RuntimeError(f"norm: ord needs dim for more than 2 dims, got shape {tuple(A.shape)}")
    if isinstance(ord, str) or (dims is not None and len(dims) == 2) or (dims is None and A.ndim == 2):
        return matrix_norm(A, ord, (-2, -1) if dims is None else dims, keepdim, dtype=dtype)
    return vector_norm(A, ord, dims, keepdim, dtype=dtype)
