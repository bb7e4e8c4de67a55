"""What rows cannot say of decompositions: that factors multiply to the matrix, are orthonormal, and share their bits."""

from __future__ import annotations

import numpy as np
import pytest

import deepnet as dn

SHAPES = [(1, 1), (3, 3), (7, 4), (4, 7), (30, 30), (2, 3, 5, 5), (0, 3), (2, 0, 4)]


def drawn(shape, rank=None, seed=0):
    a = np.random.default_rng(seed).standard_normal(shape)
    if rank is not None:
        a[..., rank:] = a[..., :1] * 2.0
    return a


def orthonormal(columns):
    gram = np.swapaxes(columns, -1, -2) @ columns
    return np.allclose(gram, np.eye(gram.shape[-1]), atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("full", [False, True])
def test_svd_gives_the_matrix_back(shape, full):
    a = drawn(shape)
    U, S, Vh = (t.numpy() for t in dn.linalg.svd(dn.tensor(a), full_matrices=full))
    k = min(shape[-2:])
    assert np.allclose((U[..., :k] * S[..., None, :]) @ Vh[..., :k, :], a, atol=1e-12)
    assert orthonormal(U)
    assert orthonormal(np.swapaxes(Vh, -1, -2))
    assert np.all(np.diff(S, axis=-1) <= 0)
    assert np.all(S >= 0)
    assert np.allclose(S, np.linalg.svd(a, compute_uv=False), atol=1e-12)


@pytest.mark.parametrize("shape", [(5, 5), (6, 4), (4, 6)])
def test_svd_of_a_matrix_without_full_rank_completes_the_vectors(shape):
    a = drawn(shape, rank=2)
    U, S, Vh = (t.numpy() for t in dn.linalg.svd(dn.tensor(a)))
    assert orthonormal(U)
    assert orthonormal(Vh.T)
    assert np.allclose(S[2:], 0, atol=1e-12)


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (40, 40), (2, 3, 6, 6), (0, 0)])
@pytest.mark.parametrize("triangle", ["L", "U"])
def test_eigh_reads_one_triangle(shape, triangle):
    a = drawn(shape)
    half = np.tril(a) if triangle == "L" else np.triu(a)
    whole = half + np.swapaxes(half, -1, -2) * (1 - np.eye(shape[-1]))
    w, V = (t.numpy() for t in dn.linalg.eigh(dn.tensor(a), triangle))
    assert np.allclose(whole @ V, V * w[..., None, :], atol=1e-11)
    assert orthonormal(V)
    assert np.array_equal(w, dn.linalg.eigvalsh(dn.tensor(a), triangle).numpy())


def test_equal_eigenvalues_have_orthonormal_vectors():
    w, V = (t.numpy() for t in dn.linalg.eigh(dn.eye(5, dtype=dn.float64) * 3))
    assert np.array_equal(w, np.full(5, 3.0))
    assert orthonormal(V)


@pytest.mark.parametrize("mode", ["reduced", "complete", "r"])
@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (3, 6), (2, 5, 3)])
def test_qr_gives_the_matrix_back(shape, mode):
    a = drawn(shape)
    Q, R = (t.numpy() for t in dn.linalg.qr(dn.tensor(a), mode))
    if mode == "r":
        assert Q.size == 0
        assert np.allclose(np.abs(R), np.abs(np.linalg.qr(a, "r")), atol=1e-12)
    else:
        assert orthonormal(Q)
        assert np.allclose(Q @ R, a, atol=1e-12)


def test_a_matrix_in_a_batch_has_the_bits_that_it_has_alone():
    a = dn.tensor(drawn((4, 6, 6)))
    for f in (dn.linalg.svd, dn.linalg.qr, dn.linalg.inv, lambda x: dn.linalg.eigh(x + x.mT)):
        batch, alone = f(a), f(a[2])
        for b, one in zip(batch, alone, strict=True) if isinstance(batch, tuple) else [(batch, alone)]:
            assert dn.equal(b[2], one)


def test_singular_and_indefinite_matrices_are_named():
    a = dn.zeros(2, 3, 3)
    a[0] = dn.eye(3)
    with pytest.raises(RuntimeError, match="solve: matrix 1 of the batch is singular"):
        dn.linalg.inv(a)
    with pytest.raises(RuntimeError, match="cholesky: matrix 1 of the batch is not positive definite.*order 1"):
        dn.linalg.cholesky(a)
    assert dn.linalg.det(a).tolist() == [1.0, 0.0]
    assert dn.linalg.slogdet(a).sign.tolist() == [1.0, 0.0]


def test_the_determinant_of_a_singular_matrix_has_its_cofactors_as_gradient():
    a = dn.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=dn.float64, requires_grad=True)
    dn.linalg.det(a).backward()
    assert np.allclose(a.grad.numpy(), [[4.0, -2.0], [-2.0, 1.0]], atol=1e-12)


def wobble(*shape):
    return dn.tensor(drawn(shape)).requires_grad_()


GRADIENTS = {
    "solve": (dn.linalg.solve, (wobble(2, 3, 3), wobble(3, 2))),
    "inv": (dn.linalg.inv, (wobble(2, 3, 3),)),
    "det": (dn.linalg.det, (wobble(3, 3),)),
    "cholesky": (lambda a: dn.linalg.cholesky(a @ a.mT + dn.eye(3, dtype=a.dtype)), (wobble(3, 3),)),
    "solve_triangular": (lambda a, b: dn.linalg.solve_triangular(a, b, upper=True), (wobble(3, 3), wobble(3, 2))),
    "qr, tall": (dn.linalg.qr, (wobble(4, 3),)),
    "qr, wide": (dn.linalg.qr, (wobble(3, 5),)),
    "eigh": (lambda a: [t * t for t in dn.linalg.eigh(a + a.mT)], (wobble(4, 4),)),
    "svd, tall": (lambda a: [t * t for t in dn.linalg.svd(a, full_matrices=False)], (wobble(4, 3),)),
    "svd, wide": (lambda a: [t * t for t in dn.linalg.svd(a, full_matrices=False)], (wobble(3, 5),)),
    "nuclear norm": (lambda a: dn.linalg.matrix_norm(a, "nuc"), (wobble(3, 4),)),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_first_and_second_derivatives(name):
    f, inputs = GRADIENTS[name]
    assert dn.autograd.gradcheck(f, inputs)
    assert dn.autograd.gradgradcheck(f, inputs)
