"""RMSprop."""

from __future__ import annotations

from typing import Any

import deepnet

from .optimizer import FusedOptimizer, ParamsT, check_range, refuse_differentiable


class RMSprop(FusedOptimizer):
    """Steps divided by the root of a running mean square of the gradient [1]_.

    Parameters
    ----------
    params : iterable
        Parameters or groups; see `Optimizer`.
    lr, alpha, eps, weight_decay, momentum : float
        alpha decays the mean square.
    centered : bool
        Divide by the deviation rather than the mean square.
    maximize : bool
        Ascend.
    capturable, foreach : optional
        Accepted; a step is one kernel in any case.
    differentiable : bool
        Accepted only as False.

    References
    ----------
    .. [1] Tieleman & Hinton, Lecture 6.5 of Neural networks for machine learning, 2012.
    """

    _op = "rmsprop"

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_range("learning rate", lr)
        check_range("epsilon value", eps)
        check_range("momentum value", momentum)
        check_range("weight_decay value", weight_decay)
        check_range("alpha value", alpha)
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "alpha": alpha,
                "eps": eps,
                "centered": centered,
                "weight_decay": weight_decay,
                "capturable": capturable,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
            },
        )
        refuse_differentiable(self.defaults)

    def _update(self, group: dict[str, Any]) -> None:
        centered, with_momentum = group["centered"], group["momentum"] > 0
        params, grads, squares, means, buffers, states = [], [], [], [], [], []
        for p in group["params"]:
            grad = p.grad
            if grad is None:
                continue
            state = self.state[p]
            if not state:
                state["step"] = 0
                state["square_avg"] = deepnet.zeros_like(p)
                if with_momentum:
                    state["momentum_buffer"] = deepnet.zeros_like(p)
                if centered:
                    state["grad_avg"] = deepnet.zeros_like(p)
            params.append(p)
            grads.append(grad)
            states.append(state)
            squares.append(state["square_avg"])
            if centered:
                means.append(state["grad_avg"])
            if with_momentum:
                buffers.append(state["momentum_buffer"])
        if not params:
            return

        def hyper() -> list[float]:
            for state in states:
                state["step"] += 1
            return [float(group["lr"]), group["alpha"], group["eps"], group["weight_decay"], group["momentum"]]

        self._launch(params, grads, [squares, means, buffers], hyper, centered=centered, maximize=group["maximize"])


__all__ = ["RMSprop"]
