"""einsum: sums of products named by subscripts, reduced pair by pair to batched matrix products."""

from __future__ import annotations

import math

from deepnet import _core
from deepnet._core import Tensor

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _parse(equation: str, tensors: list[Tensor]) -> tuple[list[str], str]:
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(tensors):
        raise RuntimeError(f"einsum: the equation {equation!r} names {len(terms)} operands, got {len(tensors)}")
    free = [c for c in _LETTERS if c not in text]
    widest = max(
        (t.ndim - len(term.replace("...", "")) for term, t in zip(terms, tensors, strict=False) if "..." in term), default=0
    )
    dots = "".join(free[: max(widest, 0)])
    expanded = []
    for term, t in zip(terms, tensors, strict=False):
        if "..." in term:
            count = t.ndim - len(term) + 3
            term = term.replace("...", dots[len(dots) - count :] if count else "")
        if len(term) != t.ndim or not all(c.isalpha() for c in term):
            raise RuntimeError(f"einsum: subscripts {term!r} do not fit an operand of shape {tuple(t.shape)}")
        expanded.append(term)
    if arrow:
        out = right.replace("...", dots)
    else:
        letters = "".join(expanded)
        out = dots + "".join(sorted(c for c in set(letters) - set(dots) if letters.count(c) == 1))
    if len(set(out)) != len(out) or any(c not in "".join(expanded) for c in out):
        raise RuntimeError(f"einsum: the output {out!r} must name letters of the operands, each once")
    return expanded, out


def _diagonals(t: Tensor, term: str) -> tuple[Tensor, str]:
    """A repeated letter within one operand takes its diagonal."""
    for c in dict.fromkeys(term):
        while term.count(c) > 1:
            i, j = term.index(c), term.index(c, term.index(c) + 1)
            if t.shape[i] != t.shape[j]:
                raise RuntimeError(f"einsum: letter {c!r} stands for sizes {t.shape[i]} and {t.shape[j]}")
            t = _core.diagonal(t, 0, i, j)
            term = term[:i] + term[i + 1 : j] + term[j + 1 :] + c
    return t, term


def _arrange(t: Tensor, term: str, order: str) -> Tensor:
    """T with its dims in `order`, size 1 where it lacks a letter."""
    t = _core.permute(t, [term.index(c) for c in order if c in term])
    for i, c in enumerate(order):
        if c not in term:
            t = _core.unsqueeze(t, i)
    return t


def _multiply(a: Tensor, ta: str, b: Tensor, tb: str, keep: set[str]) -> tuple[Tensor, str]:
    """The product of two operands, summed over letters that nothing later needs."""
    for c in set(ta) & set(tb):
        i, j = a.shape[ta.index(c)], b.shape[tb.index(c)]
        if i != j and 1 not in (i, j):
            raise RuntimeError(f"einsum: letter {c!r} stands for sizes {i} and {j}")
    a, ta = _sum_out(a, ta, [c for c in ta if c not in tb and c not in keep])
    b, tb = _sum_out(b, tb, [c for c in tb if c not in ta and c not in keep])
    both = [c for c in ta if c in tb]
    batch, inner = [c for c in both if c in keep], [c for c in both if c not in keep]
    rows, cols = [c for c in ta if c not in tb], [c for c in tb if c not in ta]
    if not inner:
        order = "".join(batch + rows + cols)
        return _arrange(a, ta, order) * _arrange(b, tb, order), order
    sizes = {c: max(a.shape[ta.index(c)] if c in ta else 1, b.shape[tb.index(c)] if c in tb else 1) for c in ta + tb}

    def arranged(t: Tensor, term: str, letters: list[str]) -> Tensor:
        order = "".join(batch + letters)
        return _core.expand(_arrange(t, term, order), [sizes[c] for c in order])

    def count(letters: list[str]) -> int:
        return math.prod(sizes[c] for c in letters)

    left = _core.reshape(arranged(a, ta, rows + inner), (count(batch), count(rows), count(inner)))
    right = _core.reshape(arranged(b, tb, inner + cols), (count(batch), count(inner), count(cols)))
    order = "".join(batch + rows + cols)
    return _core.reshape(_core.bmm(left, right), [sizes[c] for c in order]), order


def _sum_out(t: Tensor, term: str, letters: list[str]) -> tuple[Tensor, str]:
    if not letters:
        return t, term
    return _core.sum(t, [term.index(c) for c in letters]), "".join(c for c in term if c not in letters)


def contract(equation: str, tensors: list[Tensor]) -> Tensor:
    """Evaluate an einsum equation from left to right."""
    terms, out = _parse(equation, tensors)
    pairs = [_diagonals(t, term) for t, term in zip(tensors, terms, strict=False)]
    value, term = pairs[0]
    for k, (other, other_term) in enumerate(pairs[1:], 1):
        later = set(out) | {c for _, rest in pairs[k + 1 :] for c in rest}
        value, term = _multiply(value, term, other, other_term, later)
    value, term = _sum_out(value, term, [c for c in term if c not in out])
    return _core.permute(value, [term.index(c) for c in out])
