"""Random draws: their statistics; that they are the same for every dtype's stream; dropout's mask and gradient."""

from __future__ import annotations

import numpy as np
from op_case import OpCase, call, f, given, refuses

import deepnet as dn
from deepnet.nn import functional as F

N = 20_000
BAD = {"error": ValueError}


def moments(mean, var, low=-np.inf, high=np.inf, slack=6):
    """Mean and variance to six standard errors (the fourth moment of a normal distribution), and bounds."""

    def check(x, *args, **kwargs):
        assert x.shape == (N,)
        assert abs(x.mean() - mean) < slack * np.sqrt(var / N)
        assert abs(x.var() - var) < slack * var * np.sqrt(2 / N) * 2
        assert x.min() >= low
        assert x.max() < high

    return check


def draws(name, function, check):
    return OpCase(name, None, (call(),), derivatives=0, check=check, function=function)


def uniform_permutation(x):
    assert sorted(x) == list(range(N))
    assert abs(np.corrcoef(x, np.arange(N))[0, 1]) < 6 / np.sqrt(N)


def from_weights(x, weights, n, replacement=False):
    """Frequencies follow the weights; without replacement no index comes twice."""
    assert x.shape == (n,)
    if not replacement:
        assert len(set(x)) == n
        return
    share = np.bincount(x, minlength=weights.size) / n
    want = weights / weights.sum()
    assert (abs(share - want) < 6 * np.sqrt(want * (1 - want) / n) + 1e-12).all()


def dropped(p, whole=None):
    """A share p is 0, the rest scaled by 1 / (1 - p); `whole` axes live or die together."""

    def check(y, x, *args, **kwargs):
        kept = y != 0
        if kwargs.get("training", True) is False or p == 0:
            np.testing.assert_array_equal(y, x)
            return
        np.testing.assert_allclose(y[kept], x[kept] / (1 - p), rtol=1e-6)
        units = kept.reshape(*kept.shape[:whole], -1).any(-1) if whole else kept
        assert abs(units.mean() - (1 - p)) < 6 * np.sqrt(p * (1 - p) / units.size)
        if whole:
            flat = kept.reshape(*kept.shape[:whole], -1)
            assert (flat.all(-1) == flat.any(-1)).all()

    return check


def alpha(y, x, p=0.5, training=True):
    """Mean and variance of a standard normal input stay."""
    assert abs(y.mean()) < 0.1
    assert abs(y.std() - 1) < 0.1


def simplex(y, logits, tau=1, hard=False):
    np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-5)
    if hard:
        assert set(np.unique(y)) <= {0.0, 1.0}


def fractional(y, places, x, *args, **kwargs):
    """Each value is its place's, and of at most the kernel's window."""
    flat = x.reshape(*x.shape[:2], -1)
    np.testing.assert_array_equal(y, np.take_along_axis(flat, places.reshape(*x.shape[:2], -1), -1).reshape(y.shape))


def of_shape(*shape):
    def check(y, *args, **kwargs):
        assert y.shape == shape

    return check


def streams():
    """The same generator state, the same numbers; a state put back continues where it was."""
    dn.manual_seed(5)
    first = dn.rand(7)
    state = dn.get_rng_state()
    second = dn.randn(9)
    dn.set_rng_state(state)
    again = dn.randn(9)
    dn.manual_seed(5)
    return first, dn.rand(7), second, again


def same_streams(a, b, c, d):
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(c, d)


X = f(200, 40, kinks=(0,))
SAMPLES = tuple(f(*shape, kinks=(0,)) for shape in [(60, 40, 3), (60, 40, 2, 2), (60, 40, 2, 2, 1)])

ROWS = [
    draws("rand", lambda: dn.rand(N), moments(0.5, 1 / 12, 0, 1)),
    draws("randn", lambda: dn.randn(N), moments(0, 1)),
    draws("randint", lambda: dn.randint(-3, 8, (N,)), moments(2, 10, -3, 8)),
    draws("rand_like", lambda: dn.rand_like(dn.empty(N)), moments(0.5, 1 / 12, 0, 1)),
    draws("randn_like", lambda: dn.randn_like(dn.empty(N)), moments(0, 1)),
    draws("randint_like", lambda: dn.randint_like(dn.empty(N), 0, 4), moments(1.5, 1.25, 0, 4)),
    draws("normal", lambda: dn.normal(2.0, 3.0, (N,)), moments(2, 9)),
    draws("poisson", lambda: dn.poisson(dn.full((N,), 3.5)), moments(3.5, 3.5, 0)),
    draws("uniform_", lambda: dn.empty(N).uniform_(-1, 3), moments(1, 16 / 12, -1, 3)),
    draws("normal_", lambda: dn.empty(N).normal_(1, 2), moments(1, 4)),
    draws("exponential_", lambda: dn.empty(N).exponential_(2.0), moments(0.5, 0.25, 0, slack=9)),
    draws("bernoulli_", lambda: dn.empty(N).bernoulli_(0.3), moments(0.3, 0.21, 0, 2)),
    draws("randperm", lambda: dn.randperm(N), uniform_permutation),
    draws("streams", streams, same_streams),
    OpCase("bernoulli", None, (call(given(np.full(N, 0.3), grad=False)),), derivatives=0, check=lambda y, p: moments(0.3, 0.21, 0, 2)(y)),
    OpCase("multinomial", None, (call(given([0.1, 0.0, 0.6, 0.3], grad=False), 5000, replacement=True), call(f(50, low=0.1, grad=False), 20)), derivatives=0, check=from_weights,
           refusals=(refuses(f(4, low=0.1), 5, words="multinomial: cannot draw 5 of 4 without replacement"), refuses(given([-1.0, 2.0]), 1, words="multinomial: weights must be finite and not negative"))),
    OpCase("F.dropout", None, (call(X, 0.3), call(X, 0.0), call(X, 0.5, training=False)), check=lambda y, x, p, **k: dropped(p)(y, x, **k), refusals=(refuses(X, 1.5, words="dropout: .*between 0 and 1.*1.5", **BAD),)),
    OpCase("F.dropout1d", None, (call(SAMPLES[0], 0.3),), check=dropped(0.3, 2), refusals=(refuses(f(3), words=r"dropout1d: .*\(3,\)", **BAD),)),
    OpCase("F.dropout2d", None, (call(SAMPLES[1], 0.3),), check=dropped(0.3, 2)),
    OpCase("F.dropout3d", None, (call(SAMPLES[2], 0.3),), check=dropped(0.3, 2)),
    OpCase("F.alpha_dropout", None, (call(f(200, 40, low=-1.732, high=1.732), 0.3, training=True),), check=alpha),
    OpCase("F.feature_alpha_dropout", None, (call(f(200, 40, 2, low=-1.732, high=1.732), 0.3, training=True),), check=alpha),
    OpCase("F.gumbel_softmax", None, (call(f(30, 5)), call(f(30, 5), 0.5)), check=simplex),
    OpCase("gumbel_hard", None, (call(f(30, 5), 1.0, True),), check=simplex, derivatives=0, function=lambda x, *a: F.gumbel_softmax(x.detach(), *a)),
    OpCase("F.fractional_max_pool2d_with_indices", None, (call(f(2, 3, 9, 8), 2, (4, 5)),), check=fractional),
    OpCase("F.fractional_max_pool2d", None, (call(f(2, 3, 9, 8), 2, output_ratio=0.5),), check=of_shape(2, 3, 4, 4)),
    OpCase("F.fractional_max_pool3d_with_indices", None, (call(f(1, 2, 6, 7, 6), 2, (3, 3, 4)),), check=fractional),
    OpCase("F.fractional_max_pool3d", None, (call(f(1, 2, 6, 7, 6), 2, output_ratio=0.5),), check=of_shape(1, 2, 3, 3, 3)),
]  # fmt: skip
