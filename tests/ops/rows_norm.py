"""Normalisation."""

from __future__ import annotations

import numpy as np
from op_case import OpCase, call, f, refuses

import deepnet as dn
from deepnet.nn import functional as F

NEAR = (1e-12, 5e-6)


def scaled(y, weight, bias, shape):
    if weight is not None:
        y = y * weight.reshape(shape)
    return y if bias is None else y + bias.reshape(shape)


def over(x, axes, eps, var=None, mean=None):
    mean = x.mean(axes, keepdims=True) if mean is None else mean
    var = x.var(axes, keepdims=True) if var is None else var
    return (x - mean) / np.sqrt(var + eps)


def layer_norm(x, shape, weight=None, bias=None, eps=1e-5):
    return scaled(over(x, tuple(range(-len(shape), 0)), eps), weight, bias, shape)


def rms_norm(x, shape, weight=None, eps=None):
    axes = tuple(range(-len(shape), 0))
    eps = np.finfo(np.float64).eps if eps is None else eps
    return scaled(x / np.sqrt((x * x).mean(axes, keepdims=True) + eps), weight, None, shape)


def channels(x):
    return (1, -1, *[1] * (x.ndim - 2))


def batch_norm(x, mean, var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    axes, shape = (0, *range(2, x.ndim)), channels(x)
    y = over(x, axes, eps) if training else over(x, axes, eps, var.reshape(shape), mean.reshape(shape))
    return scaled(y, weight, bias, shape)


def group_norm(x, groups, weight=None, bias=None, eps=1e-5):
    rows = x.reshape(x.shape[0], groups, -1)
    return scaled(over(rows, -1, eps).reshape(x.shape), weight, bias, channels(x))


def running(x, mean, var, momentum):
    """Statistics moved by momentum: the variance unbiased."""
    axes = (0, *range(2, x.ndim))
    return (1 - momentum) * mean + momentum * x.mean(axes), (1 - momentum) * var + momentum * x.var(axes, ddof=1)


def run_running(x, mean, var, momentum):
    mean, var = dn.clone(mean), dn.clone(var)
    F.batch_norm(x, mean, var, training=True, momentum=momentum)
    return mean, var


def response(x, size, alpha=1e-4, beta=0.75, k=1.0):
    pad = np.pad(x * x, [(0, 0), (size // 2, (size - 1) // 2), *[(0, 0)] * (x.ndim - 2)])
    mean = sum(pad[:, i : i + x.shape[1]] for i in range(size)) / size
    return x / (k + alpha * mean) ** beta


def normalize(x, p=2.0, dim=1, eps=1e-12):
    return x / np.maximum((abs(x) ** p).sum(dim, keepdims=True) ** (1 / p), eps)


POSITIVE = f(3, low=0.5, high=2, grad=False)

ROWS = [
    OpCase("F.layer_norm", layer_norm, (call(f(4, 6), (6,), f(6), f(6)), call(f(2, 3, 4), (3, 4)), call(f(3, 1030), (1030,), f(1030)), call(f(0, 6), (6,), f(6), f(6))), rtol=NEAR,
           refusals=(refuses(f(4, 6), (5,), error=(ValueError, RuntimeError), words=r"^layer_norm: .*\(5.*\(4, 6\)|^layer_norm: .*\(4, 6\).*\(5"),)),
    OpCase("F.rms_norm", rms_norm, (call(f(4, 6), (6,), f(6)), call(f(2, 3, 4), (3, 4), eps=1e-3), call(f(3, 1030), (1030,))), rtol=NEAR,
           refusals=(refuses(f(4, 6), (5,), error=(ValueError, RuntimeError), words=r"^rms_norm: "),)),
    OpCase("F.batch_norm", batch_norm,
           (call(f(4, 3), None, None, f(3), f(3), True), call(f(2, 3, 4, 5), None, None, f(3), f(3), True), call(f(2, 3, 4), f(3, grad=False), POSITIVE, f(3), f(3)), call(f(5, 3, 70), None, None, training=True)), rtol=NEAR,
           refusals=(refuses(f(1, 3), None, None, training=True, error=ValueError, words=r"batch_norm: expected more than 1 value per channel when training, got shape \(1, 3\)"),
                     refuses(f(4, 3), None, None, f(2), None, True, error=(ValueError, RuntimeError), words=r"^batch_norm: .*\(2,\)"))),
    OpCase("running_statistics", running, (call(f(4, 3, 5), f(3, grad=False), POSITIVE, 0.3),), derivatives=0, function=run_running, rtol=NEAR),
    OpCase("F.instance_norm", lambda x, *_, weight=None, bias=None: group_norm(x, x.shape[1], weight, bias), (call(f(2, 3, 4, 5)), call(f(2, 3, 6), None, None, weight=f(3), bias=f(3))), rtol=NEAR,
           refusals=(refuses(f(2, 3, 1), error=ValueError, words="instance_norm: "),)),
    OpCase("F.group_norm", group_norm, (call(f(2, 6, 4), 3, f(6), f(6)), call(f(3, 4), 2), call(f(2, 4, 3, 5), 1, f(4))), rtol=NEAR,
           refusals=(refuses(f(2, 6, 4), 4, error=(ValueError, RuntimeError), words="^group_norm: .*6.*4|^group_norm: .*4.*6"),)),
    OpCase("F.local_response_norm", response, (call(f(2, 5, 4), 3), call(f(2, 5, 3, 3), 2, 0.1, 0.5, 2.0)), rtol=NEAR),
    OpCase("F.normalize", normalize, (call(f(3, 5)), call(f(3, 5, kinks=(0,)), 1.0, 0)), rtol=NEAR),
]  # fmt: skip
