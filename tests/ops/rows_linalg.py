"""Linear algebra: factorisations are compared by what does not depend on the signs of their vectors."""

from __future__ import annotations

import functools

import numpy as np
from op_case import OpCase, call, f, refuses
from scipy import linalg

import deepnet as dn

NEAR = (1e-10, 1e-4)
SQUARE = f(2, 4, 4)
SQUARES = {"error": RuntimeError, "words": r"needs square matrices, got shape \(2, 3\)"}


def symmetric(a):
    return a + a.swapaxes(-1, -2)


def positive(a):
    eye = dn.eye(a.shape[-1], dtype=a.dtype, device=a.device) if isinstance(a, dn.Tensor) else np.eye(a.shape[-1])
    return a @ a.swapaxes(-1, -2) + eye


def rebuilt(w, v, exp):
    """A function of a symmetric matrix, through its eigenvectors."""
    return w, (v * exp(w)[..., None, :]) @ v.swapaxes(-1, -2)


def qr(a):
    q, r = dn.linalg.qr(a)
    sign = dn.sign(dn.diagonal(r, 0, -2, -1)).detach()
    return q * sign.unsqueeze(-2), r * sign.unsqueeze(-1)


def qr_reference(a):
    q, r = np.linalg.qr(a)
    sign = np.sign(np.diagonal(r, 0, -2, -1))
    return q * sign[..., None, :], r * sign[..., None]


def svd(a):
    u, s, vh = dn.linalg.svd(a, full_matrices=False)
    return s, (u * dn.exp(s).unsqueeze(-2)) @ vh


def svd_reference(a):
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return s, (u * np.exp(s)[..., None, :]) @ vh


def solve_triangular(a, b, upper, unitriangular=False):
    return np.stack(
        [linalg.solve_triangular(m, n, lower=not upper, unit_diagonal=unitriangular) for m, n in zip(a, b, strict=True)]
    )


def dominant(a):
    """Diagonals away from zero."""
    return a + 3 * (dn.eye(4, dtype=a.dtype) if isinstance(a, dn.Tensor) else np.eye(4))


ROWS = [
    OpCase("linalg.det", np.linalg.det, (call(SQUARE), call(f(3, 3))), rtol=NEAR, aliases=("det",), refusals=(refuses(f(2, 3), **SQUARES),)),
    OpCase("linalg.slogdet", lambda a: tuple(np.linalg.slogdet(a)), (call(SQUARE),), rtol=NEAR, aliases=("slogdet",)),
    OpCase("linalg.logdet", lambda a: np.linalg.slogdet(positive(a))[1], (call(SQUARE),), rtol=NEAR, function=lambda a: dn.linalg.logdet(positive(a))),
    OpCase("linalg.inv", np.linalg.inv, (call(f(3, 3)),), rtol=NEAR, aliases=("inverse",), refusals=(refuses(f(2, 3), **SQUARES),)),
    OpCase("linalg.solve", np.linalg.solve, (call(f(3, 3), f(3, 2)), call(f(2, 3, 3), f(2, 3, 2))), rtol=NEAR),
    OpCase("linalg.solve_triangular", lambda a, b, **k: solve_triangular(dominant(a), b, **k), (call(SQUARE, f(2, 4, 3), upper=True), call(SQUARE, f(2, 4, 3), upper=False, unitriangular=True)), rtol=NEAR,
           function=lambda a, b, **k: dn.linalg.solve_triangular(dominant(a), b, **k)),
    OpCase("linalg.cholesky", lambda a: np.linalg.cholesky(positive(a)), (call(SQUARE),), rtol=NEAR, function=lambda a: dn.linalg.cholesky(positive(a))),
    OpCase("linalg.qr", qr_reference, (call(f(4, 3)), call(f(2, 3, 3))), rtol=NEAR, function=qr),
    OpCase("linalg.eigh", lambda a: rebuilt(*np.linalg.eigh(symmetric(a)), np.exp), (call(SQUARE),), rtol=NEAR, function=lambda a: rebuilt(*dn.linalg.eigh(symmetric(a)), dn.exp)),
    OpCase("linalg.eigvalsh", lambda a: np.linalg.eigvalsh(symmetric(a)), (call(SQUARE),), rtol=NEAR, function=lambda a: dn.linalg.eigvalsh(symmetric(a))),
    OpCase("linalg.svd", svd_reference, (call(f(4, 3)), call(f(2, 3, 3))), rtol=NEAR, function=svd),
    OpCase("linalg.svdvals", lambda a: np.linalg.svd(a, compute_uv=False), (call(f(4, 3)),), rtol=NEAR),
    OpCase("linalg.matrix_power", np.linalg.matrix_power, (call(f(3, 3), 3), call(f(3, 3), 0), call(f(3, 3), -2)), rtol=NEAR, aliases=("matrix_power",)),
    OpCase("linalg.multi_dot", lambda m: functools.reduce(np.matmul, m), (call([f(3, 4), f(4, 5), f(5, 2)]),), rtol=(1e-12, 2e-6)),
    OpCase("linalg.vecdot", lambda x, y, dim=-1: (x * y).sum(dim), (call(f(3, 4), f(3, 4)), call(f(3, 4), f(3, 1), dim=0)), rtol=(1e-12, 2e-6)),
    OpCase("linalg.cross", lambda a, b, dim=-1: np.cross(a, b, axis=dim), (call(f(5, 3), f(5, 3)),)),
    OpCase("linalg.diagonal", lambda a, offset=0: np.diagonal(a, offset, -2, -1), (call(SQUARE), call(SQUARE, offset=1))),
    OpCase("linalg.vander", lambda x, N=None: np.vander(x, N, True), (call(f(5)), call(f(5), N=3))),
    OpCase("linalg.vector_norm", lambda x, ord=2, dim=None: np.linalg.norm(x.ravel() if dim is None else x, ord, axis=dim), (call(f(3, 4)), call(f(3, 4, kinks=(0,)), 1, 1), call(f(3, 4, kinks=(0,)), np.inf), call(f(3, 4, kinks=(0,)), 3, 0)), rtol=(1e-13, 1e-6)),
    OpCase("linalg.matrix_norm", lambda a, ord="fro": np.linalg.norm(a, ord, axis=(-2, -1)), tuple(call(f(2, 4, 3, kinks=(0,)), ord) for ord in ("fro", 1, -1, np.inf, 2, "nuc")), rtol=NEAR),
    OpCase("linalg.norm", lambda x, ord=None, dim=None: np.linalg.norm(x, ord, axis=dim), (call(f(3, 4)), call(f(3, 4, kinks=(0,)), 1, 1), call(f(5, kinks=(0,)), 3)), rtol=NEAR),
]  # fmt: skip
