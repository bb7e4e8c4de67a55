"""What may listen to a training run, and the listeners most runs want."""

from __future__ import annotations

import copy
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepnet.train.history import better

if TYPE_CHECKING:
    from deepnet.train.run import Run

__all__ = ["CSVLog", "Callback", "EarlyStopping", "Schedule", "TensorBoard"]


class Callback:
    """A listener. Each method gets the `Run`: model, optimizer, epoch, batch, step, figures, history, stop(why)."""

    #: Told after all others, whatever the order in the list.
    last = False

    def on_start(self, run: Run) -> None:
        """Before the first epoch, or the first after a resume."""

    def on_step(self, run: Run) -> None:
        """After each step of the optimizer."""

    def on_epoch(self, run: Run) -> None:
        """After each epoch and its validation; `run.history` has its row."""

    def on_stop(self, run: Run) -> None:
        """After the last step, whatever ended the run unless an error did; all is still as the run left it."""

    def on_end(self, run: Run) -> None:
        """After `on_stop` of all: the place to change the weights."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run must know."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put back what `state_dict` returned. Comes after `on_start`."""


class EarlyStopping(Callback):
    """Stop when a figure has not got better for ``patience`` epochs, and go back to the best weights.

    Parameters
    ----------
    monitor : str
        A column of the history.
    patience : int
        Epochs without a better value before stopping.
    min_delta : float
        How much better counts.
    mode : {"min", "max"}, optional
        Which values are better; known for names ending in ``loss`` or ``accuracy``.
    restore_best : bool
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 5,
        min_delta: float = 0.0,
        mode: str | None = None,
        restore_best: bool = True,
    ) -> None:
        self.monitor = monitor
        self.patience = patience
        self.min_delta = min_delta
        self.restore_best = restore_best
        self._sign = 1.0 if better(monitor, mode) == "max" else -1.0
        self._best = -math.inf
        self._waited = 0
        self._weights: dict[str, Any] | None = None

    def on_epoch(self, run: Run) -> None:
        value = self._sign * run.figure(self.monitor, self)
        if value > self._best + self.min_delta:
            self._best, self._waited = value, 0
            if self.restore_best:
                self._weights = {name: tensor.detach().clone() for name, tensor in run.model.state_dict().items()}
            return
        self._waited += 1
        if self._waited >= self.patience:
            run.stop(f"{self.monitor} has not got better for {self.patience} epochs")

    def on_end(self, run: Run) -> None:
        if self._weights is not None:
            run.model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best, "waited": self._waited, "weights": self._weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._best, self._waited, self._weights = state["best"], state["waited"], state["weights"]


class Schedule(Callback):
    """Step a learning-rate scheduler.

    Parameters
    ----------
    scheduler : optim.lr_scheduler scheduler
    every : {"epoch", "step"}
    monitor : str, optional
        The figure passed to ``scheduler.step`` after each epoch, as ReduceLROnPlateau wants.
    """

    def __init__(self, scheduler: Any, every: str = "epoch", monitor: str | None = None) -> None:
        if every not in ("epoch", "step"):
            raise ValueError(f"Schedule: every must be 'epoch' or 'step', got {every!r}")
        if monitor is not None and every == "step":
            raise ValueError("Schedule: figures are known after an epoch; monitor goes with every='epoch'")
        self.scheduler = scheduler
        self.every = every
        self.monitor = monitor

    def on_step(self, run: Run) -> None:
        if self.every == "step":
            self.scheduler.step()

    def on_epoch(self, run: Run) -> None:
        if self.monitor is not None:
            self.scheduler.step(run.figure(self.monitor, self))
        elif self.every == "epoch":
            self.scheduler.step()

    def state_dict(self) -> dict[str, Any]:
        return {"scheduler": copy.copy(self.scheduler.state_dict())}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.scheduler.load_state_dict(state["scheduler"])


class CSVLog(Callback):
    """Keep the history as a table in a file, whole after every epoch."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def on_epoch(self, run: Run) -> None:
        run.history.to_csv(self.path)


class TensorBoard(Callback):
    """Write the figures for TensorBoard: the loss and the learning rate by step, the rest by epoch.

    Needs ``pip install deepnet-core[tensorboard]``.

    Parameters
    ----------
    folder : path
    every : int
        Steps between two points of the loss.
    """

    def __init__(self, folder: str | os.PathLike[str], every: int = 10) -> None:
        self.folder = Path(folder)
        self.every = every
        self._writer: Any = None

    def on_start(self, run: Run) -> None:
        from deepnet.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(self.folder))

    def on_step(self, run: Run) -> None:
        if run.step % self.every == 0:
            self._writer.add_scalar("step/loss", run.loss_value, run.step)
            self._writer.add_scalar("step/lr", run.lr, run.step)

    def on_epoch(self, run: Run) -> None:
        for name, value in run.history.rows[-1].items():
            if name not in ("epoch", "step"):
                self._writer.add_scalar(f"epoch/{name}", value, run.epoch)
        self._writer.flush()

    def on_end(self, run: Run) -> None:
        self._writer.close()
