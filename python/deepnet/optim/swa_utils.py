"""Averages of weights along training."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

import deepnet
from deepnet._core import Tensor

from ..nn.modules.batchnorm import _BatchNorm
from ..nn.modules.module import Module
from .lr_scheduler.base import LRScheduler, per_group
from .optimizer import Optimizer

Average = Callable[[Tensor, Tensor, Any], Tensor]
AverageMany = Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def get_ema_multi_avg_fn(decay: float = 0.999) -> AverageMany:
    """A function that moves averages towards values by 1 - decay, in place."""
    _check_decay(decay)

    def average(averaged: Sequence[Tensor], current: Sequence[Tensor], _: Any) -> None:
        for a, c in zip(averaged, current, strict=True):
            if a.is_floating_point():
                a.lerp_(c, 1 - decay)
            else:
                a.copy_(a * decay + c * (1 - decay))

    return average


def get_swa_multi_avg_fn() -> AverageMany:
    """A function that lets values take part in plain means, in place."""

    def average(averaged: Sequence[Tensor], current: Sequence[Tensor], num_averaged: Any) -> None:
        weight = 1 / (int(num_averaged) + 1)
        for a, c in zip(averaged, current, strict=True):
            if a.is_floating_point():
                a.lerp_(c, weight)
            else:
                a.copy_(a + (c - a) * weight)

    return average


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """The exponential average: decay * average + (1 - decay) * value."""
    _check_decay(decay)
    return lambda averaged, current, _: decay * averaged + (1 - decay) * current


def get_swa_avg_fn() -> Average:
    """The plain mean of all values so far."""
    return lambda averaged, current, n: averaged + (current - averaged) / (int(n) + 1)


class AveragedModel(Module):
    """A copy of a model whose parameters are averages of the model's [1]_.

    Parameters
    ----------
    model : Module
    device : optional
        Where the averages live.
    avg_fn : callable, optional
        avg_fn(average, value, times averaged) -> new average.
    multi_avg_fn : callable, optional
        The same over lists, in place. Plain means where neither is given.
    use_buffers : bool
        Average the buffers too, rather than copy them.

    References
    ----------
    .. [1] Izmailov et al., Averaging weights leads to wider optima, arXiv:1803.05407.

    Examples
    --------
    >>> import deepnet, deepnet.nn as nn
    >>> model = nn.Linear(2, 2)
    >>> ema = deepnet.optim.swa_utils.AveragedModel(
    ...     model, multi_avg_fn=deepnet.optim.swa_utils.get_ema_multi_avg_fn(0.99)
    ... )
    >>> ema.update_parameters(model)
    >>> int(ema.n_averaged)
    1
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: AverageMany | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("AveragedModel: only one of avg_fn and multi_avg_fn can be given")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module.to(device)
        self.register_buffer("n_averaged", deepnet.tensor(0, dtype=deepnet.int64, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the averaged copy."""
        return self.module(*args, **kwargs)

    def _state(self, model: Module) -> list[Tensor]:
        return list(chain(model.parameters(), model.buffers() if self.use_buffers else ()))

    def update_parameters(self, model: Module) -> None:
        """Let the model's present parameters take part in the averages."""
        with deepnet.no_grad():
            mine = [p.detach() for p in self._state(self.module)]
            theirs = [p.detach().to(a.device) for p, a in zip(self._state(model), mine, strict=True)]
            if int(self.n_averaged) == 0:
                for a, p in zip(mine, theirs, strict=True):
                    a.copy_(p)
            elif self.avg_fn is not None:
                for a, p in zip(mine, theirs, strict=True):
                    a.copy_(self.avg_fn(a, p, self.n_averaged))
            else:
                (self.multi_avg_fn or get_swa_multi_avg_fn())(mine, theirs, self.n_averaged)
            if not self.use_buffers:
                for b, source in zip(self.module.buffers(), model.buffers(), strict=True):
                    b.copy_(source)
            self.n_averaged.add_(1)


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Gather the running statistics of all batch norms anew from a loader's batches.

    Parameters
    ----------
    loader : iterable of batches, or of tuples whose first entry is the batch
    model : Module
    device : optional
        Where to move batches.
    """
    norms = {m: m.momentum for m in model.modules() if isinstance(m, _BatchNorm)}
    if not norms:
        return
    was_training = model.training
    model.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    with deepnet.no_grad():
        for batch in loader:
            x = batch[0] if isinstance(batch, (list, tuple)) else batch
            model(x if device is None else x.to(device))
    for norm, momentum in norms.items():
        norm.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """Anneals the rates to `swa_lr` in `anneal_epochs` and keeps them there.

    Parameters
    ----------
    optimizer : Optimizer
    swa_lr : float, or one per group
    anneal_epochs : int
    anneal_strategy : {'cos', 'linear'}
    last_epoch : int
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        for group, lr in zip(optimizer.param_groups, per_group("swa_lr", optimizer, swa_lr), strict=True):
            group["swa_lr"] = lr
        self.anneal_epochs = anneal_epochs
        self.anneal_strategy = anneal_strategy
        super().__init__(optimizer, last_epoch)

    def _share(self, epoch: float) -> float:
        """How much of swa_lr is in the rate."""
        t = max(0.0, min(1.0, epoch / max(1, self.anneal_epochs)))
        return t if self.anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> list[Any]:
        """The rates at `last_epoch`, each from the one before."""
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        rates = []
        for group in self.optimizer.param_groups:
            swa = group["swa_lr"]
            start = swa if before == 1 else (group["lr"] - before * swa) / (1 - before)
            rates.append(swa * now + start * (1 - now))
        return rates


__all__ = [
    "SWALR", "AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn", "get_swa_multi_avg_fn", "update_bn",
]  # fmt: skip
