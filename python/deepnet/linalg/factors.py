"""Factorisations and their gradients: Cholesky, QR, eigenvalues of symmetric matrices, singular values."""

from __future__ import annotations

from typing import Any, NamedTuple

from deepnet import _core
from deepnet._core import Tensor
from deepnet.autograd.function import Function
from deepnet.linalg.systems import check_square, identity, solve_triangular, transposed
from deepnet.operators._call import takes_out


class QRResult(NamedTuple):
    """Orthonormal columns Q and upper triangular R."""

    Q: Tensor
    R: Tensor


class EighResult(NamedTuple):
    """Eigenvalues in ascending order, and eigenvectors as columns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class SVDResult(NamedTuple):
    """Left singular vectors as columns, singular values in descending order, right singular vectors as rows."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class _Cholesky(Function):
    @staticmethod
    def forward(ctx: Any, A: Tensor) -> Tensor:
        L = _core.cholesky_plain(A)
        ctx.save_for_backward(A)
        ctx.result = L
        return L

    @staticmethod
    def backward(ctx: Any, dL: Tensor) -> Tensor:
        (A,) = ctx.saved_tensors
        L = _Cholesky.apply(A) if _core.is_grad_enabled() else ctx.result
        inner = _core.tril(transposed(L) @ dL, 0)
        inner = inner - 0.5 * inner * identity(inner)
        # L^-T inner L^-1, by two triangular solutions.
        upper = transposed(L)
        left = solve_triangular(upper, inner, upper=True)
        dA = transposed(solve_triangular(upper, transposed(left), upper=True))
        return 0.5 * (dA + transposed(dA))


@takes_out
def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """Return the lower triangular L with A = L L^T, or the upper one with A = U^T U.

    Parameters
    ----------
    A : Tensor, shape (..., N, N)
        Symmetric and positive definite; one triangle is read.
    upper : bool

    Raises
    ------
    RuntimeError
        If a matrix is not positive definite.
    """
    check_square("cholesky", A)
    return transposed(_Cholesky.apply(transposed(A))) if upper else _Cholesky.apply(A)


def _qr_gradient(Q: Tensor, R: Tensor, dQ: Tensor, dR: Tensor) -> Tensor:
    """The gradient for square or tall A = Q R."""
    M = R @ transposed(dR) - transposed(dQ) @ Q
    symmetric = _core.tril(M, 0) + transposed(_core.tril(M, -1))
    right = dQ + Q @ symmetric
    return transposed(solve_triangular(R, transposed(right), upper=True))


class _QR(Function):
    @staticmethod
    def forward(ctx: Any, A: Tensor, columns: int) -> Any:
        Q, R = _core.qr_plain(A, columns)
        ctx.save_for_backward(A)
        ctx.result, ctx.columns = (Q, R), columns
        return Q, R

    @staticmethod
    def backward(ctx: Any, dQ: Tensor, dR: Tensor) -> Any:
        (A,) = ctx.saved_tensors
        m, n = A.shape[-2:]
        if ctx.columns > n:
            raise RuntimeError("qr: mode 'complete' has no gradient for matrices with more rows than columns")
        Q, R = _QR.apply(A, ctx.columns) if _core.is_grad_enabled() else ctx.result
        if m >= n:
            return _qr_gradient(Q, R, dQ, dR), None
        # The columns beyond the square: Y = Q V, so dY = Q dV and Q gets Y dV^T more.
        Y, dV = A[..., m:], dR[..., m:]
        square = _qr_gradient(Q, R[..., :m], dQ + Y @ transposed(dV), dR[..., :m])
        return _core.cat([square, Q @ dV], -1), None


@takes_out
def qr(A: Tensor, mode: str = "reduced") -> QRResult:
    """Return Q with orthonormal columns and upper triangular R with A = Q R.

    Parameters
    ----------
    A : Tensor, shape (..., M, N)
    mode : {'reduced', 'complete', 'r'}
        Q of min(M, N) or of M columns, or R alone (Q is then empty, and there is no gradient).

    Raises
    ------
    RuntimeError
        If A has fewer than 2 dims or mode is another word.
    """
    if A.ndim < 2 or not A.dtype.is_floating_point:
        raise RuntimeError(f"qr: needs floating matrices, got {A.dtype} of shape {tuple(A.shape)}")
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"qr: mode must be 'reduced', 'complete' or 'r', got {mode!r}")
    if mode == "r":
        R = _core.qr_plain(A, min(A.shape[-2:]))[1]
        return QRResult(_core.empty_size((0,), dtype=A.dtype, device=A.device), R)
    return QRResult(*_QR.apply(A, A.shape[-2] if mode == "complete" else min(A.shape[-2:])))


def _skew(X: Tensor) -> Tensor:
    return X - transposed(X)


class _Eigh(Function):
    @staticmethod
    def forward(ctx: Any, A: Tensor, upper: bool) -> Any:
        w, V = _core.eigh_plain(A, upper)
        ctx.save_for_backward(A)
        ctx.result, ctx.upper = (w, V), upper
        ctx.set_materialize_grads(False)
        return w, V

    @staticmethod
    def backward(ctx: Any, dw: Tensor | None, dV: Tensor | None) -> Any:
        (A,) = ctx.saved_tensors
        w, V = _Eigh.apply(A, ctx.upper) if _core.is_grad_enabled() else ctx.result
        inner = None
        if dV is not None:
            eye = identity(A)
            gaps = _core.unsqueeze(w, -2) - _core.unsqueeze(w, -1) + eye
            # Of V^T dV the skew part moves along orthonormal vectors; the symmetric A has a symmetric gradient.
            inner = 0.5 * _skew(transposed(V) @ dV) / gaps
        if dw is not None:
            diagonal = _core.unsqueeze(dw, -2) * identity(A)
            inner = diagonal if inner is None else inner + diagonal
        return None if inner is None else V @ inner @ transposed(V), None


def _upper(UPLO: str) -> bool:
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"eigh: UPLO must be 'L' or 'U', got {UPLO!r}")
    return UPLO.upper() == "U"


@takes_out
def eigh(A: Tensor, UPLO: str = "L") -> EighResult:
    """Return eigenvalues, ascending, and orthonormal eigenvectors of symmetric matrices.

    Parameters
    ----------
    A : Tensor, shape (..., N, N)
    UPLO : {'L', 'U'}
        The triangle that is read.

    Returns
    -------
    eigenvalues, eigenvectors : Tensor, shapes (..., N) and (..., N, N)
        Vectors are columns; their signs are arbitrary. Their gradient grows as eigenvalues come close.
    """
    check_square("eigh", A)
    return EighResult(*_Eigh.apply(A, _upper(UPLO)))


@takes_out
def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """Return the eigenvalues of symmetric matrices, ascending, shape (..., N)."""
    check_square("eigvalsh", A)
    return _Eigh.apply(A, _upper(UPLO))[0]


class _SVD(Function):
    @staticmethod
    def forward(ctx: Any, A: Tensor, full: bool) -> Any:
        U, S, Vh = _core.svd_plain(A, full)
        ctx.save_for_backward(A)
        ctx.result = (U, S, Vh)
        ctx.set_materialize_grads(False)
        return U, S, Vh

    @staticmethod
    def backward(ctx: Any, dU: Tensor | None, dS: Tensor | None, dVh: Tensor | None) -> Any:
        (A,) = ctx.saved_tensors
        U, S, Vh = _SVD.apply(A, False) if _core.is_grad_enabled() else ctx.result
        k = S.shape[-1]
        # The vectors that complete a square U or V have no derivative of their own: gradients of those in use.
        U, Vh = U[..., :k], Vh[..., :k, :]
        if dU is None and dVh is None:
            return (None if dS is None else (U * _core.unsqueeze(dS, -2)) @ Vh), None
        row, column = _core.unsqueeze(S, -2), _core.unsqueeze(S, -1)
        eye = _core.eye_plain(k, k, S.dtype, S.device)
        gaps = (row - column) * (row + column) + eye
        inner = 0.0 if dS is None else row * 0 + _core.unsqueeze(dS, -2) * eye
        outer = 0.0
        if dU is not None:
            dU = dU[..., :k]
            part = transposed(U) @ dU
            inner = inner + _skew(part) / gaps * row
            if U.shape[-2] > k:
                outer = outer + ((dU - U @ part) / row) @ Vh
        if dVh is not None:
            dV, V = transposed(dVh[..., :k, :]), transposed(Vh)
            part = transposed(V) @ dV
            inner = inner + column * _skew(part) / gaps
            if V.shape[-2] > k:
                outer = outer + U @ transposed((dV - V @ part) / row)
        return U @ inner @ Vh + outer, None


@takes_out
def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> SVDResult:
    """Return A = U diag(S) Vh with orthonormal columns of U and rows of Vh.

    Parameters
    ----------
    A : Tensor, shape (..., M, N)
    full_matrices : bool
        Square U and Vh; else of min(M, N) columns and rows.
    driver : str, optional
        Accepted for the name's sake: the method is one-sided Jacobi's.

    Returns
    -------
    U, S, Vh : Tensor, shapes (..., M, M or K), (..., K), (..., N or K, N) with K = min(M, N)
        The signs of vectors are arbitrary. Their gradient grows as singular values come close, or close to 0.
    """
    if A.ndim < 2 or not A.dtype.is_floating_point:
        raise RuntimeError(f"svd: needs floating matrices, got {A.dtype} of shape {tuple(A.shape)}")
    return SVDResult(*_SVD.apply(A, full_matrices))


@takes_out
def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """Return the singular values, descending, shape (..., min(M, N))."""
    if A.ndim < 2 or not A.dtype.is_floating_point:
        raise RuntimeError(f"svdvals: needs floating matrices, got {A.dtype} of shape {tuple(A.shape)}")
    return _SVD.apply(A, False)[1]
