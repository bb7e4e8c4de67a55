"""Losses."""

from __future__ import annotations

import itertools

import numpy as np
from op_case import Input, OpCase, call, f, given, ints, refuses
from scipy import special

import deepnet as dn
from deepnet.nn import functional as F

SUM = (1e-12, 3e-6)


def reduced(loss, reduction="mean"):
    return {"mean": np.mean, "sum": np.sum, "none": lambda x: x}[reduction](loss)


def elementwise(name, term, *inputs, refusals=(), **options):
    """A loss of single elements under each reduction, and once with each option."""

    def reference(*args, reduction="mean", **more):
        return reduced(term(*args, **more), reduction)

    calls = [call(*inputs, reduction=r) for r in ("mean", "sum", "none")] + [
        call(*inputs, **{k: v}) for k, v in options.items()
    ]
    bad = refuses(
        *inputs, reduction="product", error=ValueError, words="reduction must be 'none', 'mean' or 'sum', got 'product'"
    )
    return OpCase(f"F.{name}", reference, tuple(calls), rtol=SUM, refusals=(bad, *refusals))


def cross_entropy(x, target, weight=None, reduction="mean", ignore_index=-100, label_smoothing=0.0, log=True):
    logp = special.log_softmax(x, 1) if log else x
    classes = x.shape[1]
    w = (np.ones(classes) if weight is None else weight).reshape(1, -1, *[1] * (x.ndim - 2))
    if target.dtype.kind == "f":
        t = target * (1 - label_smoothing) + label_smoothing / classes
        loss = -(w * t * logp).sum(1)
        return loss.sum() / (loss.size) if reduction == "mean" else reduced(loss, reduction)
    there = target != ignore_index
    safe = np.where(there, target, 0)
    at = np.expand_dims(safe, 1)
    w_at = np.take_along_axis(np.broadcast_to(w, x.shape), at, 1).squeeze(1) * there
    loss = -np.take_along_axis(logp, at, 1).squeeze(1) * w_at
    smooth = -(w * logp).sum(1) * there / classes
    total = (1 - label_smoothing) * loss + label_smoothing * smooth
    return total.sum() / w_at.sum() if reduction == "mean" else reduced(total, reduction)


def nll(x, target, weight=None, **more):
    return cross_entropy(x, target, weight, log=False, **more)


def huber(x, t, delta=1.0):
    d = abs(x - t)
    return np.where(d <= delta, d * d / 2, delta * (d - delta / 2))


def smooth_l1(x, t, beta=1.0):
    d = abs(x - t)
    return np.where(d < beta, d * d / 2 / beta, d - beta / 2)


def bce(x, t, weight=1.0):
    return -(t * np.log(x) + (1 - t) * np.log(1 - x)) * weight


def bce_logits(x, t, weight=1.0, pos_weight=1.0):
    return -(pos_weight * t * special.log_expit(x) + (1 - t) * special.log_expit(-x)) * weight


def kl(x, t, reduction="mean", log_target=False):
    loss = np.exp(t) * (t - x) if log_target else special.xlogy(t, t) - t * x
    return loss.sum() / x.shape[0] if reduction == "batchmean" else reduced(loss, reduction)


def poisson(x, t, log_input=True, full=False):
    loss = np.exp(x) - t * x if log_input else x - t * np.log(x + 1e-8)
    return loss + np.where(t > 1, t * np.log(t) - t + 0.5 * np.log(2 * np.pi * t), 0) if full else loss


def gaussian(x, t, var, full=False):
    return 0.5 * (np.log(var) + (x - t) ** 2 / var) + (0.5 * np.log(2 * np.pi) if full else 0)


def distance(a, b, p=2.0, eps=1e-6):
    return (abs(a - b + eps) ** p).sum(-1) ** (1 / p)


def triplet(a, p, n, margin=1.0, swap=False):
    far = np.minimum(distance(a, n), distance(p, n)) if swap else distance(a, n)
    return np.maximum(distance(a, p) - far + margin, 0)


def cosine(a, b, dim=1):
    return (a * b).sum(dim) / np.sqrt((a * a).sum(dim) * (b * b).sum(dim))


def multi_margin(x, target, p=1, margin=1.0, weight=None):
    out = []
    for row, t in zip(x, target, strict=True):
        terms = np.delete(np.maximum(margin - row[t] + row, 0) ** p, t)
        out.append(terms.sum() / len(row) * (1 if weight is None else weight[t]))
    return np.array(out)


def multilabel_margin(x, target):
    out = []
    for row, t in zip(x, target, strict=True):
        labels = t[: list(t).index(-1)] if -1 in t else t
        others = [c for c in range(len(row)) if c not in labels]
        out.append(sum(max(0, 1 - row[a] + row[c]) for a in labels for c in others) / len(row))
    return np.array(out)


def ctc(logits, targets, in_len, out_len, reduction="mean", blank=0):
    """The sum over all paths, one by one."""
    p = special.softmax(logits, 2)
    losses = []
    for n, (t_len, s_len) in enumerate(zip(in_len, out_len, strict=True)):
        total = 0.0
        for path in itertools.product(range(p.shape[2]), repeat=t_len):
            if [k for k, _ in itertools.groupby(path) if k != blank] == list(targets[n, :s_len]):
                total += np.prod([p[t, n, c] for t, c in enumerate(path)])
        losses.append(-np.log(total))
    losses = np.array(losses)
    return (losses / np.maximum(out_len, 1)).mean() if reduction == "mean" else reduced(losses, reduction)


def signs(*shape: int) -> Input:
    return given(np.where(np.random.default_rng(1).random(shape) < 0.5, -1, 1))


X = f(4, 5, low=-3, high=3)
T = f(4, 5, low=-3, high=3)
P = f(4, 5, low=0.1, high=0.9)
LOGITS = f(4, 5)
CLASSES = ints(4)
OUT = {"error": IndexError}

ROWS = [
    elementwise("mse_loss", lambda x, t: (x - t) ** 2, X, T),
    elementwise("l1_loss", lambda x, t: abs(x - t), X, T),
    elementwise("smooth_l1_loss", smooth_l1, X, T, beta=0.7, refusals=(refuses(X, T, beta=-1.0, error=ValueError, words="smooth_l1_loss: beta must not be negative, got -1.0"),)),
    elementwise("huber_loss", huber, X, T, delta=0.7, refusals=(refuses(X, T, delta=0.0, error=ValueError, words="huber_loss: delta must be positive, got 0.0"),)),
    elementwise("binary_cross_entropy", bce, P, P, weight=f(5, low=0.5, high=2), refusals=(refuses(P, f(4, 4, low=0.1, high=0.9), error=ValueError, words=r"binary_cross_entropy: target and input must have one size, got \(4, 4\) and \(4, 5\)"),)),
    elementwise("binary_cross_entropy_with_logits", bce_logits, X, P, weight=f(5, low=0.5, high=2), pos_weight=f(5, low=0.5, high=2)),
    OpCase("F.kl_div", kl, (*[call(LOGITS, P, reduction=r) for r in ("mean", "sum", "none", "batchmean")], call(LOGITS, LOGITS, log_target=True)), rtol=SUM),
    elementwise("poisson_nll_loss", poisson, P, f(4, 5, low=0.5, high=4, kinks=(1,)), log_input=False, full=True),
    elementwise("gaussian_nll_loss", gaussian, X, T, f(4, 5, low=0.3, high=2), full=True, refusals=(refuses(X, T, f(4, 3, low=0.3), error=ValueError, words=r"gaussian_nll_loss: var is of incorrect size \(4, 3\) for \(4, 5\)"),)),
    OpCase("F.cross_entropy", cross_entropy,
           (*[call(LOGITS, CLASSES, reduction=r) for r in ("mean", "sum", "none")], call(LOGITS, given([1, -100, 4, -100]), f(5, low=0.5, high=2, grad=False)), call(LOGITS, given([1, 2, 4, 2]), ignore_index=2, label_smoothing=0.2),
            call(LOGITS, CLASSES, f(5, low=0.5, high=2, grad=False), label_smoothing=0.1, reduction="sum"), call(LOGITS, f(4, 5, low=0, high=1)), call(LOGITS, f(4, 5, low=0, high=1), f(5, low=0.5, grad=False), label_smoothing=0.3), call(f(2, 3, 4, 2), ints(2, 4, 2, high=3)), call(f(70, 33), ints(70, high=33))), rtol=SUM,
           refusals=(refuses(LOGITS, given([0, 1, 5, 2]), words="^cross_entropy: target 5 is out of range for 5 classes", **OUT),
                     refuses(LOGITS, ints(3), error=(ValueError, RuntimeError), words=r"^cross_entropy: .*\(3,\).*\(4, 5\)|^cross_entropy: .*\(4, 5\).*\(3,\)"),
                     refuses(LOGITS, CLASSES, reduction="product", error=ValueError, words="^cross_entropy: reduction .*'product'"))),
    OpCase("F.nll_loss", nll, (*[call(LOGITS, CLASSES, reduction=r) for r in ("mean", "sum", "none")], call(LOGITS, given([1, -100, 4, -100]), f(5, low=0.5, high=2, grad=False)), call(f(2, 3, 4), ints(2, 4, high=3), ignore_index=1)), rtol=SUM,
           refusals=(refuses(LOGITS, given([0, 1, 5, 2]), words="5 is out of range for", **OUT),)),
    elementwise("soft_margin_loss", lambda x, t: np.log1p(np.exp(-t * x)), X, signs(4, 5)),
    elementwise("hinge_embedding_loss", lambda x, t, margin=1.0: np.where(t == 1, x, np.maximum(0, margin - x)), f(4, 5, low=-3, high=3, kinks=(1, 0.5)), signs(4, 5), margin=0.5),
    elementwise("margin_ranking_loss", lambda a, b, t, margin=0.0: np.maximum(0, -t * (a - b) + margin), X, T, signs(4, 5), margin=0.5),
    elementwise("cosine_embedding_loss", lambda a, b, t, margin=0.0: np.where(t == 1, 1 - cosine(a, b), np.maximum(0, cosine(a, b) - margin)), X, T, signs(4), margin=-0.9,
                refusals=(refuses(X, T, signs(4, 5), error=ValueError, words=r"cosine_embedding_loss: .*got \(4, 5\), \(4, 5\) and \(4, 5\)"),)),
    elementwise("triplet_margin_loss", triplet, X, T, f(4, 5), margin=2.0, swap=True, refusals=(refuses(X, T, T, margin=0.0, error=ValueError, words="triplet_margin_loss: margin must be greater than 0, got 0.0"),)),
    elementwise("triplet_margin_with_distance_loss", triplet, X, T, f(4, 5), margin=2.0),
    elementwise("multi_margin_loss", multi_margin, LOGITS, CLASSES, p=2, weight=f(5, low=0.5, high=2, grad=False), refusals=(refuses(LOGITS, CLASSES, p=3, error=ValueError, words="multi_margin_loss: only p = 1 and p = 2 are supported, got 3"),)),
    elementwise("multilabel_margin_loss", multilabel_margin, f(3, 4), given([[2, 0, -1, 1], [3, -1, 0, 0], [0, 1, 2, 3]]), refusals=(refuses(f(3, 4), ints(3, 3), error=ValueError, words=r"multilabel_margin_loss: inconsistent sizes \(3, 3\) and \(3, 4\)"),)),
    elementwise("multilabel_soft_margin_loss", lambda x, t, weight=1.0: bce_logits(x, t, weight).mean(-1), X, P, weight=f(5, low=0.5, high=2)),
    OpCase("F.ctc_loss", ctc, tuple(call(f(4, 2, 3), given([[1, 2], [2, 2]]), [4, 3], [2, 1], reduction=r) for r in ("mean", "sum", "none")), rtol=(1e-12, 5e-6),
           function=lambda x, *args, **kwargs: F.ctc_loss(dn.log_softmax(x, 2), *args, **kwargs),
           refusals=(refuses(f(4, 2, 3), given([[1], [2]]), [5, 4], [1, 1], error=ValueError, words="ctc_loss: input_lengths must be at most 4, got 5"),)),
    OpCase("F.cosine_similarity", lambda a, b, dim=1: cosine(a, b, dim), (call(X, T), call(X, T, 0)), rtol=SUM),
    OpCase("F.pairwise_distance", lambda a, b, p=2.0, keepdim=False: distance(a, b, p) if not keepdim else distance(a, b, p)[..., None], (call(X, T), call(X, T, 1.0, keepdim=True)), rtol=SUM),
    OpCase("F.pdist", lambda x, p=2.0: np.array([(abs(a - b) ** p).sum() ** (1 / p) for a, b in itertools.combinations(x, 2)]), (call(f(5, 3)), call(f(5, 3), 1.0)), rtol=SUM, refusals=(refuses(f(3), error=ValueError, words=r"pdist: expected a 2-D tensor, got shape \(3,\)"),)),
]  # fmt: skip
