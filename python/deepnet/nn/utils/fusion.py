"""A layer and the batch norm after it, as one layer for evaluation."""

from __future__ import annotations

import copy
from typing import Any

from deepnet import _core
from deepnet._core import Tensor

from ..parameter import Parameter


def _scale_shift(
    mean: Tensor, var: Tensor, eps: float, weight: Tensor | None, bias: Tensor | None, own_bias: Tensor | None
) -> tuple[Tensor, Tensor]:
    """What each output channel is multiplied by, and the bias that results."""
    scale = _core.rsqrt(var + eps)
    if weight is not None:
        scale = scale * weight
    shift = (-mean if own_bias is None else own_bias - mean) * scale
    return scale, shift if bias is None else shift + bias


def fuse_conv_bn_weights(
    conv_w: Tensor, conv_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float, bn_w: Tensor | None,
    bn_b: Tensor | None, transpose: bool = False,
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """Weight and bias of a convolution with a batch norm's running statistics, scale and shift in them."""
    scale, bias = _scale_shift(bn_rm, bn_rv, bn_eps, bn_w, bn_b, conv_b)
    shape = [1] * conv_w.dim()
    shape[1 if transpose else 0] = -1
    weight = conv_w * scale.reshape(shape).to(conv_w.dtype)
    return Parameter(weight.detach(), conv_w.requires_grad), Parameter(bias.detach(), True)


def fuse_linear_bn_weights(
    linear_w: Tensor, linear_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float, bn_w: Tensor | None,
    bn_b: Tensor | None,
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """Weight and bias of a linear layer with a batch norm's running statistics, scale and shift in them."""
    return fuse_conv_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)


def _fuse(layer: Any, bn: Any, transpose: bool) -> Any:
    if layer.training or bn.training:
        raise ValueError("fusion with a batch norm is for evaluation: call eval() on both first")
    if bn.running_mean is None or bn.running_var is None:
        raise ValueError("fusion with a batch norm needs its running statistics")
    fused = copy.deepcopy(layer)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        layer.weight, layer.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, transpose
    )
    return fused


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A convolution that computes bn(conv(x)); both have to be in evaluation mode."""
    return _fuse(conv, bn, transpose)


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """A linear layer that computes bn(linear(x)); both have to be in evaluation mode."""
    if linear.out_features != bn.num_features and bn.num_features != 1:
        raise ValueError(f"fuse_linear_bn_eval: {linear.out_features} outputs do not go with {bn.num_features} features")
    return _fuse(linear, bn, False)


__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]
