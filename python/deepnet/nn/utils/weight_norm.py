"""Weights split into length and direction, arXiv:1602.07868."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import deepnet
from deepnet._core import Tensor

from ..parameter import Parameter

if TYPE_CHECKING:
    from ..modules.module import Module

M = TypeVar("M", bound="Module")


def norm_except_dim(v: Tensor, dim: int | None) -> Tensor:
    """The norm over all axes but `dim`, kept with size 1; over all where dim is None or -1."""
    if dim is None or dim == -1:
        return deepnet.norm(v)
    axis = dim % v.dim()
    shape = [1] * v.dim()
    shape[axis] = v.shape[axis]
    return deepnet.norm(v.transpose(0, axis).reshape(v.shape[axis], -1), 2, 1).reshape(shape)


def scaled_direction(g: Tensor, v: Tensor, dim: int | None) -> Tensor:
    """G * v / |v|."""
    return v * (g / norm_except_dim(v, dim))


class WeightNorm:
    """The hook that sets a module's weight before each forward."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Any) -> Tensor:
        """The weight of the present length and direction."""
        return scaled_direction(getattr(module, self.name + "_g"), getattr(module, self.name + "_v"), self.dim)

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def _find(module: Any, name: str) -> int | None:
    for key, (hook, _) in module._forward_pre_hooks.items():
        if isinstance(hook, WeightNorm) and hook.name == name:
            return int(key)
    return None


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """Let a module's weight be g * v / |v| with parameters g (length) and v (direction).

    Parameters
    ----------
    module : Module
    name : str
        The parameter is replaced by `name`_g and `name`_v.
    dim : int or None
        The axis over which lengths are separate; None for one length.
    """
    if _find(module, name) is not None:
        raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
    hook = WeightNorm(name, dim)
    weight = getattr(module, name)
    del module._parameters[name]
    module.register_parameter(name + "_g", Parameter(norm_except_dim(weight, hook.dim).detach().clone()))
    module.register_parameter(name + "_v", Parameter(weight.detach()))
    setattr(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: M, name: str = "weight") -> M:
    """Undo `weight_norm`."""
    key = _find(module, name)
    if key is None:
        raise ValueError(f"weight_norm of '{name}' not found in {module}")
    hook, _ = module._forward_pre_hooks.pop(key)
    weight = hook.compute_weight(module).detach()
    delattr(module, name)
    del module._parameters[name + "_g"]
    del module._parameters[name + "_v"]
    module.register_parameter(name, Parameter(weight))
    return module


__all__ = ["remove_weight_norm", "weight_norm"]
