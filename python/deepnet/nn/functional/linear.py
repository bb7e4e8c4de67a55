"""Affine and bilinear maps."""

from __future__ import annotations

from deepnet import _core
from deepnet._core import Tensor


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Input @ weight.T + bias.

    Parameters
    ----------
    input : Tensor, shape (..., in_features)
    weight : Tensor, shape (out_features, in_features) or (in_features,)
    bias : Tensor, shape (out_features,) or (), optional

    Returns
    -------
    Tensor, shape (..., out_features)
    """
    return _core.linear(input, weight, bias)


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input1' W_k input2 + bias_k for each output feature k.

    Parameters
    ----------
    input1 : Tensor, shape (..., in1_features)
    input2 : Tensor, shape (..., in2_features)
    weight : Tensor, shape (out_features, in1_features, in2_features)
    bias : Tensor, shape (out_features,), optional

    Returns
    -------
    Tensor, shape (..., out_features)
    """
    if weight.dim() != 3:
        raise ValueError(f"bilinear: weight must have 3 dimensions, got shape {tuple(weight.shape)}")
    out, in1, in2 = weight.shape
    if input1.shape[-1] != in1 or input2.shape[-1] != in2:
        raise ValueError(f"bilinear: last sizes must be {in1} and {in2}, got {tuple(input1.shape)} and {tuple(input2.shape)}")
    if input1.shape[:-1] != input2.shape[:-1]:
        raise ValueError(f"bilinear: leading sizes must agree, got {tuple(input1.shape)} and {tuple(input2.shape)}")
    a, b = input1.reshape(-1, in1), input2.reshape(-1, in2)
    # (R, in1) @ (in1, out * in2), then the product with input2 summed over in2.
    mixed = (a @ weight.permute(1, 0, 2).reshape(in1, out * in2)).reshape(-1, out, in2)
    result = (mixed @ b.unsqueeze(-1)).squeeze(-1)
    if bias is not None:
        result = result + bias
    return result.reshape([*input1.shape[:-1], out])


__all__ = ["bilinear", "linear"]
