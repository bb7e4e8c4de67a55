"""Similarities and distances."""

from __future__ import annotations

import deepnet
from deepnet._core import Tensor
from deepnet.operators.products import row_norm


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 · x2 / (max(|x1|, eps) * max(|x2|, eps)) along `dim`; the two broadcast.

    Examples
    --------
    >>> import deepnet, deepnet.nn.functional as F
    >>> F.cosine_similarity(deepnet.tensor([[3.0, 4.0]]), deepnet.tensor([[6.0, 8.0]]))
    tensor([1.])
    """
    shape = (x1 * 0 + x2 * 0).shape if x1.shape != x2.shape else x1.shape
    a, b = x1.expand(shape), x2.expand(shape)
    a = a / deepnet.norm(a, 2, dim, True).clamp(min=eps)
    b = b / deepnet.norm(b, 2, dim, True).clamp(min=eps)
    return (a * b).sum(dim)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last axis."""
    return deepnet.norm(x1 - x2 + eps, p, -1, keepdim)


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm distances between all pairs of rows.

    Parameters
    ----------
    input : Tensor, shape (N, M)
    p : float

    Returns
    -------
    Tensor, shape (N * (N - 1) / 2,), pairs (0, 1), (0, 2), ..., (N - 2, N - 1)
    """
    if input.dim() != 2:
        raise ValueError(f"pdist: expected a 2-D tensor, got shape {tuple(input.shape)}")
    n = input.shape[0]
    first = [i for i in range(n) for _ in range(i + 1, n)]
    second = [j for i in range(n) for j in range(i + 1, n)]
    i = deepnet.tensor(first, dtype=deepnet.int64, device=input.device)
    j = deepnet.tensor(second, dtype=deepnet.int64, device=input.device)
    return row_norm(input.index_select(0, i) - input.index_select(0, j), p)


__all__ = ["cosine_similarity", "pairwise_distance", "pdist"]
