"""Convolutions and transposed convolutions in one to three dimensions."""

from __future__ import annotations

from typing import Any

from deepnet import _core
from deepnet._core import Tensor

from ._args import batched, ntuple


def same_padding(kernel: list[int], dilation: list[int]) -> tuple[list[int], list[int]]:
    """Padding before and after each axis that keeps the size at stride 1."""
    total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    return [t // 2 for t in total], [t - t // 2 for t in total]


def _conv(
    op: str, n: int, input: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Tensor:
    if weight.dim() != n + 2:
        raise ValueError(f"{op}: weight must have {n + 2} dimensions, got shape {tuple(weight.shape)}")
    x, single = batched(op, input, n)
    strides, dilations = ntuple(stride, n, op, "stride"), ntuple(dilation, n, op, "dilation")
    if isinstance(padding, str):
        pads = [0] * n
        if padding == "same":
            if any(s != 1 for s in strides):
                raise ValueError(f"{op}: padding='same' is not supported for strided convolutions, got stride {strides}")
            pads, after = same_padding(list(weight.shape[2:]), dilations)
            if pads != after:  # an even kernel: one more cell on the far side
                ends: list[int] = []
                for a, b in zip(reversed(pads), reversed(after), strict=True):
                    ends += [0, b - a]
                x = _core.constant_pad(x, ends)
        elif padding != "valid":
            raise ValueError(f"{op}: padding must be 'same', 'valid' or ints, got {padding!r}")
    else:
        pads = ntuple(padding, n, op, "padding")
    y = _core.conv(x, weight, bias, strides, pads, dilations, groups)
    return y.squeeze(0) if single else y


def _conv_transpose(
    op: str, n: int, input: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, output_padding: Any, groups: int,
    dilation: Any,
) -> Tensor:  # fmt: skip
    if weight.dim() != n + 2:
        raise ValueError(f"{op}: weight must have {n + 2} dimensions, got shape {tuple(weight.shape)}")
    x, single = batched(op, input, n)
    y = _core.conv_transpose(
        x,
        weight,
        bias,
        ntuple(stride, n, op, "stride"),
        ntuple(padding, n, op, "padding"),
        ntuple(output_padding, n, op, "output_padding"),
        groups,
        ntuple(dilation, n, op, "dilation"),
    )
    return y.squeeze(0) if single else y


def conv1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    """Cross-correlate a batch of sequences with a bank of filters.

    Parameters
    ----------
    input : Tensor, shape (N, C_in, L) or (C_in, L)
    weight : Tensor, shape (C_out, C_in / groups, K)
    bias : Tensor, shape (C_out,), optional
    stride, dilation : int
    padding : int, 'same' or 'valid'
    groups : int

    Returns
    -------
    Tensor, shape (N, C_out, L_out) or (C_out, L_out)
        L_out = (L + 2 * padding - dilation * (K - 1) - 1) // stride + 1.
    """
    return _conv("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    """Cross-correlate a batch of images with a bank of filters.

    Parameters
    ----------
    input : Tensor, shape (N, C_in, H, W) or (C_in, H, W)
    weight : Tensor, shape (C_out, C_in / groups, K_h, K_w)
    bias : Tensor, shape (C_out,), optional
    stride, dilation : int or (int, int), in pixels
    padding : int, (int, int), 'same' or 'valid'
    groups : int

    Returns
    -------
    Tensor, shape (N, C_out, H_out, W_out) or (C_out, H_out, W_out)
        H_out = (H + 2 * padding - dilation * (K_h - 1) - 1) // stride + 1; likewise W_out.

    Raises
    ------
    ValueError
        If channel counts disagree or the filter exceeds the padded image.

    References
    ----------
    .. [1] Dumoulin & Visin, A guide to convolution arithmetic, arXiv:1603.07285.

    Examples
    --------
    >>> import deepnet, deepnet.nn.functional as F
    >>> F.conv2d(deepnet.ones(1, 3, 8, 8), deepnet.ones(4, 3, 3, 3), padding=1).shape
    Size([1, 4, 8, 8])
    """
    return _conv("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    """Cross-correlate a batch of volumes with a bank of filters.

    Parameters
    ----------
    input : Tensor, shape (N, C_in, D, H, W) or (C_in, D, H, W)
    weight : Tensor, shape (C_out, C_in / groups, K_d, K_h, K_w)
    bias : Tensor, shape (C_out,), optional
    stride, dilation : int or three ints, in voxels
    padding : int, three ints, 'same' or 'valid'
    groups : int

    Returns
    -------
    Tensor, shape (N, C_out, D_out, H_out, W_out) or without N
    """
    return _conv("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """The gradient of `conv1d` with respect to its input, as a layer.

    Parameters
    ----------
    input : Tensor, shape (N, C_in, L) or (C_in, L)
    weight : Tensor, shape (C_in, C_out / groups, K)
    bias : Tensor, shape (C_out,), optional
    stride, padding, output_padding, dilation : int
    groups : int

    Returns
    -------
    Tensor, shape (N, C_out, L_out) or (C_out, L_out)
        L_out = (L - 1) * stride - 2 * padding + dilation * (K - 1) + output_padding + 1.
    """
    return _conv_transpose("conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """The gradient of `conv2d` with respect to its input, as a layer.

    Parameters
    ----------
    input : Tensor, shape (N, C_in, H, W) or (C_in, H, W)
    weight : Tensor, shape (C_in, C_out / groups, K_h, K_w)
    bias : Tensor, shape (C_out,), optional
    stride, padding, output_padding, dilation : int or (int, int)
    groups : int

    Returns
    -------
    Tensor, shape (N, C_out, H_out, W_out) or (C_out, H_out, W_out)
        H_out = (H - 1) * stride - 2 * padding + dilation * (K_h - 1) + output_padding + 1; likewise W_out.
    """
    return _conv_transpose("conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """The gradient of `conv3d` with respect to its input, as a layer; see `conv_transpose2d`.

    Parameters
    ----------
    input : Tensor, shape (N, C_in, D, H, W) or (C_in, D, H, W)
    weight : Tensor, shape (C_in, C_out / groups, K_d, K_h, K_w)
    bias : Tensor, shape (C_out,), optional
    stride, padding, output_padding, dilation : int or three ints
    groups : int

    Returns
    -------
    Tensor, shape (N, C_out, D_out, H_out, W_out) or without N
    """
    return _conv_transpose("conv_transpose3d", 3, input, weight, bias, stride, padding, output_padding, groups, dilation)


__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]
