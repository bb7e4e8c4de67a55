"""Activations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from op_case import OpCase, call, f, refuses
from scipy import special

SHORT = ("float16", "bfloat16")


def softplus(x, beta=1.0, threshold=20.0):
    return np.where(beta * x > threshold, x, np.log1p(np.exp(np.minimum(beta * x, threshold))) / beta)


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(x))


def shared(name, reference, *calls, kinks=(), rtol=(1e-13, 1e-6), refusals=(), **more):
    """An elementwise function, with its own arguments in further calls."""
    return OpCase(
        f"F.{name}",
        reference,
        (call(f(3, 5, low=-4, high=4, kinks=kinks)), *calls),
        rtol=rtol,
        dtypes=SHORT,
        elementwise=not calls,
        refusals=refusals,
        **more,
    )


def x(*kinks):
    return f(3, 5, low=-4, high=4, kinks=kinks)


def both(row):
    """The same of deepnet itself."""
    return [row, replace(row, name=row.name.removeprefix("F."))]


def normal(z):
    return 0.5 * (1 + special.erf(z / np.sqrt(2)))


def gelu(z, approximate="none"):
    return z * normal(z) if approximate == "none" else 0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))


def prelu(z, weight):
    return np.where(z > 0, z, z * (weight.reshape(1, -1, *[1] * (z.ndim - 2)) if weight.size > 1 else weight))


def glu(z, dim=-1):
    a, b = np.split(z, 2, dim)
    return a * special.expit(b)


OFF = {"error": IndexError}

ROWS = [
    *both(shared("relu", lambda z: np.maximum(z, 0), kinks=(0,), refusals=(refuses("x", error=TypeError, words="relu: input must be a Tensor, got str"),))),
    *both(shared("sigmoid", special.expit, refusals=(refuses([1], error=TypeError, words="sigmoid: input must be a Tensor, got list"),))),
    shared("tanh", np.tanh),
    *both(shared("selu", lambda z: 1.0507009873554805 * elu(z, 1.6732632423543772), kinks=(0,))),
    *both(shared("elu", elu, call(x(0), 0.7), kinks=(0,))),
    *both(shared("celu", lambda z, alpha=1.0: np.where(z > 0, z, alpha * np.expm1(z / alpha)), call(x(0), 0.7), kinks=(0,), refusals=(refuses(f(2), 0.0, error=ValueError, words="^celu: alpha must not be 0"),))),
    shared("relu6", lambda z: np.clip(z, 0, 6), kinks=(0, 6)),
    shared("hardtanh", lambda z, a=-1.0, b=1.0: np.clip(z, a, b), call(x(-0.5, 2), -0.5, 2.0), kinks=(-1, 1), refusals=(refuses(f(2), 1.0, -1.0, error=ValueError, words="hardtanh: min_val must not exceed max_val, got 1.0 and -1.0"),)),
    OpCase("F.threshold", lambda z, t, v: np.where(z > t, z, v), (call(x(0.5), 0.5, -7.0),)),
    shared("leaky_relu", lambda z, slope=0.01: np.where(z > 0, z, slope * z), call(x(0), 0.2), kinks=(0,)),
    OpCase("F.prelu", prelu, (call(f(2, 3, 4, kinks=(0,)), f(1)), call(f(2, 3, 4, kinks=(0,)), f(3))), refusals=(refuses(f(2, 3), f(4), error=ValueError, words=r"prelu: weight must have .*\(3\), got 4"),)),
    shared("rrelu", lambda z, a=1 / 8, b=1 / 3: np.where(z > 0, z, z * (a + b) / 2), call(x(0), 0.1, 0.3), kinks=(0,), refusals=(refuses(f(2), 0.5, 0.1, error=ValueError, words="rrelu: lower must not exceed upper"),)),
    OpCase("F.glu", glu, (call(f(3, 6)), call(f(4, 3), 0)), refusals=(refuses(f(3, 5), error=ValueError, words=r"glu: size along dim -1 must be even, got shape \(3, 5\)"),)),
    shared("gelu", gelu, call(x(), approximate="tanh"), rtol=(1e-13, 2e-6), refusals=(refuses(f(2), approximate="no", error=ValueError, words="^gelu: approximate must be 'none' or 'tanh', got 'no'"),)),
    shared("silu", lambda z: z * special.expit(z)),
    shared("mish", lambda z: z * np.tanh(softplus(z)), rtol=(1e-13, 2e-6)),
    shared("hardswish", lambda z: z * np.clip(z + 3, 0, 6) / 6, kinks=(-3, 3)),
    shared("hardsigmoid", lambda z: np.clip(z + 3, 0, 6) / 6, kinks=(-3, 3)),
    shared("logsigmoid", special.log_expit),
    shared("softplus", softplus, call(x(2), 2.0, 4.0)),
    shared("softsign", lambda z: z / (1 + abs(z)), kinks=(0,)),
    shared("tanhshrink", lambda z: z - np.tanh(z), rtol=(1e-13, 2e-6)),
    shared("hardshrink", lambda z, lambd=0.5: np.where(abs(z) > lambd, z, 0), call(x(-1, 1), 1.0), kinks=(-0.5, 0.5)),
    shared("softshrink", lambda z, lambd=0.5: np.sign(z) * np.maximum(abs(z) - lambd, 0), call(x(-1, 1), 1.0), kinks=(-0.5, 0.5), refusals=(refuses(f(2), -1.0, error=ValueError, words="softshrink: lambd must not be negative, got -1.0"),)),
    *both(OpCase("F.softmax", lambda z, dim: special.softmax(z, dim), (call(f(3, 5), 1), call(f(3, 4, 5), 1), call(f(2, 1030), -1), call(f(0, 3), 1), call(f(), 0)), rtol=(1e-13, 2e-6), dtypes=SHORT, refusals=(refuses(f(2, 3), 5, words=r"^softmax: dim must be in \[-2, 1\], got 5", **OFF),))),
    *both(OpCase("F.log_softmax", lambda z, dim: special.log_softmax(z, dim), (call(f(3, 5), 1), call(f(3, 4, 5), 0), call(f(2, 1030), -1), call(f(0, 3), 1)), rtol=(1e-13, 2e-6), dtypes=SHORT, refusals=(refuses(f(2, 3), 5, words=r"^log_softmax: dim must be in \[-2, 1\], got 5", **OFF),))),
    OpCase("F.softmin", lambda z, dim: special.softmax(-z, dim), (call(f(3, 5), 1),), rtol=(1e-13, 2e-6)),
]  # fmt: skip
