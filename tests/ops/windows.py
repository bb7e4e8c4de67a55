"""Sliding windows in NumPy, straight from their definitions, for the references of convolution and pooling."""

from __future__ import annotations

import itertools

import numpy as np


def tuples(value, n):
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * n


def conv(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlation of (N, C, *spatial) with (O, C / groups, *kernel), a window at a time."""
    n = x.ndim - 2
    s, p, d = tuples(stride, n), tuples(padding, n), tuples(dilation, n)
    x = np.pad(x, [(0, 0), (0, 0), *[(k, k) for k in p]])
    kernel = w.shape[2:]
    out = [(x.shape[i + 2] - d[i] * (kernel[i] - 1) - 1) // s[i] + 1 for i in range(n)]
    y = np.zeros((x.shape[0], w.shape[0], *out))
    c, o = x.shape[1] // groups, w.shape[0] // groups
    for place in itertools.product(*map(range, out)):
        window = x[(..., *[slice(i * s[a], i * s[a] + d[a] * (kernel[a] - 1) + 1, d[a]) for a, i in enumerate(place)])]
        for g in range(groups):
            y[(slice(None), slice(g * o, (g + 1) * o), *place)] = np.tensordot(
                window[:, g * c : (g + 1) * c], w[g * o : (g + 1) * o], (range(1, n + 2), range(1, n + 2))
            )
    return y if b is None else y + b.reshape(-1, *[1] * n)


def conv_transpose(x, w, b=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Each input cell adds its value times the kernel (C, O / groups, *kernel) to the output."""
    n = x.ndim - 2
    s, p, q, d = tuples(stride, n), tuples(padding, n), tuples(output_padding, n), tuples(dilation, n)
    kernel, o, c = w.shape[2:], w.shape[1], x.shape[1] // groups
    full = [(x.shape[i + 2] - 1) * s[i] + d[i] * (kernel[i] - 1) + 1 + q[i] for i in range(n)]
    y = np.zeros((x.shape[0], o * groups, *full))
    for place in itertools.product(*map(range, x.shape[2:])):
        cells = tuple(slice(i * s[a], i * s[a] + d[a] * (kernel[a] - 1) + 1, d[a]) for a, i in enumerate(place))
        for g in range(groups):
            value = x[(slice(None), slice(g * c, (g + 1) * c), *place)]
            y[(slice(None), slice(g * o, (g + 1) * o), *cells)] += np.tensordot(value, w[g * c : (g + 1) * c], 1)
    y = y[(..., *[slice(p[i], full[i] - p[i]) for i in range(n)])]
    return y if b is None else y + b.reshape(-1, *[1] * n)


def spans(size, k, s, p, d, ceil):
    """The cells of each window of an axis, padding left out, and the window's cells within the padded axis."""
    room = size + 2 * p - d * (k - 1) - 1
    count = (-(-room // s) if ceil else room // s) + 1
    if ceil and (count - 1) * s >= size + p:
        count -= 1
    windows = []
    for i in range(count):
        cells = [i * s - p + j * d for j in range(k)]
        windows.append(([c for c in cells if 0 <= c < size], sum(c < size + p for c in cells)))
    return windows


def adaptive(size, out):
    return [(list(range(i * size // out, -(-(i + 1) * size // out))), 0) for i in range(out)]


def pool(x, axes, combine):
    """combine(window (..., cells), flat positions, padded cells) for each window of the last axes; results stacked back."""
    n = len(axes)
    results = []
    for windows in itertools.product(*axes):
        cells = [w for w, _ in windows]
        flat = np.ravel_multi_index(np.meshgrid(*cells, indexing="ij"), x.shape[-n:]).ravel()
        window = x.reshape(*x.shape[:-n], -1)[..., flat]
        results.append(combine(window, flat, int(np.prod([m for _, m in windows]))))
    shape = (*x.shape[:-n], *[len(a) for a in axes])
    if isinstance(results[0], tuple):
        return tuple(np.stack([r[i] for r in results], -1).reshape(shape) for i in range(2))
    return np.stack(results, -1).reshape(shape)


def largest(window, flat, _):
    best = window.argmax(-1)
    return window.max(-1), flat[best]


def axes_of(x, n, kernel, stride=None, padding=0, dilation=1, ceil_mode=False):
    k = tuples(kernel, n)
    s = k if stride is None else tuples(stride, n)
    p, d = tuples(padding, n), tuples(dilation, n)
    return [spans(x.shape[x.ndim - n + i], k[i], s[i], p[i], d[i], ceil_mode) for i in range(n)]


def max_pool(n, with_indices):
    def reference(x, *args, return_indices=False, **kwargs):
        values, places = pool(x, axes_of(x, n, *args, **kwargs), largest)
        return (values, places) if with_indices or return_indices else values

    return reference


def avg_pool(n):
    def reference(x, kernel, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
        axes = axes_of(x, n, kernel, stride, padding, 1, ceil_mode)

        def mean(window, flat, padded):
            return window.sum(-1) / (divisor_override or (padded if count_include_pad else window.shape[-1]))

        return pool(x, axes, mean)

    return reference


def lp_pool(n):
    def reference(x, p, kernel, stride=None, ceil_mode=False):
        return pool(x, axes_of(x, n, kernel, stride, 0, 1, ceil_mode), lambda w, *_: (w**p).sum(-1) ** (1 / p))

    return reference


def adaptive_pool(n, combine):
    def reference(x, size, **_):
        sizes = [s or x.shape[x.ndim - n + i] for i, s in enumerate(tuples(size, n))]
        return pool(x, [adaptive(x.shape[x.ndim - n + i], sizes[i]) for i in range(n)], combine)

    return reference


def unpool(n):
    def reference(x, indices, kernel, stride=None, padding=0, output_size=None):
        k = tuples(kernel, n)
        s = k if stride is None else tuples(stride, n)
        size = list(output_size or [(m - 1) * a + b for m, a, b in zip(x.shape[-n:], s, k, strict=True)])[-n:]
        y = np.zeros((*x.shape[:-n], int(np.prod(size))))
        np.put_along_axis(y, indices.reshape(*x.shape[:-n], -1), x.reshape(*x.shape[:-n], -1), -1)
        return y.reshape(*x.shape[:-n], *size)

    return reference


def unfold(x, kernel, dilation=1, padding=0, stride=1):
    k = tuples(kernel, 2)
    eye = np.eye(int(np.prod(k))).reshape(-1, 1, *k)
    y = np.stack([conv(x[:, c : c + 1], eye, None, stride, padding, dilation) for c in range(x.shape[1])], 1)
    return y.reshape(x.shape[0], x.shape[1] * eye.shape[0], -1)


def fold(x, size, kernel, dilation=1, padding=0, stride=1):
    k = tuples(kernel, 2)
    eye = np.eye(int(np.prod(k))).reshape(-1, 1, *k)
    s, p, d = tuples(stride, 2), tuples(padding, 2), tuples(dilation, 2)
    blocks = [(size[i] + 2 * p[i] - d[i] * (k[i] - 1) - 1) // s[i] + 1 for i in range(2)]
    x = x.reshape(x.shape[0], -1, eye.shape[0], *blocks)
    y = np.stack([conv_transpose(x[:, c], eye, None, s, 0, 0, 1, d) for c in range(x.shape[1])], 1)[:, :, 0]
    full = np.zeros((*y.shape[:2], size[0] + 2 * p[0], size[1] + 2 * p[1]))
    full[:, :, : y.shape[2], : y.shape[3]] = y
    return full[:, :, p[0] : p[0] + size[0], p[1] : p[1] + size[1]]
