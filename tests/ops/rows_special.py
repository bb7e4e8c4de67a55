"""Special functions, masked reductions, tensors made from nothing."""

from __future__ import annotations

import numpy as np
from op_case import OpCase, bools, call, f, given, refuses
from scipy import special

import deepnet as dn

CLOSE = (1e-12, 2e-6)


def function(name, reference, low=-2.0, high=2.0, rtol=CLOSE):
    return OpCase(f"special.{name}", reference, (call(f(3, 5, low=low, high=high)),), rtol=rtol, elementwise=True, each=True)


def masked(name, reference, fill, low=-2.0):
    """A reduction of a row's chosen elements: NumPy's with the others set to its neutral element."""

    def run(x, dim, mask):
        return reference(np.where(mask, x, fill), dim)

    mask = given(np.array([[True, False, True, True], [False, True, True, False], [True, True, True, True]]))
    return OpCase(
        f"masked.{name}",
        run,
        (call(f(3, 4, low=low), 1, mask=mask), call(f(3, 4, low=low), 0, mask=mask)),
        rtol=CLOSE,
        derivatives=0 if name.startswith("arg") else 2,
        function=getattr(dn.masked, name),
    )


def made(name, reference, *calls, **more):
    return OpCase(name, reference, calls, derivatives=0, **more)


SPECIAL = [
    function("entr", special.entr, 0.1, 2),
    function("erfcx", special.erfcx, -2, 4, (1e-12, 5e-6)),
    function("log_ndtr", special.log_ndtr, -4, 3, (1e-12, 5e-6)),
    function("ndtr", special.ndtr, -3, 3),
    function("ndtri", special.ndtri, 0.1, 0.9, (1e-11, 2e-5)),
    function("expit", special.expit),
    function("gammaln", special.gammaln, 0.3, 0.9),
    function("psi", special.digamma, 0.3, 1.2),
    OpCase("special.multigammaln", special.multigammaln, (call(f(4, low=3.3, high=6), 3),), rtol=CLOSE),
]

MASKED = [
    masked("sum", np.sum, 0),
    masked("prod", np.prod, 1),
    masked("amax", np.max, -np.inf),
    masked("amin", np.min, np.inf),
    masked("argmax", np.argmax, -np.inf),
    masked("argmin", np.argmin, np.inf),
    masked("mean", np.nanmean, np.nan),
    masked("var", lambda x, dim: np.nanvar(x, dim, ddof=1), np.nan),
    masked("std", lambda x, dim: np.nanstd(x, dim, ddof=1), np.nan),
    masked("logsumexp", special.logsumexp, -np.inf),
    masked("cumsum", np.cumsum, 0),
    masked("cumprod", np.cumprod, 1),
    masked("softmax", special.softmax, -np.inf),
]

MADE = [
    made("arange", np.arange, call(7), call(2, 9, 3), call(9, 2, -2), call(0.0, 1.0, 0.25), refusals=(refuses(0, 5, 0, words="arange: step must not be zero"), refuses(0, 5, -1, words="arange: from 0 to 5 goes against step -1"))),
    made("linspace", np.linspace, call(-1.0, 2.0, 7), call(3.0, 3.0, 1), rtol=(2e-7, 2e-7), refusals=(refuses(0, 1, -1, words="linspace: steps must not be negative, got -1"),)),
    made("logspace", np.logspace, call(-1.0, 2.0, 4), rtol=(1e-6, 1e-6)),
    made("eye", np.eye, call(3), call(2, 4), refusals=(refuses(-1, words="eye: sizes must not be negative"),)),
    made("full", np.full, call((2, 3), 7.5), call((0, 2), 1.0)),
    made("zeros", np.zeros, call((2, 3)), call(4)),
    made("ones", np.ones, call((2, 3)), call(4)),
    made("full_like", np.full_like, call(f(2, 3), 7.5)),
    made("zeros_like", np.zeros_like, call(f(2, 3)), call(bools(3))),
    made("ones_like", np.ones_like, call(f(2, 3)), call(bools(3))),
    made("tril_indices", lambda n, m, k=0: np.stack(np.tril_indices(n, k, m)), call(4, 3), call(4, 5, -1)),
    made("triu_indices", lambda n, m, k=0: np.stack(np.triu_indices(n, k, m)), call(4, 3), call(4, 5, 1)),
]  # fmt: skip

ROWS = [*SPECIAL, *MASKED, *MADE]
