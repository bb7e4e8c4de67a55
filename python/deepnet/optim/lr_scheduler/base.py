"""The base of schedules of the learning rate."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from ..optimizer import Optimizer


class LRScheduler:
    """Sets the learning rates of an optimizer's groups, once per `step`.

    A subclass defines `get_lr`, which returns the rates at `last_epoch`, one per group; it may start from the groups' present
    rates, so that schedules can be chained, or from `base_lrs`.

    Parameters
    ----------
    optimizer : Optimizer
    last_epoch : int
        -1 starts anew; otherwise the groups have "initial_lr" from before.

    Attributes
    ----------
    base_lrs : list of float
        The rates at the start.
    last_epoch : int
        Steps so far.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(f"param 'initial_lr' is not specified in param_groups[{i}] when resuming an optimizer")
        self.base_lrs: list[Any] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch: Any = last_epoch
        self._last_lr: list[Any] = []
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self.step()

    def get_lr(self) -> list[Any]:
        """The rates at `last_epoch`, one per group; a subclass says how."""
        raise RuntimeError(f"{type(self).__name__} does not define get_lr")

    def get_last_lr(self) -> list[Any]:
        """The rates that the last step set."""
        return self._last_lr

    def step(self, epoch: Any = None) -> None:
        """Go on by one, or to `epoch`, and set the rates."""
        if self._step_count == 1 and self.optimizer._steps_taken == 0 and type(self.optimizer).step is Optimizer.step:
            warnings.warn(
                "lr_scheduler.step() was called before optimizer.step(): the first value of the schedule is skipped",
                stacklevel=2,
            )
        self._step_count += 1
        self._update_lr(epoch)

    def _update_lr(self, epoch: Any = None) -> None:
        if epoch is None:
            self.last_epoch += 1
            values = self.get_lr()
        else:
            self.last_epoch = epoch
            closed_form = getattr(self, "_get_closed_form_lr", None)
            values = self.get_lr() if closed_form is None else closed_form()
        for group, lr in zip(self.optimizer.param_groups, values, strict=True):
            group["lr"] = lr
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def _present(self) -> list[Any]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def _scaled(self, factor: float) -> list[Any]:
        """The present rates times a factor."""
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the state from `state_dict()`."""
        self.__dict__.update(state_dict)


def per_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """`value` for every group: a number counts for all."""
    groups = len(optimizer.param_groups)
    if isinstance(value, Sequence):
        if len(value) != groups:
            raise ValueError(f"{name} must have the same length as optimizer.param_groups: {groups}, got {len(value)}")
        return list(value)
    return [value] * groups


__all__ = ["LRScheduler"]
