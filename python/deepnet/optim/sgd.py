"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

import deepnet

from .optimizer import FusedOptimizer, ParamsT, check_range, refuse_differentiable


class SGD(FusedOptimizer):
    """Gradient descent, with momentum [1]_ where wanted.

    Parameters
    ----------
    params : iterable
        Parameters or groups; see `Optimizer`.
    lr : float
    momentum, dampening, weight_decay : float
    nesterov : bool
        Needs momentum, and dampening 0.
    maximize : bool
        Ascend.
    foreach, fused : optional
        Accepted; a step is one kernel in any case.
    differentiable : bool
        Accepted only as False.

    References
    ----------
    .. [1] Sutskever et al., On the importance of initialization and momentum in deep learning, ICML 2013.

    Examples
    --------
    >>> import deepnet, deepnet.nn as nn
    >>> p = nn.Parameter(deepnet.tensor([1.0]))
    >>> optimizer = deepnet.optim.SGD([p], lr=0.5)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.item()
    0.0
    """

    _op = "sgd"

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_range("learning rate", lr)
        check_range("momentum value", momentum)
        check_range("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
                "foreach": foreach,
                "differentiable": differentiable,
                "fused": fused,
            },
        )
        refuse_differentiable(self.defaults)

    def _update(self, group: dict[str, Any]) -> None:
        with_momentum = group["momentum"] != 0
        # Parameters whose momentum is empty go by themselves: their first step sets it to the gradient.
        lists: dict[bool, tuple[list[Any], list[Any], list[Any]]] = {}
        for p in group["params"]:
            grad = p.grad
            if grad is None:
                continue
            first = False
            buffer = None
            if with_momentum:
                state = self.state[p]
                buffer = state.get("momentum_buffer")
                if buffer is None:
                    first = True
                    state["momentum_buffer"] = buffer = deepnet.zeros_like(p)
            if first not in lists:
                lists[first] = ([], [], [])
            params, grads, buffers = lists[first]
            params.append(p)
            grads.append(grad)
            buffers.append(buffer)
        for first, (params, grads, buffers) in lists.items():
            fresh = [first]  # of a captured first step, only the first run is one

            def hyper(fresh: list[bool] = fresh) -> list[float]:
                is_first = fresh.pop() if fresh else False
                return [float(group["lr"]), group["momentum"], group["dampening"], group["weight_decay"], float(is_first)]

            self._launch(
                params,
                grads,
                [buffers] if with_momentum else [],
                hyper,
                nesterov=group["nesterov"],
                maximize=group["maximize"],
            )


__all__ = ["SGD"]
