"""Rprop and averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any

import deepnet
from deepnet import _core
from deepnet._core import Tensor

from .composed import ComposedOptimizer, decayed
from .optimizer import ParamsT, check_range


class Rprop(ComposedOptimizer):
    """Steps by the gradient's sign, growing while it holds and shrinking when it turns [1]_.

    Parameters
    ----------
    params : iterable
        Parameters or groups; see `Optimizer`.
    lr : float
        The first step size.
    etas : (float, float)
        Factors of shrinking and growing.
    step_sizes : (float, float)
        The smallest and the largest.
    capturable, foreach : optional
        Accepted.
    maximize : bool
        Ascend.
    differentiable : bool
        Accepted only as False.

    References
    ----------
    .. [1] Riedmiller & Braun, A direct adaptive method for faster backpropagation learning, ICNN 1993.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_range("learning rate", lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        options = {"lr": lr, "etas": etas, "step_sizes": step_sizes}
        flags = {"foreach": foreach, "maximize": maximize, "differentiable": differentiable, "capturable": capturable}
        super().__init__(params, options | flags)

    def _start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"prev": deepnet.zeros_like(p), "step_size": deepnet.full_like(p, float(group["lr"])).detach()}

    def _move(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        shrink, grow = group["etas"]
        agreement = _core.sign(grad * state["prev"])
        factor = _core.where(agreement > 0, grow, _core.where(agreement < 0, shrink, 1.0)).to(grad.dtype)
        state["step_size"].mul_(factor).clamp_(*group["step_sizes"])
        grad = grad.masked_fill(agreement < 0, 0.0)  # after a turn, wait one step
        p.sub_(_core.sign(grad) * state["step_size"])
        state["prev"].copy_(grad)


class ASGD(ComposedOptimizer):
    """Gradient descent that also keeps the average of its path [1]_, in `state[p]["ax"]`.

    Parameters
    ----------
    params : iterable
        Parameters or groups; see `Optimizer`.
    lr, lambd, alpha, weight_decay : float
        lambd decays the weights, alpha the step size.
    t0 : float
        The step from which to average.
    foreach, capturable : optional
        Accepted.
    maximize : bool
        Ascend.
    differentiable : bool
        Accepted only as False.

    References
    ----------
    .. [1] Polyak & Juditsky, Acceleration of stochastic approximation by averaging, SIAM J. Control Optim. 30 (1992).
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_range("learning rate", lr)
        check_range("weight_decay value", weight_decay)
        options = {"lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay}
        flags = {"foreach": foreach, "maximize": maximize, "differentiable": differentiable, "capturable": capturable}
        super().__init__(params, options | flags)

    def _start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"eta": float(group["lr"]), "mu": 1.0, "ax": deepnet.zeros_like(p)}

    def _move(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        step, lr, lambd = state["step"], float(group["lr"]), group["lambd"]
        eta, mu = float(state["eta"]), float(state["mu"])
        grad = decayed(p, grad, group)
        p.mul_(1 - lambd * eta)
        p.add_(grad, alpha=-eta)
        if mu == 1:
            state["ax"].copy_(p)
        else:
            state["ax"].add_(p.sub(state["ax"]).mul_(mu))
        state["eta"] = lr / (1 + lambd * lr * step) ** group["alpha"]
        state["mu"] = 1.0 / max(1.0, step - group["t0"])


__all__ = ["ASGD", "Rprop"]
