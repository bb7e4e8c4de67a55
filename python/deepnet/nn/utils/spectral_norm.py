"""Weights divided by their largest singular value, arXiv:1802.05957."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import deepnet
from deepnet import _core
from deepnet._core import Tensor

from ..functional.norm import normalize
from ..parameter import Parameter

if TYPE_CHECKING:
    from ..modules.module import Module

M = TypeVar("M", bound="Module")


class SpectralNorm:
    """The hook that sets a module's weight before each forward, by power iteration."""

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        if n_power_iterations <= 0:
            raise ValueError(f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}")
        self.name = name
        self.dim = dim
        self.n_power_iterations = n_power_iterations
        self.eps = eps

    def as_matrix(self, weight: Tensor) -> Tensor:
        """The weight with axis `dim` first and the rest flattened."""
        return weight.transpose(0, self.dim).reshape(weight.shape[self.dim], -1) if self.dim else weight.flatten(1)

    def compute_weight(self, module: Any, iterate: bool) -> Tensor:
        """The weight over its largest singular value; `iterate` improves the singular vectors first."""
        weight = getattr(module, self.name + "_orig")
        u, v = getattr(module, self.name + "_u"), getattr(module, self.name + "_v")
        matrix = self.as_matrix(weight)
        if iterate:
            with deepnet.no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(normalize(_core.mv(matrix.t(), u), dim=0, eps=self.eps))
                    u.copy_(normalize(_core.mv(matrix, v), dim=0, eps=self.eps))
                u, v = u.clone(), v.clone()  # the next forward's writes must not reach this one's graph
        return weight / _core.dot(u, _core.mv(matrix, v))

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))


def _find(module: Any, name: str) -> int | None:
    for key, (hook, _) in module._forward_pre_hooks.items():
        if isinstance(hook, SpectralNorm) and hook.name == name:
            return int(key)
    return None


def spectral_norm(
    module: M, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> M:
    """Let a module's weight be divided by its largest singular value before each forward.

    Parameters
    ----------
    module : Module
    name : str
        The parameter becomes `name`_orig; buffers `name`_u and `name`_v hold the singular vectors.
    n_power_iterations : int
        Per forward in training.
    eps : float
    dim : int, optional
        The output axis; 1 for transposed convolutions, else 0, where left out.
    """
    if _find(module, name) is not None:
        raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    if dim is None:
        dim = 1 if getattr(module, "transposed", False) else 0
    hook = SpectralNorm(name, n_power_iterations, dim, eps)
    weight = module._parameters.pop(name)
    if weight is None:
        raise ValueError(f"spectral_norm cannot be applied as parameter `{name}` is None")
    with deepnet.no_grad():
        rows, cols = hook.as_matrix(weight).shape
        u = normalize(weight.new_empty((rows,)).normal_(0, 1), dim=0, eps=eps)
        v = normalize(weight.new_empty((cols,)).normal_(0, 1), dim=0, eps=eps)
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.detach())
    module.register_buffer(name + "_u", u)
    module.register_buffer(name + "_v", v)
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: M, name: str = "weight") -> M:
    """Undo `spectral_norm`; the weight keeps its present value."""
    key = _find(module, name)
    if key is None:
        raise ValueError(f"spectral_norm of '{name}' not found in {module}")
    hook, _ = module._forward_pre_hooks.pop(key)
    with deepnet.no_grad():
        weight = hook.compute_weight(module, False)
    for extra in (name, name + "_u", name + "_v", name + "_orig"):
        delattr(module, extra)
    module.register_parameter(name, Parameter(weight.detach()))
    return module


__all__ = ["remove_spectral_norm", "spectral_norm"]
