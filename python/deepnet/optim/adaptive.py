"""Relatives of Adam: Adamax, NAdam, RAdam; and Adadelta."""

from __future__ import annotations

import math
from typing import Any

import deepnet
from deepnet._core import Tensor

from .composed import ComposedOptimizer, decayed
from .optimizer import ParamsT, check_range


def _check(lr: float, betas: tuple[float, float], eps: float, weight_decay: float) -> None:
    check_range("learning rate", lr)
    check_range("epsilon value", eps)
    check_range("beta parameter at index 0", betas[0], 0.0, 1.0)
    check_range("beta parameter at index 1", betas[1], 0.0, 1.0)
    check_range("weight_decay value", weight_decay)


class Adamax(ComposedOptimizer):
    """Adam with the infinity norm in place of the second moment (arXiv:1412.6980); parameters as in `Adam`."""

    def __init__(
        self,
        params: ParamsT,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        _check(lr, betas, eps, weight_decay)
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        flags = {"foreach": foreach, "maximize": maximize, "differentiable": differentiable, "capturable": capturable}
        super().__init__(params, options | flags)

    def _start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"exp_avg": deepnet.zeros_like(p), "exp_inf": deepnet.zeros_like(p)}

    def _move(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        grad = decayed(p, grad, group)
        state["exp_avg"].lerp_(grad, 1 - beta1)
        norm = deepnet.maximum(state["exp_inf"].mul_(beta2), grad.abs().add_(group["eps"]))
        state["exp_inf"].copy_(norm)
        p.addcdiv_(state["exp_avg"], norm, value=-float(group["lr"]) / (1 - beta1 ** state["step"]))


class NAdam(ComposedOptimizer):
    """Adam with Nesterov momentum [1]_; parameters as in `Adam`.

    Parameters
    ----------
    momentum_decay : float

    References
    ----------
    .. [1] Dozat, Incorporating Nesterov momentum into Adam, ICLR workshop 2016.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        _check(lr, betas, eps, weight_decay)
        check_range("momentum_decay value", momentum_decay)
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay}
        flags = {"foreach": foreach, "maximize": maximize, "capturable": capturable, "differentiable": differentiable}
        super().__init__(params, options | {"decoupled_weight_decay": decoupled_weight_decay} | flags)

    def _start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"mu_product": 1.0, "exp_avg": deepnet.zeros_like(p), "exp_avg_sq": deepnet.zeros_like(p)}

    def _move(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        step, lr, decay = state["step"], float(group["lr"]), group["momentum_decay"]
        grad = decayed(p, grad, group)
        mu = beta1 * (1.0 - 0.5 * 0.96 ** (step * decay))
        mu_next = beta1 * (1.0 - 0.5 * 0.96 ** ((step + 1) * decay))
        product = float(state["mu_product"]) * mu
        state["mu_product"] = product
        state["exp_avg"].lerp_(grad, 1 - beta1)
        state["exp_avg_sq"].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        denominator = state["exp_avg_sq"].div(1 - beta2**step).sqrt_().add_(group["eps"])
        p.addcdiv_(grad, denominator, value=-lr * (1.0 - mu) / (1.0 - product))
        p.addcdiv_(state["exp_avg"], denominator, value=-lr * mu_next / (1.0 - product * mu_next))


class RAdam(ComposedOptimizer):
    """Adam whose scaling starts when its variance can be trusted [1]_; parameters as in `Adam`.

    References
    ----------
    .. [1] Liu et al., On the variance of the adaptive learning rate and beyond, arXiv:1908.03265.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        _check(lr, betas, eps, weight_decay)
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        flags = {"foreach": foreach, "maximize": maximize, "capturable": capturable, "differentiable": differentiable}
        super().__init__(params, options | {"decoupled_weight_decay": decoupled_weight_decay} | flags)

    def _start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"exp_avg": deepnet.zeros_like(p), "exp_avg_sq": deepnet.zeros_like(p)}

    def _move(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        step, lr = state["step"], float(group["lr"])
        grad = decayed(p, grad, group)
        first, second = state["exp_avg"], state["exp_avg_sq"]
        first.lerp_(grad, 1 - beta1)
        second.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        correction1, correction2 = 1 - beta1**step, 1 - beta2**step
        rho_inf = 2 / (1 - beta2) - 1
        rho = rho_inf - 2 * step * beta2**step / correction2
        if rho <= 5.0:
            p.add_(first, alpha=-lr / correction1)
            return
        trust = math.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
        denominator = second.sqrt().add_(group["eps"])
        p.addcdiv_(first, denominator, value=-lr / correction1 * math.sqrt(correction2) * trust)


class Adadelta(ComposedOptimizer):
    """Steps in the ratio of the running deviations of past steps and gradients [1]_.

    Parameters
    ----------
    params : iterable
        Parameters or groups; see `Optimizer`.
    lr, rho, eps, weight_decay : float
        rho decays the mean squares.
    foreach, capturable : optional
        Accepted.
    maximize : bool
        Ascend.
    differentiable : bool
        Accepted only as False.

    References
    ----------
    .. [1] Zeiler, ADADELTA, arXiv:1212.5701.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_range("learning rate", lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_range("epsilon value", eps)
        check_range("weight_decay value", weight_decay)
        options = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay}
        flags = {"maximize": maximize, "capturable": capturable, "foreach": foreach, "differentiable": differentiable}
        super().__init__(params, options | flags)

    def _start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"square_avg": deepnet.zeros_like(p), "acc_delta": deepnet.zeros_like(p)}

    def _move(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        rho, eps = group["rho"], group["eps"]
        grad = decayed(p, grad, group)
        square, delta = state["square_avg"], state["acc_delta"]
        square.mul_(rho).addcmul_(grad, grad, value=1 - rho)
        step = delta.add(eps).sqrt_().div_(square.add(eps).sqrt_()).mul_(grad)
        delta.mul_(rho).addcmul_(step, step, value=1 - rho)
        p.add_(step, alpha=-float(group["lr"]))


__all__ = ["Adadelta", "Adamax", "NAdam", "RAdam"]
