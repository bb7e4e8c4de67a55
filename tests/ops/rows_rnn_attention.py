"""Recurrent layers over whole sequences, attention, embeddings."""

from __future__ import annotations

import numpy as np
from op_case import OpCase, call, f, given, ints, refuses
from scipy import special

from deepnet import _core
from deepnet.nn import functional as F

SUM = (1e-12, 5e-6)
GATES = {"lstm": 4, "gru": 3, "rnn": 1}


def cell(kind, x, h, c, w_ih, w_hh, b_ih, b_hh, nonlinearity):
    a, b = x @ w_ih.T + b_ih, h @ w_hh.T + b_hh
    if kind == "rnn":
        return (np.tanh(a + b) if nonlinearity == "tanh" else np.maximum(a + b, 0)), c
    if kind == "gru":
        (ra, za, na), (rb, zb, nb) = np.split(a, 3, 1), np.split(b, 3, 1)
        r, z = special.expit(ra + rb), special.expit(za + zb)
        n = np.tanh(na + r * nb)
        return (1 - z) * n + z * h, c
    i, forget, g, o = np.split(a + b, 4, 1)
    c = special.expit(forget) * c + special.expit(i) * np.tanh(g)
    return special.expit(o) * np.tanh(c), c


def recurrent(kind):
    def reference(x, h0, *rest, has_biases=True, num_layers=1, bidirectional=False, nonlinearity="tanh"):
        c0, weights = rest if kind == "lstm" else (np.zeros_like(h0), rest[0])
        each = 4 if has_biases else 2
        hs, cs = [], []
        for layer in range(num_layers):
            sides = []
            for side in range(1 + bidirectional):
                k = layer * (1 + bidirectional) + side
                w = weights[k * each : (k + 1) * each]
                w = [*w, 0.0, 0.0] if not has_biases else w
                h, c, out = h0[k], c0[k], []
                for step in x[::-1] if side else x:
                    h, c = cell(kind, step, h, c, *w, nonlinearity)
                    out.append(h)
                sides.append(np.stack(out[::-1] if side else out))
                hs.append(h)
                cs.append(c)
            x = np.concatenate(sides, -1)
        return (x, np.stack(hs), np.stack(cs)) if kind == "lstm" else (x, np.stack(hs))

    return reference


def run(kind):
    def function(*args, has_biases=True, num_layers=1, bidirectional=False, nonlinearity="tanh"):
        more = {"nonlinearity": nonlinearity} if kind == "rnn" else {}
        return getattr(_core, kind)(*args, has_biases, num_layers, 0.0, False, bidirectional, **more)

    return function


def recurrent_row(kind):
    """One layer; two layers in both directions without biases."""
    t, n, features, hidden, g = 4, 2, 3, 5, GATES[kind]

    def weights(layers, sides, biases):
        w = []
        for layer in range(layers):
            for _ in range(sides):
                w += [
                    f(g * hidden, features if layer == 0 else sides * hidden, low=-1, high=1),
                    f(g * hidden, hidden, low=-1, high=1),
                ]
                w += [f(g * hidden, low=-1, high=1)] * (2 * biases)
        return w

    def states(k):
        return [f(k, n, hidden, low=-1, high=1)] * (2 if kind == "lstm" else 1)

    calls = [
        call(f(t, n, features), *states(1), weights(1, 1, True)),
        call(f(t, n, features), *states(4), weights(2, 2, False), has_biases=False, num_layers=2, bidirectional=True),
    ]
    if kind == "rnn":
        calls.append(call(f(t, n, features), *states(1), weights(1, 1, True), nonlinearity="relu"))
    bad = [f(1, n, hidden + 1)] * (2 if kind == "lstm" else 1)
    refusals = (
        refuses(f(t, n, features), *bad, weights(1, 1, True), words=rf"^{kind}: initial states must have shape"),
        refuses(
            f(n, features),
            *states(1),
            weights(1, 1, True),
            words=rf"^{kind}: input must be \(T, N, features\), got shape \(2, 3\)",
        ),
    )
    return OpCase(f"{kind}_layers", recurrent(kind), tuple(calls), rtol=SUM, function=run(kind), refusals=refusals)


def attention(q, k, v, mask=None, is_causal=False, scale=None, enable_gqa=False):
    if enable_gqa:
        k, v = (np.repeat(t, q.shape[-3] // t.shape[-3], -3) for t in (k, v))
    scores = q @ np.swapaxes(k, -1, -2) * (1 / np.sqrt(q.shape[-1]) if scale is None else scale)
    if is_causal:
        scores = np.where(np.tril(np.ones(scores.shape[-2:], bool)), scores, -np.inf)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    return special.softmax(scores, -1) @ v


def multi_head(query, key, value, w_in, b_in, w_out, b_out, heads):
    e = query.shape[-1]
    q, k, v = (x @ w.T + b for x, w, b in zip((query, key, value), np.split(w_in, 3), np.split(b_in, 3), strict=True))

    def split(x):
        return x.reshape(x.shape[0], x.shape[1], heads, -1).transpose(1, 2, 0, 3)

    q, k, v = split(q), split(k), split(v)
    weights = special.softmax(q @ np.swapaxes(k, -1, -2) / np.sqrt(e // heads), -1)
    out = (weights @ v).transpose(2, 0, 1, 3).reshape(query.shape)
    return out @ w_out.T + b_out, weights.mean(1)


def run_multi_head(query, key, value, w_in, b_in, w_out, b_out, heads):
    return F.multi_head_attention_forward(
        query, key, value, query.shape[-1], heads, w_in, b_in, None, None, False, 0.0, w_out, b_out
    )


def bag(input, weight, offsets=None, mode="mean", per_sample_weights=None):
    bags = np.split(input, offsets[1:]) if offsets is not None else list(input)
    factors = np.ones(input.shape) if per_sample_weights is None else per_sample_weights
    shares = np.split(factors, offsets[1:]) if offsets is not None else list(factors)
    combine = {"sum": np.sum, "mean": np.mean, "max": np.max}[mode]
    return np.stack(
        [combine(weight[i] * s[:, None], 0) if len(i) else np.zeros(weight.shape[1]) for i, s in zip(bags, shares, strict=True)]
    )


MASK = given(np.array([[True, False, True, True, False], [False, True, True, False, True], [True, True, True, True, True]]))
Q, K, V = f(2, 2, 3, 4), f(2, 2, 5, 4), f(2, 2, 5, 6)

ROWS = [
    recurrent_row("lstm"),
    recurrent_row("gru"),
    recurrent_row("rnn"),
    OpCase("F.scaled_dot_product_attention", attention,
           (call(Q, K, V), call(f(3, 4), f(5, 4), f(5, 6), MASK), call(Q, K, V, f(3, 5)), call(f(1, 5, 4), f(1, 5, 4), f(1, 5, 4), is_causal=True), call(Q, K, V, scale=0.3), call(f(1, 4, 3, 4), f(1, 2, 5, 4), f(1, 2, 5, 4), enable_gqa=True), call(f(1, 70, 16), f(1, 70, 16), f(1, 70, 16), is_causal=True)), rtol=SUM,
           refusals=(refuses(f(2, 3, 4), f(2, 5, 3), f(2, 5, 4), words=r"^scaled_dot_product_attention: .*\(2, 3, 4\).*\(2, 5, 3\)"),)),
    OpCase("F.multi_head_attention_forward", multi_head, (call(f(3, 2, 4), f(5, 2, 4), f(5, 2, 4), f(12, 4), f(12), f(4, 4), f(4), 2),), function=run_multi_head, rtol=SUM),
    OpCase("F.embedding", lambda i, w, padding_idx=None: w[i], (call(ints(2, 4), f(5, 3)), call(given([0, 3]), f(5, 3), padding_idx=1)),
           refusals=(refuses(given([5]), f(5, 3), error=IndexError, words="index 5 is out of range for size 5"), refuses(ints(2), f(5, 3), 7, error=ValueError, words=r"embedding: padding_idx must be within num_embeddings \(5\), got 7"))),
    OpCase("F.embedding_bag", bag,
           (call(ints(3, 4), f(5, 2)), call(ints(3, 4), f(5, 2), mode="sum", per_sample_weights=f(3, 4)), call(ints(3, 4), f(5, 2), mode="max"), call(ints(7), f(5, 2), given([0, 2, 2]))),
           refusals=(refuses(ints(3, 4), f(5, 2), mode="median", error=ValueError, words="embedding_bag: mode .*'median'"),)),
    OpCase("F.one_hot", lambda t, n=-1: np.eye(n if n > 0 else t.max() + 1, dtype=np.int64)[t], (call(given([2, 0, 1])), call(ints(2, 3), 7)), derivatives=0,
           refusals=(refuses(given([5]), 3, error=ValueError, words="one_hot: class values must be smaller than num_classes 3, got 5"),)),
]  # fmt: skip
