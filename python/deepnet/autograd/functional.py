"""Jacobians and their products, by backward passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deepnet import _core
from deepnet._core import Tensor
from deepnet.autograd.backward import grad


def _pack(inputs: Any) -> tuple[bool, tuple[Tensor, ...]]:
    single = isinstance(inputs, Tensor)
    items = (inputs,) if single else tuple(inputs)
    return single, tuple(x.detach().requires_grad_() for x in items)


def vjp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False) -> tuple[Any, Any]:
    """Return func(inputs) and the product of v with its Jacobian."""
    single, xs = _pack(inputs)
    y = func(*xs)
    g = grad(y, xs, v, create_graph=create_graph, materialize_grads=True)
    return y, g[0] if single else g


def jacobian(
    func: Callable[..., Any], inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False
) -> Any:
    """Return the Jacobian of func at inputs: for an input, shape (*output, *input)."""
    single, xs = _pack(inputs)
    y = func(*xs)
    rows = []
    for j in range(y.numel()):
        seed = _core.full_size(y.shape, 0, dtype=y.dtype)
        seed.view(-1)[j] = 1.0
        rows.append(grad(y, xs, seed, retain_graph=True, create_graph=create_graph, materialize_grads=True))
    result = tuple(_core.stack([r[k] for r in rows]).reshape(tuple(y.shape) + tuple(x.shape)) for k, x in enumerate(xs))
    return result[0] if single else result


def hessian(
    func: Callable[..., Any], inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False
) -> Any:
    """Return the matrix of second derivatives of a function of one element."""

    def gradient(x: Tensor) -> Tensor:
        return grad(func(x), x, create_graph=True)[0]

    if not isinstance(inputs, Tensor):
        raise TypeError("hessian: takes one input tensor")
    return jacobian(gradient, inputs, create_graph=create_graph)


__all__ = ["hessian", "jacobian", "vjp"]
