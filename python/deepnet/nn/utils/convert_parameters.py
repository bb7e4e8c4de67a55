"""All parameters as one vector."""

from __future__ import annotations

from collections.abc import Iterable

from deepnet import _core
from deepnet._core import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The parameters, flattened, one after another; shape (total,)."""
    return _core.cat([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Let each parameter's data be its part of the vector."""
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected Tensor, but got: {type(vec).__name__}")
    at = 0
    for p in parameters:
        n = p.numel()
        p.data = vec[at : at + n].view_as(p).detach()
        at += n


__all__ = ["parameters_to_vector", "vector_to_parameters"]
