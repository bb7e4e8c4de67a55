"""Products of matrices and vectors."""

from __future__ import annotations

from collections.abc import Sequence

from deepnet import _core
from deepnet._core import Tensor, matmul
from deepnet.linalg.systems import check_square, identity, inv
from deepnet.operators._call import takes_out
from deepnet.operators.calculus import powers_of
from deepnet.operators.products import cross_along
from deepnet.operators.views import broadcast_tensors

__all__ = ["cross", "diagonal", "matmul", "matrix_power", "multi_dot", "vander", "vecdot"]


@takes_out
def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """Return cross products over a dim of size 3; other dims broadcast."""
    if input.ndim != other.ndim:
        raise RuntimeError(f"cross: inputs must have one number of dims, got {tuple(input.shape)} and {tuple(other.shape)}")
    return cross_along(input, other, dim)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Return a view of a diagonal of the last two dims, or of those given."""
    return _core.diagonal(A, offset, dim1, dim2)


@takes_out
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Return dot products over dim, after broadcasting.

    Raises
    ------
    RuntimeError
        If the dims' sizes differ.
    """
    if x.shape[dim] != y.shape[dim]:
        raise RuntimeError(f"vecdot: dim {dim} must agree, got shapes {tuple(x.shape)} and {tuple(y.shape)}")
    x, y = broadcast_tensors(x, y)
    if not x.dtype.is_floating_point:
        return _core.convert(_core.sum(x * y, dim), _core.result_type(x, y))
    last = _core.unsqueeze(_core.movedim(x, dim, -1), -2) @ _core.unsqueeze(_core.movedim(y, dim, -1), -1)
    return _core.squeeze(_core.squeeze(last, -1), -1)


@takes_out
def matrix_power(A: Tensor, n: int) -> Tensor:
    """Return square matrices to an integer power, the inverse's where n is negative.

    Raises
    ------
    RuntimeError
        If A is not square, or singular with n negative.
    """
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        check_square("matrix_power", A)
    if n < 0:
        return matrix_power(inv(A), -n)
    if n == 0:
        return _core.clone(A).copy_(identity(A))
    result = None
    square = A
    while True:
        if n & 1:
            result = square if result is None else result @ square
        n >>= 1
        if not n:
            return _core.clone(result) if result is A else result  # type: ignore[return-value]
        square = square @ square


@takes_out
def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """Return the product of matrices, in the order that needs the fewest multiplications.

    Parameters
    ----------
    tensors : sequence of at least 2 Tensors
        Matrices; the first and the last may be vectors.

    Raises
    ------
    RuntimeError
        If there are fewer than 2, or shapes do not fit.
    """
    given = list(tensors)
    if len(given) < 2:
        raise RuntimeError(f"multi_dot: needs at least 2 tensors, got {len(given)}")
    first, last = given[0].ndim == 1, given[-1].ndim == 1
    if first:
        given[0] = _core.unsqueeze(given[0], 0)
    if last:
        given[-1] = _core.unsqueeze(given[-1], 1)
    if any(t.ndim != 2 for t in given):
        raise RuntimeError(f"multi_dot: needs matrices, got shapes {[tuple(t.shape) for t in tensors]}")
    sizes = [given[0].shape[0], *(t.shape[1] for t in given)]
    n = len(given)
    cost = [[0] * n for _ in range(n)]
    cut = [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i][j], cut[i][j] = min(
                (cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            )  # fmt: skip

    def product(i: int, j: int) -> Tensor:
        return given[i] if i == j else _core.mm(product(i, cut[i][j]), product(cut[i][j] + 1, j))

    result = product(0, n - 1)
    if first:
        result = _core.squeeze(result, 0)
    return _core.squeeze(result, -1) if last else result


def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """Return the powers 0 to N - 1 (N: the last size unless given) of the elements, in a new last dim.

    Raises
    ------
    RuntimeError
        If N is not above 1.
    """
    if N is not None and N <= 1:
        raise RuntimeError(f"vander: N must be above 1, got {N}")
    rows = x if x.ndim else _core.reshape(x, (1,))
    return powers_of(rows, rows.shape[-1] if N is None else N)
