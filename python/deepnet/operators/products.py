"""Products of vectors and matrices, distances."""

from __future__ import annotations

import math
from typing import Any

from deepnet import _core
from deepnet._core import Tensor
from deepnet.operators._call import takes_out, wrap_dim


def _scaled(x: Tensor, factor: Any) -> Tensor:
    if not x.dtype.is_floating_point:
        factor = int(factor)
    return x if type(factor) is int and factor == 1 else x * factor


def _wide(name: str, *operands: Tensor) -> tuple[Tensor, ...]:
    """Operands of one dtype; those of 16 bits in float32, so that only the result is rounded to 16."""
    dtype = operands[0].dtype
    if any(x.dtype is not dtype for x in operands):
        raise RuntimeError(f"{name}: dtypes must agree, got {', '.join(str(x.dtype) for x in operands)}")
    return tuple(_core.convert(x, _core.float32) for x in operands) if dtype in (_core.bfloat16, _core.float16) else operands


def _plus(input: Tensor, product: Tensor, beta: Any, alpha: Any) -> Tensor:
    """Beta * input + alpha * product; with beta 0 input is not read, and may hold NaN."""
    wide = _core.expand(input, product.shape)
    result = _scaled(product, alpha)
    return result if beta == 0 and not input.requires_grad else result + _scaled(wide, beta)


@takes_out
def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """Return beta * input + alpha * sum over the batch of batch1 batch2.

    Parameters
    ----------
    input : Tensor, broadcast to (M, N)
    batch1 : Tensor, shape (B, M, K)
    batch2 : Tensor, shape (B, K, N)
    """
    x, a, b = _wide("addbmm", input, batch1, batch2)
    return _core.convert(_plus(x, _core.sum(_core.bmm(a, b), 0), beta, alpha), input.dtype)


@takes_out
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """Return beta * input + alpha * batch1 batch2; input broadcasts to (B, M, N)."""
    x, a, b = _wide("baddbmm", input, batch1, batch2)
    return _core.convert(_plus(x, _core.bmm(a, b), beta, alpha), input.dtype)


@takes_out
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """Return beta * input + alpha * mat vec; mat (M, N), vec (N,), input broadcasts to (M,)."""
    x, a, b = _wide("addmv", input, mat, vec)
    return _core.convert(_plus(x, _core.mv(a, b), beta, alpha), input.dtype)


@takes_out
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """Return beta * input + alpha * vec1 vec2^T; input broadcasts to (M, N)."""
    dtype = _core.promote_types(input.dtype, _core.promote_types(vec1.dtype, vec2.dtype))
    if dtype is _core.bool:
        product = outer(vec1, vec2)
        return (_core.expand(input, product.shape) & bool(beta)) | (product & bool(alpha))
    x, a, b = _wide("addr", *(_core.convert(t, dtype) for t in (input, vec1, vec2)))
    return _core.convert(_plus(x, outer(a, b), beta, alpha), dtype)


@takes_out
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Return the products of all pairs of two vectors' elements, shape (M, N)."""
    if input.ndim != 1 or vec2.ndim != 1:
        raise RuntimeError(f"outer: needs vectors, got shapes {tuple(input.shape)} and {tuple(vec2.shape)}")
    return _core.unsqueeze(input, 1) * vec2


ger = outer


@takes_out
def inner(input: Tensor, other: Tensor) -> Tensor:
    """Return sums of products over the last dims, shape (*input without it, *other without it)."""
    if input.ndim == 0 or other.ndim == 0:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(f"inner: last sizes must agree, got {tuple(input.shape)} and {tuple(other.shape)}")
    return tensordot(input, other, ([-1], [-1]))


@takes_out
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """Return the dot product of two vectors."""
    return _core.dot(input, other)


@takes_out
def kron(input: Tensor, other: Tensor) -> Tensor:
    """Return the Kronecker product: blocks of other, one scaled by each element of input."""
    n = max(input.ndim, other.ndim)
    a, b = ((1,) * (n - x.ndim) + tuple(x.shape) for x in (input, other))
    left = _core.reshape(input, [s for size in a for s in (size, 1)])
    right = _core.reshape(other, [s for size in b for s in (1, size)])
    return _core.reshape(left * right, [x * y for x, y in zip(a, b, strict=True)])


@takes_out
def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Return sums of products over dims of a and of b: the last and first `dims`, or two lists of them.

    Raises
    ------
    RuntimeError
        If the dims' sizes differ.
    """
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0 or dims > min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot: dims must lie in [0, {min(a.ndim, b.ndim)}], got {dims}")
        over_a, over_b = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        over_a, over_b = ([wrap_dim("tensordot", d, x.ndim) for d in over] for over, x in zip(dims, (a, b), strict=True))
    pairs = list(zip(over_a, over_b, strict=True))
    for i, j in pairs:
        if a.shape[i] != b.shape[j] and 1 not in (a.shape[i], b.shape[j]):
            raise RuntimeError(f"tensordot: dims {i} and {j} must agree, got shapes {tuple(a.shape)} and {tuple(b.shape)}")
        if a.shape[i] != b.shape[j]:  # a size of 1 broadcasts: sum the other first
            if a.shape[i] == 1:
                b = _core.sum(b, j, True)
            else:
                a = _core.sum(a, i, True)
    rows = [i for i in range(a.ndim) if i not in over_a]
    columns = [j for j in range(b.ndim) if j not in over_b]
    inner_size = math.prod(a.shape[i] for i in over_a)
    left = _core.reshape(_core.permute(a, rows + over_a), (math.prod(a.shape[i] for i in rows), inner_size))
    right = _core.reshape(_core.permute(b, over_b + columns), (inner_size, math.prod(b.shape[j] for j in columns)))
    return _core.reshape(_core.mm(left, right), [a.shape[i] for i in rows] + [b.shape[j] for j in columns])


@takes_out
def chain_matmul(*matrices: Tensor) -> Tensor:
    """Return the product of matrices, in the order that needs the fewest multiplications."""
    from deepnet.linalg import multi_dot

    return multi_dot(matrices) if len(matrices) > 1 else matrices[0]


def einsum(equation: str, *operands: Any) -> Tensor:
    """Return the sum of products that an equation of subscripts names, as 'bij,bjk->bik'."""
    from deepnet.contraction import contract

    tensors = operands[0] if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else operands
    return contract(equation, list(tensors))


@takes_out
def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """Return cross products over a dim of size 3 (the first such one unless given)."""
    if dim is None:
        from deepnet.operators.views import broadcast_shapes

        shape = broadcast_shapes(input.shape, other.shape)
        dim = next((i for i, s in enumerate(shape) if s == 3), None)
        if dim is None:
            raise RuntimeError(f"cross: no dim of size 3 in {tuple(shape)}")
        dim -= len(shape)
    elif dim >= 0:
        dim -= max(input.ndim, other.ndim)
    return cross_along(input, other, dim)


def cross_along(input: Tensor, other: Tensor, dim: int = -1) -> Tensor:
    """Return cross products over dim, counted from the end.

    Raises
    ------
    RuntimeError
        If dim's size is not 3.
    """
    if input.shape[dim] != 3 or other.shape[dim] != 3:
        raise RuntimeError(f"cross: dim {dim} must have size 3, got shapes {tuple(input.shape)} and {tuple(other.shape)}")
    a, b = _core.unbind(input, dim), _core.unbind(other, dim)
    parts = [a[i] * b[j] - a[j] * b[i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return _core.stack(parts, dim)


@takes_out
def norm(input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """Return the p-norm of the elements over dim; 'fro' is 2, and 'nuc' the sum of a matrix's singular values.

    Raises
    ------
    RuntimeError
        If p is another word.
    """
    if p == "nuc":
        from deepnet.linalg import matrix_norm

        return matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim, dtype=dtype)
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"norm: p must be a number, 'fro' or 'nuc', got {p!r}")
    return _core.vector_norm(input, 2.0 if p is None or p == "fro" else float(p), dim, keepdim, dtype=dtype)


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """Return the p-norm of the difference, 0-d."""
    return _core.vector_norm(input - other, float(p))


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Tensor:
    """Return the p-norm distances between all pairs of rows.

    Parameters
    ----------
    x1 : Tensor, shape (..., P, M)
    x2 : Tensor, shape (..., R, M)
    p : float
    compute_mode : str
        Accepted for the name's sake; distances are always summed from differences, which do not cancel.

    Returns
    -------
    Tensor, shape (..., P, R)

    Raises
    ------
    RuntimeError
        If the rows' sizes differ or p is negative.
    """
    if x1.ndim < 2 or x2.ndim < 2 or x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"cdist: needs rows of one size, got shapes {tuple(x1.shape)} and {tuple(x2.shape)}")
    if p < 0:
        raise RuntimeError(f"cdist: p must not be negative, got {p}")
    difference = _core.unsqueeze(x1, -2) - _core.unsqueeze(x2, -3)
    return row_norm(difference, float(p))


def row_norm(rows: Tensor, p: float) -> Tensor:
    """Return the p-norms over the last dim, with gradient 0 where a row is 0."""
    if rows.shape[-1] == 0:
        return _core.sum(rows, -1)
    if p == 0:
        return _core.sum(_core.sign(_core.abs(rows)), -1)
    if math.isinf(p) or p == 2 or p == 1:
        return _core.vector_norm(rows, p, -1)
    # A root's slope at 0 is infinite: such rows are taken out before it and put back after.
    size = _core.sum(_core.pow(_core.abs(rows), p), -1)
    zero = size.detach() == 0
    return _core.masked_fill(_core.pow(_core.masked_fill(size, zero, 1), 1 / p), zero, 0)


@takes_out
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Return input with each slice along dim scaled down to a p-norm of at most maxnorm.

    Raises
    ------
    RuntimeError
        If input has fewer than 2 dims, p is not positive or maxnorm is negative.
    """
    if input.ndim < 2 or p <= 0 or maxnorm < 0:
        raise RuntimeError(f"renorm: needs 2 dims, p > 0 and maxnorm >= 0, got shape {tuple(input.shape)}, {p} and {maxnorm}")
    d = wrap_dim("renorm", dim, input.ndim)
    norms = _core.vector_norm(input, float(p), [i for i in range(input.ndim) if i != d], True)
    return input * _core.where(norms.detach() > maxnorm, maxnorm / (norms + 1e-7), 1.0)
