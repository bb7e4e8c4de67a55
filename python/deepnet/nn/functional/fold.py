"""Sliding blocks of an image as columns, and back."""

from __future__ import annotations

from typing import Any

import deepnet
from deepnet import _core
from deepnet._core import Tensor

from ._args import batched, ntuple


def _blocks(sizes: list[int], kernel: list[int], dilation: list[int], padding: list[int], stride: list[int]) -> list[int]:
    """How many blocks fit along each axis."""
    return [
        (s + 2 * p - d * (k - 1) - 1) // t + 1 for s, k, d, p, t in zip(sizes, kernel, dilation, padding, stride, strict=True)
    ]


def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Every block that a kernel sees, as a column.

    Parameters
    ----------
    input : Tensor, shape (N, C, H, W) or (C, H, W)
    kernel_size, dilation, padding, stride : int or (int, int)

    Returns
    -------
    Tensor, shape (N, C * K_h * K_w, L) or (C * K_h * K_w, L), L blocks row by row
    """
    x, single = batched("unfold", input, 2)
    k, d = ntuple(kernel_size, 2, "unfold", "kernel_size"), ntuple(dilation, 2, "unfold", "dilation")
    p, s = ntuple(padding, 2, "unfold", "padding"), ntuple(stride, 2, "unfold", "stride")
    if min(_blocks(list(x.shape[2:]), k, d, p, s)) < 1:
        raise ValueError(f"unfold: kernel {k} with dilation {d} exceeds the padded input {tuple(input.shape)}, padding {p}")
    if any(p):
        x = _core.constant_pad(x, [p[1], p[1], p[0], p[0]])
    x = x.unfold(2, d[0] * (k[0] - 1) + 1, s[0]).unfold(3, d[1] * (k[1] - 1) + 1, s[1])  # (N, C, Bh, Bw, kh, kw)
    if d != [1, 1]:
        x = x[..., :: d[0], :: d[1]]
    n, c, bh, bw = x.shape[:4]
    y = x.permute(0, 1, 4, 5, 2, 3).reshape(n, c * k[0] * k[1], bh * bw)
    return y.squeeze(0) if single else y


def fold(input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Sum columns back into an image: the transpose of `unfold`.

    Parameters
    ----------
    input : Tensor, shape (N, C * K_h * K_w, L) or (C * K_h * K_w, L)
    output_size : int or (int, int)
    kernel_size, dilation, padding, stride : int or (int, int)

    Returns
    -------
    Tensor, shape (N, C, H, W) or (C, H, W)
    """
    if input.dim() not in (2, 3):
        raise ValueError(f"fold: expected 2-D (unbatched) or 3-D (batched) input, got shape {tuple(input.shape)}")
    x = input if input.dim() == 3 else input.unsqueeze(0)
    size = ntuple(output_size, 2, "fold", "output_size")
    k, d = ntuple(kernel_size, 2, "fold", "kernel_size"), ntuple(dilation, 2, "fold", "dilation")
    p, s = ntuple(padding, 2, "fold", "padding"), ntuple(stride, 2, "fold", "stride")
    bh, bw = _blocks(size, k, d, p, s)
    n, columns, blocks = x.shape
    if columns % (k[0] * k[1]) or blocks != bh * bw:
        raise ValueError(
            f"fold: input {tuple(input.shape)} does not go with kernel {k} and {bh} x {bw} blocks of output {size}"
        )
    c = columns // (k[0] * k[1])
    height, width = size[0] + 2 * p[0], size[1] + 2 * p[1]
    # The padded cell of each (kernel cell, block) pair.
    rows = deepnet.arange(k[0], device=x.device).reshape(-1, 1) * d[0] + deepnet.arange(bh, device=x.device) * s[0]
    cols = deepnet.arange(k[1], device=x.device).reshape(-1, 1) * d[1] + deepnet.arange(bw, device=x.device) * s[1]
    index = (rows.reshape(k[0], 1, bh, 1) * width + cols.reshape(1, k[1], 1, bw)).reshape(-1)
    y = deepnet.zeros((n * c, height * width), dtype=x.dtype, device=x.device)
    y = y.index_add(1, index, x.reshape(n * c, -1)).reshape(n, c, height, width)
    if any(p):
        y = y[:, :, p[0] : p[0] + size[0], p[1] : p[1] + size[1]]
    return y if input.dim() == 3 else y.squeeze(0)


__all__ = ["fold", "unfold"]
