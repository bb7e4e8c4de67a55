"""Adagrad."""

from __future__ import annotations

from typing import Any

import deepnet

from .optimizer import FusedOptimizer, ParamsT, check_range, refuse_differentiable


class Adagrad(FusedOptimizer):
    """Steps divided by the root of the sum of squared gradients [1]_.

    Parameters
    ----------
    params : iterable
        Parameters or groups; see `Optimizer`.
    lr, lr_decay, weight_decay : float
    initial_accumulator_value : float
        What the sums start from.
    eps : float
    maximize : bool
        Ascend.
    foreach, fused : optional
        Accepted; a step is one kernel in any case.
    differentiable : bool
        Accepted only as False.

    References
    ----------
    .. [1] Duchi, Hazan & Singer, Adaptive subgradient methods, JMLR 12 (2011).
    """

    _op = "adagrad"

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_range("learning rate", lr)
        check_range("lr_decay value", lr_decay)
        check_range("weight_decay value", weight_decay)
        check_range("initial_accumulator_value value", initial_accumulator_value)
        check_range("epsilon value", eps)
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "eps": eps,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "fused": fused,
            },
        )
        refuse_differentiable(self.defaults)
        for group in self.param_groups:
            for p in group["params"]:
                self._start(p, group)

    def _start(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        state = self.state[p]
        state["step"] = 0
        state["sum"] = deepnet.full_like(p, group["initial_accumulator_value"]).detach()
        return state

    def share_memory(self) -> None:
        """Move the sums into memory that child processes see."""
        for state in self.state.values():
            state["sum"].share_memory_()

    def _update(self, group: dict[str, Any]) -> None:
        lists: dict[int, tuple[list[Any], ...]] = {}
        for p in group["params"]:
            grad = p.grad
            if grad is None:
                continue
            state = self.state[p] or self._start(p, group)
            step = state["step"]
            if step not in lists:
                lists[step] = ([], [], [], [])
            params, grads, sums, states = lists[step]
            params.append(p)
            grads.append(grad)
            sums.append(state["sum"])
            states.append(state)
        for params, grads, sums, states in lists.values():

            def hyper(states: list[Any] = states) -> list[float]:
                step = states[0]["step"] + 1
                for state in states:
                    state["step"] = step
                return [float(group["lr"]), group["lr_decay"], group["weight_decay"], group["eps"], step]

            self._launch(params, grads, [sums], hyper, maximize=group["maximize"])


__all__ = ["Adagrad"]
