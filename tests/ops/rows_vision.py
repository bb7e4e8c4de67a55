"""Resizing, sampling, shuffling and padding of images."""

from __future__ import annotations

import itertools
import math

import numpy as np
from op_case import OpCase, call, f, given, refuses

NEAR = (1e-12, 5e-6)
KINDS = {"linear": 1, "bilinear": 1, "trilinear": 1, "bicubic": 2}


def cubic(x, a=-0.75):
    x = abs(x)
    return ((a + 2) * x - (a + 3)) * x * x + 1 if x <= 1 else (((x - 5) * x + 8) * x - 4) * a if x < 2 else 0.0


def weights(mode, x):
    """Cells and weights of one output coordinate."""
    base = math.floor(x)
    if KINDS[mode] == 2:
        return [(base + k, cubic(x - base - k)) for k in range(-1, 3)]
    return [(base, 1 - (x - base)), (base + 1, x - base)]


def interpolate(x, size=None, scale_factor=None, mode="nearest", align_corners=None):
    n = x.ndim - 2
    sizes = [math.floor(x.shape[2 + i] * scale_factor) for i in range(n)] if size is None else list(size)
    for axis, out in enumerate(sizes, 2):
        h = x.shape[axis]
        matrix = np.zeros((out, h))
        for o in range(out):
            ratio = h / out if scale_factor is None else 1 / scale_factor
            if mode == "area":
                cells = range(o * h // out, -(-(o + 1) * h // out))
                taps = [(c, 1 / len(cells)) for c in cells]
            elif mode == "nearest":
                taps = [(min(math.floor(o * ratio), h - 1), 1)]
            elif mode == "nearest-exact":
                taps = [(min(math.floor((o + 0.5) * ratio), h - 1), 1)]
            else:
                at = o * (h - 1) / max(out - 1, 1) if align_corners else (o + 0.5) * ratio - 0.5
                taps = weights(mode, at if mode == "bicubic" else max(at, 0))
            for c, w in taps:
                matrix[o, min(max(c, 0), h - 1)] += w
        x = np.moveaxis(np.tensordot(x, matrix, (axis, 1)), -1, axis)
    return x


def affine_grid(theta, size, align_corners=None):
    spatial = size[2:]
    lines = [np.linspace(-1, 1, s) * (1 if align_corners else (s - 1) / s) for s in spatial]
    mesh = np.meshgrid(*lines, indexing="ij")
    base = np.stack([*mesh[::-1], np.ones(spatial)], -1)
    return np.einsum("...k,njk->n...j", base, theta)


def reflect(x, low, high):
    span = high - low
    away = abs(x - low)
    extra, flips = away % span, int(away // span)
    return low + extra if flips % 2 == 0 else high - extra


def grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    axes = x.ndim - 2
    sizes = x.shape[2:]
    y = np.zeros((*x.shape[:2], *grid.shape[1:-1]))

    def inside(at, size):
        if padding_mode == "reflection":
            at = reflect(at, 0, size - 1) if align_corners else reflect(at, -0.5, size - 0.5)
        return at if padding_mode == "zeros" else min(max(at, 0), size - 1)

    for place in np.ndindex(*grid.shape[:-1]):
        taps = []
        for k, size in enumerate(sizes):
            g = grid[place][axes - 1 - k]
            at = (g + 1) / 2 * (size - 1) if align_corners else ((g + 1) * size - 1) / 2
            if mode == "nearest":
                taps.append([(round(inside(at, size)), 1)])
            elif mode == "bicubic":
                taps.append([(int(inside(c, size)) if padding_mode != "zeros" else c, w) for c, w in weights(mode, at)])
            else:
                taps.append(weights("linear", inside(at, size)))
        for corner in itertools.product(*taps):
            cells = [c for c, _ in corner]
            if all(0 <= c < s for c, s in zip(cells, sizes, strict=True)):
                y[(place[0], slice(None), *place[1:])] += x[(place[0], slice(None), *cells)] * math.prod(w for _, w in corner)
    return y


def pad(x, pad, mode="constant", value=0.0):
    widths = [(0, 0)] * (x.ndim - len(pad) // 2) + [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
    cut = x[tuple(slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(widths, x.shape, strict=True))]
    widths = [(max(a, 0), max(b, 0)) for a, b in widths]
    if mode == "constant":
        return np.pad(cut, widths, constant_values=value or 0.0)
    return np.pad(cut, widths, mode={"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode])


def pixel_shuffle(x, r):
    n, c, h, w = x.shape
    return x.reshape(n, c // r**2, r, r, h, w).transpose(0, 1, 4, 2, 5, 3).reshape(n, c // r**2, h * r, w * r)


def pixel_unshuffle(x, r):
    n, c, h, w = x.shape
    return x.reshape(n, c, h // r, r, w // r, r).transpose(0, 1, 3, 5, 2, 4).reshape(n, c * r * r, h // r, w // r)


X = f(2, 2, 5, 6)


def grid(*shape, sizes, align=False, beyond=0):
    """Places whose coordinates in cells lie away from halves and wholes, where derivatives jump."""
    rng = np.random.default_rng(2)
    axes = []
    for size in reversed(sizes):
        at = rng.integers(-beyond, size - 1 + beyond, shape) + rng.choice([0.25, 0.75], shape) + rng.uniform(-0.1, 0.1, shape)
        axes.append(at / (size - 1) * 2 - 1 if align else (2 * at + 1) / size - 1)
    return given(np.stack(axes, -1).astype(np.float32))


PLACES = (2, 3, 4)
GRID, ALIGNED = grid(*PLACES, sizes=(5, 6)), grid(*PLACES, sizes=(5, 6), align=True)
BEYOND, FAR = grid(*PLACES, sizes=(5, 6), beyond=2), grid(*PLACES, sizes=(5, 6), beyond=2, align=True)

ROWS = [
    OpCase("F.interpolate", interpolate,
           (call(X, scale_factor=2), call(X, (7, 4)), call(f(2, 2, 5), (8,), mode="nearest-exact"), call(f(2, 2, 5), (8,), mode="linear"), call(X, (7, 9), mode="bilinear"), call(X, (3, 11), mode="bilinear", align_corners=True),
            call(X, scale_factor=1.5, mode="bilinear"), call(X, (7, 9), mode="bicubic"), call(X, (8, 8), mode="bicubic", align_corners=True), call(X, (3, 2), mode="area"), call(f(1, 2, 3, 4, 3), (4, 6, 5), mode="trilinear")), rtol=NEAR,
           refusals=(refuses(X, error=ValueError, words="interpolate: exactly one of size and scale_factor"), refuses(X, (3, 3), mode="linear", error=ValueError, words=r"interpolate: mode 'linear' does not go with input of shape \(2, 2, 5, 6\)"))),
    OpCase("F.upsample", interpolate, (call(X, scale_factor=2), call(X, (7, 9), mode="bilinear")), rtol=NEAR),
    OpCase("F.upsample_nearest", interpolate, (call(X, scale_factor=2),)),
    OpCase("F.upsample_bilinear", lambda x, size: interpolate(x, size, mode="bilinear", align_corners=True), (call(X, (7, 9)),), rtol=NEAR),
    OpCase("F.affine_grid", affine_grid, (call(f(2, 2, 3), (2, 1, 4, 5)), call(f(2, 2, 3), (2, 1, 4, 5), align_corners=True), call(f(1, 3, 4), (1, 1, 2, 3, 4))), rtol=NEAR,
           refusals=(refuses(f(2, 2, 2), (2, 1, 4, 5), error=ValueError, words=r"affine_grid: theta must have shape \(2, 2, 3\)"),)),
    OpCase("F.grid_sample", grid_sample,
           (call(X, ALIGNED, align_corners=True), call(X, GRID), call(X, BEYOND, padding_mode="border"), call(X, BEYOND, padding_mode="reflection"), call(X, FAR, padding_mode="reflection", align_corners=True),
            call(X, BEYOND, mode="bicubic"), call(f(1, 2, 3, 4, 3), grid(1, 2, 2, 2, sizes=(3, 4, 3)))), rtol=(1e-11, 2e-5),
           refusals=(refuses(X, f(1, 3, 4, 2), error=ValueError, words=r"grid_sample: grid of shape \(1, 3, 4, 2\) does not go with input \(2, 2, 5, 6\)"),)),
    OpCase("F.pixel_shuffle", pixel_shuffle, (call(f(2, 8, 3, 2), 2),), refusals=(refuses(f(2, 7, 3, 2), 2, error=(ValueError, RuntimeError), words="pixel_shuffle: "),)),
    OpCase("F.pixel_unshuffle", pixel_unshuffle, (call(f(2, 2, 6, 4), 2),), refusals=(refuses(f(2, 2, 5, 4), 2, error=(ValueError, RuntimeError), words="pixel_unshuffle: "),)),
    OpCase("F.channel_shuffle", lambda x, g: x.reshape(x.shape[0], g, -1, *x.shape[2:]).swapaxes(1, 2).reshape(x.shape), (call(f(2, 6, 3), 3),), refusals=(refuses(f(2, 5, 3), 3, error=(ValueError, RuntimeError), words="channel_shuffle: "),)),
    OpCase("F.pad", pad,
           (call(f(2, 3, 4), (1, 2), value=0.5), call(f(2, 3, 4), (1, 0, 2, -1)), call(f(2, 3, 6), (2, 1), "reflect"), call(f(2, 3, 4, 5), (1, 2, 3, 1), "replicate"), call(f(2, 3, 4, 5), (2, 1, 1, 3), "circular")),
           refusals=(refuses(f(2, 3), (1,), error=ValueError, words=r"pad: padding length must be divisible by 2, got \[1\]"), refuses(f(2, 3, 4), (4, 0), "reflect", error=ValueError, words="pad: reflect padding of axis 2 must be at most 3"))),
]  # fmt: skip
