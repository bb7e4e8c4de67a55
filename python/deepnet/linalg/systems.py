"""Linear systems: solutions, inverses, determinants."""

from __future__ import annotations

from typing import Any, NamedTuple

from deepnet import _core
from deepnet._core import Tensor
from deepnet.autograd.function import Function
from deepnet.operators._call import takes_out
from deepnet.operators.views import broadcast_shapes


def check_square(name: str, A: Tensor) -> None:
    """Refuse what is not a batch of square matrices."""
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise RuntimeError(f"{name}: needs square matrices, got shape {tuple(A.shape)}")
    if not A.dtype.is_floating_point:
        raise RuntimeError(f"{name}: needs a floating dtype, got {A.dtype}")


def transposed(A: Tensor) -> Tensor:
    """Return a view of the transposes of a batch of matrices."""
    return _core.transpose(A, -2, -1)


def identity(A: Tensor) -> Tensor:
    """Return the identity matrix, expanded to the shape of a batch of square ones."""
    return _core.expand(_core.eye_plain(A.shape[-1], A.shape[-1], A.dtype, A.device), A.shape)


class _Solve(Function):
    @staticmethod
    def forward(ctx: Any, A: Tensor, B: Tensor) -> Tensor:
        X = _core.solve_plain(A, B)
        ctx.save_for_backward(A, X)
        return X

    @staticmethod
    def backward(ctx: Any, dX: Tensor) -> Any:
        A, X = ctx.saved_tensors
        dB = _Solve.apply(transposed(A), dX)
        return -(dB @ transposed(X)) if ctx.needs_input_grad[0] else None, dB


def _columns(name: str, A: Tensor, B: Tensor) -> tuple[Tensor, Tensor, bool]:
    """A and B of one batch shape, and whether B held vectors."""
    if A.dtype is not B.dtype:
        raise RuntimeError(f"{name}: dtypes must agree, got {A.dtype} and {B.dtype}")
    vector = B.ndim == 1 or (A.ndim - 1 == B.ndim and B.shape == A.shape[:-1])
    B = _core.unsqueeze(B, -1) if vector else B
    batch = broadcast_shapes(A.shape[:-2], B.shape[:-2])
    return _core.expand(A, (*batch, *A.shape[-2:])), _core.expand(B, (*batch, *B.shape[-2:])), vector


@takes_out
def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """Return X with A X = B, or X A = B where left is False.

    Parameters
    ----------
    A : Tensor, shape (..., N, N)
    B : Tensor, shape (..., N, K), (N,) or (..., N)
        (..., K, N) where left is False. Batches broadcast.

    Raises
    ------
    RuntimeError
        If A is not square, exactly singular, or the shapes do not fit.
    """
    check_square("solve", A)
    if not left:
        vector = B.ndim == 1 or (A.ndim - 1 == B.ndim and B.shape == A.shape[:-1])
        return solve(transposed(A), B) if vector else transposed(solve(transposed(A), transposed(B)))
    A, B, vector = _columns("solve", A, B)
    X = _Solve.apply(A, B)
    return _core.squeeze(X, -1) if vector else X


class _SolveTriangular(Function):
    @staticmethod
    def forward(ctx: Any, A: Tensor, B: Tensor, upper: bool, unit: bool) -> Tensor:
        X = _core.triangular_solve_plain(A, B, upper, unit)
        ctx.save_for_backward(A, X)
        ctx.upper, ctx.unit = upper, unit
        return X

    @staticmethod
    def backward(ctx: Any, dX: Tensor) -> Any:
        A, X = ctx.saved_tensors
        dB = _SolveTriangular.apply(transposed(A), dX, not ctx.upper, ctx.unit)
        if not ctx.needs_input_grad[0]:
            return None, dB, None, None
        dA = -(dB @ transposed(X))
        cut = _core.triu if ctx.upper else _core.tril
        return cut(dA, (1 if ctx.upper else -1) if ctx.unit else 0), dB, None, None


@takes_out
def solve_triangular(A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """Return X with A X = B (or X A = B) for triangular A, of which the other triangle is not read.

    Parameters
    ----------
    A : Tensor, shape (..., N, N)
    B : Tensor, shape (..., N, K), or (..., K, N) where left is False
    upper : bool
    left : bool
    unitriangular : bool
        Take A's diagonal for ones.
    """
    check_square("solve_triangular", A)
    if B.ndim < 2:
        raise RuntimeError(f"solve_triangular: B needs at least 2 dims, got shape {tuple(B.shape)}")
    if not left:
        return transposed(solve_triangular(transposed(A), transposed(B), upper=not upper, unitriangular=unitriangular))
    batch = broadcast_shapes(A.shape[:-2], B.shape[:-2])
    A, B = _core.expand(A, (*batch, *A.shape[-2:])), _core.expand(B, (*batch, *B.shape[-2:]))
    return _SolveTriangular.apply(A, B, upper, unitriangular)


class _Inverse(Function):
    @staticmethod
    def forward(ctx: Any, A: Tensor) -> Tensor:
        X = _core.solve_plain(A, identity(A))
        ctx.save_for_backward(A)
        ctx.result = X
        return X

    @staticmethod
    def backward(ctx: Any, dX: Tensor) -> Tensor:
        (A,) = ctx.saved_tensors
        # Taken anew where its own derivative is wanted, so that it has a history.
        X = transposed(_Inverse.apply(A) if _core.is_grad_enabled() else ctx.result)
        return -(X @ dX @ X)


@takes_out
def inv(A: Tensor) -> Tensor:
    """Return the inverses of square matrices, shape (..., N, N).

    Raises
    ------
    RuntimeError
        If one is exactly singular.
    """
    check_square("inv", A)
    return _Inverse.apply(A)


def _cofactors(A: Tensor) -> Tensor:
    """The determinants' gradients, also of singular matrices: det(U) det(V) U diag(products of the others of S) V^T."""
    U, S, Vh = _core.svd_plain(A, True)
    sign = _core.det_plain(U)[0] * _core.det_plain(Vh)[0]
    n = S.shape[-1]
    own = _core.eye_plain(n, n, _core.float32, S.device) > 0
    others = _core.prod(_core.where(own, 1.0, _core.unsqueeze(S, -2)), -1)
    return (U * _core.unsqueeze(others * _core.unsqueeze(sign, -1), -2)) @ Vh


class _Det(Function):
    @staticmethod
    def forward(ctx: Any, A: Tensor) -> Tensor:
        det = _core.det_plain(A)[0]
        ctx.save_for_backward(A, det)
        return det

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        A, det = ctx.saved_tensors
        if A.numel() == 0:
            return _core.full_size(A.shape, 0, dtype=A.dtype, device=A.device)
        scale = _core.reshape(dy, (*dy.shape, 1, 1))
        if bool(_core.any(det == 0)):
            if _core.is_grad_enabled():
                raise RuntimeError("det: the second derivative of a singular matrix's determinant is not offered")
            return scale * _cofactors(A)
        value = _Det.apply(A) if _core.is_grad_enabled() else det
        return scale * _core.reshape(value, (*value.shape, 1, 1)) * transposed(_Inverse.apply(A))


@takes_out
def det(A: Tensor) -> Tensor:
    """Return the determinants of square matrices, shape (...)."""
    check_square("det", A)
    return _Det.apply(A)


class SlogdetResult(NamedTuple):
    """The sign of a determinant, and the logarithm of its size."""

    sign: Tensor
    logabsdet: Tensor


class _Slogdet(Function):
    @staticmethod
    def forward(ctx: Any, A: Tensor) -> Any:
        _, sign, size = _core.det_plain(A)
        ctx.save_for_backward(A)
        ctx.mark_non_differentiable(sign)
        return sign, size

    @staticmethod
    def backward(ctx: Any, dsign: Tensor, dy: Tensor) -> Tensor:
        (A,) = ctx.saved_tensors
        return _core.reshape(dy, (*dy.shape, 1, 1)) * transposed(_Inverse.apply(A))


@takes_out
def slogdet(A: Tensor) -> SlogdetResult:
    """Return the signs of determinants (0 for singular matrices) and the logarithms of their sizes, each of shape (...)."""
    check_square("slogdet", A)
    return SlogdetResult(*_Slogdet.apply(A))


def logdet(A: Tensor) -> Tensor:
    """Return the logarithms of determinants, shape (...): NaN where negative, -inf where 0."""
    sign, size = slogdet(A)
    return _core.masked_fill(size, sign < 0, float("nan"))
