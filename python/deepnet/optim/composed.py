"""Optimizers whose step is composed of tensor operators, parameter by parameter."""

from __future__ import annotations

from typing import Any

from deepnet import _core
from deepnet._core import Tensor

from .optimizer import Optimizer, ParamsT, refuse_differentiable


class ComposedOptimizer(Optimizer):
    """A subclass defines `_start`, the first state of a parameter, and `_move`, one step of it."""

    def __init__(self, params: ParamsT, defaults: dict[str, Any]) -> None:
        super().__init__(params, defaults)
        refuse_differentiable(self.defaults)

    def _start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError(f"{type(self).__name__} does not define _start")

    def _move(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        raise RuntimeError(f"{type(self).__name__} does not define _move")

    def _update(self, group: dict[str, Any]) -> None:
        if _core.capturing():
            raise RuntimeError(
                f"{type(self).__name__}.step: its kernels take the learning rate and the count of steps by value, which a "
                "capture cannot replay; take the step outside of the capture"
            )
        for p in group["params"]:
            grad = p.grad
            if grad is None:
                continue
            state = self.state[p]
            if not state:
                state["step"] = 0
                state.update(self._start(p, group))
            state["step"] += 1
            self._move(p, -grad if group["maximize"] else grad, state, group)


def decayed(p: Tensor, grad: Tensor, group: dict[str, Any]) -> Tensor:
    """The gradient with the weights' decay: added to it, or, decoupled, taken from the weights in place."""
    decay = group["weight_decay"]
    if not decay:
        return grad
    if group.get("decoupled_weight_decay"):
        p.mul_(1 - float(group["lr"]) * decay)
        return grad
    return grad.add(p, alpha=decay)


__all__ = ["ComposedOptimizer", "decayed"]
