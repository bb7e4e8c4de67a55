"""Checkpoints of a run: from any of them it goes on to the same bits."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from deepnet.io import CheckpointFolder, save_weights
from deepnet.train.callbacks import Callback
from deepnet.train.history import better

if TYPE_CHECKING:
    from deepnet.train.run import Run

__all__ = ["Checkpoint"]


class Checkpoint(Callback):
    """Save the whole state of the run: weights, optimizer, callbacks, random states, position in the data, figures.

    Saves after every epoch, at the end, and in between by steps or seconds. A run that is killed, then started again by
    the same program with ``resume=True``, ends with the same bits as one left alone.

    Parameters
    ----------
    folder : path
        Holds ``checkpoint-N.json`` and ``.safetensors``, the two newest whole ones, and ``best.safetensors``, the
        weights after the epoch whose ``monitor`` was best (before there is one, those of an interrupted run).
    every_steps : int, optional
    every_seconds : float, optional
        Seconds between two saves within an epoch; by default 30 where ``every_steps`` is not given.
    monitor : str
        The figure that says which epoch is best.
    mode : {"min", "max"}, optional
    resume : bool
        Go on from the newest whole checkpoint where there is one. Otherwise checkpoints in the folder are removed.
    """

    last = True  # so that what it saves includes what the others did

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        every_steps: int | None = None,
        every_seconds: float | None = None,
        monitor: str = "loss",
        mode: str | None = None,
        resume: bool = False,
    ) -> None:
        self.checkpoints = CheckpointFolder(folder)
        self.every_steps = every_steps
        self.every_seconds = 30.0 if every_seconds is None and every_steps is None else every_seconds
        self.monitor = monitor
        self.resume = resume
        self._sign = 1.0 if better(monitor, mode) == "max" else -1.0
        self._best: float | None = None
        self._saved_at = (-1, -1)
        self._saved_time = 0.0

    def on_start(self, run: Run) -> None:
        self._saved_time = time.monotonic()
        if not self.resume:
            self.checkpoints.clear()
            return
        state = self.checkpoints.load()
        if state is not None:
            run.load_state_dict(state)
            self._saved_at = (run.step, run.epoch)

    def on_step(self, run: Run) -> None:
        by_steps = self.every_steps is not None and run.step % self.every_steps == 0
        by_time = self.every_seconds is not None and time.monotonic() - self._saved_time >= self.every_seconds
        if by_steps or by_time:
            self._save(run)

    def on_epoch(self, run: Run) -> None:
        value = self._sign * run.figure(self.monitor, self)
        if self._best is None or value > self._best:
            self._best = value
            self._save_best(run)
        self._save(run)

    def on_stop(self, run: Run) -> None:
        self._save(run)

    def on_end(self, run: Run) -> None:
        if self._best is None:
            self._save_best(run)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._best = state["best"]

    def _save_best(self, run: Run) -> None:
        self.checkpoints.folder.mkdir(parents=True, exist_ok=True)
        save_weights(run.model.state_dict(), self.checkpoints.folder / "best.safetensors")

    def _save(self, run: Run) -> None:
        if self._saved_at != (run.step, run.epoch):
            self.checkpoints.save(run.state_dict())
            self._saved_at = (run.step, run.epoch)
        self._saved_time = time.monotonic()
