"""Products of matrices and vectors, in all their forms."""

from __future__ import annotations

import functools

import numpy as np
from op_case import OpCase, call, f, refuses
from scipy.spatial import distance

SHORT = ("float16", "bfloat16")
SUM = (1e-12, 2e-6)


def pairwise(a, b, p=2.0):
    return (
        distance.cdist(a, b, "minkowski", p=p)
        if a.ndim == 2
        else np.stack([distance.cdist(u, v, "minkowski", p=p) for u, v in zip(a, b, strict=True)])
    )


def renorm(x, p, dim, maxnorm):
    axes = tuple(d for d in range(x.ndim) if d != dim)
    n = (abs(x) ** p).sum(axes, keepdims=True) ** (1 / p)
    return np.where(n > maxnorm, x * maxnorm / (n + 1e-7), x)


ROWS = [
    OpCase(
        "matmul",
        np.matmul,
        (
            call(f(3, 4), f(4, 5)), call(f(4), f(4)), call(f(3, 4), f(4)), call(f(4), f(4, 5)), call(f(2, 3, 4), f(4, 5)), call(f(2, 1, 3, 4), f(5, 4, 2)),
            call(f(2, 3, 4), f(4)), call(f(17, 530), f(530, 33)), call(f(0, 4), f(4, 5)), call(f(3, 0), f(0, 5)),
        ),
        dtypes=("int64", *SHORT),
        rtol=SUM,
        refusals=(
            refuses(f(2, 3), f(4, 5), words=r"^matmul: inner sizes must agree, got \(2, 3\) and \(4, 5\)"),
            refuses(f(2, 3), f(), words="^matmul: 0-d tensors have no product"),
        ),
    ),
    OpCase("mm", np.matmul, (call(f(3, 4), f(4, 5)), call(f(65, 70), f(70, 3))), rtol=SUM,
           refusals=(refuses(f(2, 3), f(3), words=r"^mm: .*2.*\(3,\)"),)),
    OpCase("bmm", np.matmul, (call(f(2, 3, 4), f(2, 4, 5)), call(f(0, 3, 4), f(0, 4, 5))), rtol=SUM,
           refusals=(refuses(f(2, 3, 4), f(3, 4, 5), words=r"^bmm: .*\(2, 3, 4\) and \(3, 4, 5\)"),)),
    OpCase("mv", np.matmul, (call(f(3, 4), f(4)), call(f(70, 1030), f(1030))), rtol=SUM, refusals=(refuses(f(2, 3), f(2), words=r"^mv: .*\(2, 3\) and \(2,\)"),)),
    OpCase("dot", np.dot, (call(f(7), f(7)), call(f(3000, low=-1, high=3), f(3000, low=-1, high=3))), rtol=SUM, refusals=(refuses(f(2), f(3), words=r"^dot: .*\(2,\) and \(3,\)"),)),
    OpCase("vdot", np.vdot, (call(f(7), f(7)),), rtol=SUM),
    OpCase("inner", np.inner, (call(f(7), f(7)), call(f(3, 7), f(2, 7))), rtol=SUM),
    OpCase("outer", np.outer, (call(f(3), f(5)),), aliases=("ger",)),
    OpCase("addmm", lambda x, a, b, beta=1, alpha=1: beta * x + alpha * a @ b, (call(f(3, 5), f(3, 4), f(4, 5)), call(f(5), f(3, 4), f(4, 5), beta=0.5, alpha=-2.0)), rtol=SUM,
           refusals=(refuses(f(3, 5), f(3, 4), f(3, 5), words=r"^addmm: .*\(3, 4\) and \(3, 5\)"),)),
    OpCase("addmv", lambda x, a, b, beta=1, alpha=1: beta * x + alpha * a @ b, (call(f(3), f(3, 4), f(4), beta=0.5, alpha=2.0),), rtol=SUM),
    OpCase("addr", lambda x, a, b, beta=1, alpha=1: beta * x + alpha * np.outer(a, b), (call(f(3, 4), f(3), f(4), beta=0.5, alpha=2.0),), rtol=SUM),
    OpCase("baddbmm", lambda x, a, b, beta=1, alpha=1: beta * x + alpha * a @ b, (call(f(2, 3, 5), f(2, 3, 4), f(2, 4, 5), beta=0.5, alpha=2.0),), rtol=SUM),
    OpCase("addbmm", lambda x, a, b, beta=1, alpha=1: beta * x + alpha * (a @ b).sum(0), (call(f(3, 5), f(2, 3, 4), f(2, 4, 5), beta=0.5, alpha=2.0),), rtol=SUM),
    OpCase("chain_matmul", lambda *m: functools.reduce(np.matmul, m), (call(f(3, 4), f(4, 5), f(5, 2)),), rtol=SUM),
    OpCase(
        "einsum",
        lambda equation, *x: np.einsum(equation, *x),
        tuple(
            call(equation, *[f(*s) for s in shapes])
            for equation, *shapes in [
                ("ij,jk->ik", (3, 4), (4, 5)),
                ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
                ("ii->i", (4, 4)),
                ("ii", (4, 4)),
                ("i,j->ij", (3,), (4,)),
                ("...ij,jk->...ik", (2, 3, 4), (4, 5)),
                ("ij->ji", (3, 4)),
                ("ijk,il,jm->klm", (2, 3, 4), (2, 3), (3, 2)),
                ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
            ]
        ),
        rtol=SUM,
        refusals=(refuses("ij,jk->ik", f(2, 3), f(4, 5), error=(ValueError, RuntimeError), words="einsum"),),
    ),
    OpCase("tensordot", lambda a, b, dims=2: np.tensordot(a, b, dims), (call(f(2, 3, 4), f(3, 4, 5)), call(f(2, 3, 4), f(4, 2), dims=([2, 0], [0, 1]))), rtol=SUM),
    OpCase("kron", np.kron, (call(f(2, 3), f(3, 2)), call(f(3), f(4)))),
    OpCase("cross", lambda a, b, dim=-1: np.cross(a, b, axis=dim), (call(f(5, 3), f(5, 3)), call(f(3, 4), f(3, 4), dim=0)),
           refusals=(refuses(f(2, 4), f(2, 4), error=(ValueError, RuntimeError), words="cross: .*3"),)),
    OpCase("cdist", pairwise, (call(f(3, 4), f(5, 4)), call(f(3, 4), f(5, 4), p=1.0), call(f(2, 3, 4), f(2, 5, 4), p=3.0)), rtol=(1e-12, 5e-6)),
    OpCase("dist", lambda a, b, p=2: np.linalg.norm((a - b).ravel(), p), (call(f(3, 4), f(3, 4)), call(f(3, 4), f(4), 1)), rtol=SUM),
    OpCase("renorm", renorm, (call(f(4, 5), 2, 0, 1.5), call(f(2, 3, 4), 1, 1, 2.0)), rtol=SUM),
    OpCase("F.linear", lambda x, w, b=None: x @ w.T + (0 if b is None else b), (call(f(3, 4), f(5, 4), f(5)), call(f(2, 3, 4), f(5, 4)), call(f(4), f(5, 4), f(5)), call(f(70, 130), f(33, 130), f(33)), call(f(0, 4), f(5, 4), f(5))), rtol=SUM,
           dtypes=SHORT, refusals=(refuses(f(3, 4), f(5, 3), words=r"^linear: input's last size must be .* 3, got input \(3, 4\) and weight \(5, 3\)"),)),
    OpCase("F.bilinear", lambda a, b, w, c=None: np.einsum("ni,oij,nj->no", a, w, b) + (0 if c is None else c), (call(f(3, 4), f(3, 5), f(2, 4, 5), f(2)),), rtol=SUM),
    OpCase("trace", np.trace, (call(f(4, 4)), call(f(3, 5))), refusals=(refuses(f(3), words=r"trace: needs a matrix, got shape \(3,\)"),)),
]  # fmt: skip
