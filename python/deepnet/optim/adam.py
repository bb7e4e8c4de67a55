"""Adam and AdamW."""

from __future__ import annotations

from typing import Any

import deepnet

from .optimizer import FusedOptimizer, ParamsT, check_range, refuse_differentiable


class Adam(FusedOptimizer):
    """Steps scaled by running moments of the gradient [1]_.

    Parameters
    ----------
    params : iterable
        Parameters or groups; see `Optimizer`.
    lr : float
    betas : (float, float)
        Decay of the first and the second moment.
    eps : float
    weight_decay : float
        Added to the gradient; `AdamW` decays the weights themselves.
    amsgrad : bool
        Divide by the largest second moment so far [2]_.
    maximize : bool
        Ascend.
    foreach, capturable, fused : optional
        Accepted; a step is one kernel, and can be captured, in any case.
    differentiable : bool
        Accepted only as False.
    decoupled_weight_decay : bool
        Decay as `AdamW` does.

    References
    ----------
    .. [1] Kingma & Ba, Adam, arXiv:1412.6980.
    .. [2] Reddi, Kale & Kumar, On the convergence of Adam and beyond, arXiv:1904.09237.

    Examples
    --------
    >>> import deepnet, deepnet.nn as nn
    >>> p = nn.Parameter(deepnet.tensor([1.0]))
    >>> optimizer = deepnet.optim.Adam([p], lr=0.25)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> round(p.item(), 4)
    0.75
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        check_range("learning rate", lr)
        check_range("epsilon value", eps)
        check_range("beta parameter at index 0", betas[0], 0.0, 1.0)
        check_range("beta parameter at index 1", betas[1], 0.0, 1.0)
        check_range("weight_decay value", weight_decay)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
                "fused": fused,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )
        refuse_differentiable(self.defaults)

    def _update(self, group: dict[str, Any]) -> None:
        amsgrad = group["amsgrad"]
        # Parameters by the number of their steps so far: all in one list, unless some had no gradient at times.
        lists: dict[int, tuple[list[Any], ...]] = {}
        for p in group["params"]:
            grad = p.grad
            if grad is None:
                continue
            state = self.state[p]
            if not state:
                state["step"] = 0
                state["exp_avg"] = deepnet.zeros_like(p)
                state["exp_avg_sq"] = deepnet.zeros_like(p)
            if amsgrad and "max_exp_avg_sq" not in state:
                state["max_exp_avg_sq"] = deepnet.zeros_like(p)
            step = state["step"]
            if step not in lists:
                lists[step] = ([], [], [], [], [], [])
            params, grads, first, second, largest, states = lists[step]
            params.append(p)
            grads.append(grad)
            first.append(state["exp_avg"])
            second.append(state["exp_avg_sq"])
            states.append(state)
            if amsgrad:
                largest.append(state["max_exp_avg_sq"])
        self._op = "adamw" if group["decoupled_weight_decay"] else "adam"
        for params, grads, first, second, largest, states in lists.values():

            def hyper(states: list[Any] = states) -> list[float]:
                step = states[0]["step"] + 1
                for state in states:
                    state["step"] = step
                beta1, beta2 = group["betas"]
                return [float(group["lr"]), float(beta1), float(beta2), group["eps"], group["weight_decay"], step]

            moments = [first, second, largest] if amsgrad else [first, second]
            self._launch(params, grads, moments, hyper, amsgrad=amsgrad, maximize=group["maximize"])


class AdamW(Adam):
    """Adam with decay of the weights themselves [1]_; parameters as in `Adam`.

    References
    ----------
    .. [1] Loshchilov & Hutter, Decoupled weight decay regularization, arXiv:1711.05101.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )


__all__ = ["Adam", "AdamW"]
