"""A training run under way: everything that changes while it runs, and so everything a checkpoint must hold."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from deepnet.train.callbacks import Callback
from deepnet.train.history import History
from deepnet.train.metrics import Metric, Totals
from deepnet.train.random_state import random_state, set_random_state

__all__ = ["Run"]


class Run:
    """The state of a run, as callbacks see it.

    Attributes
    ----------
    model, optimizer, loss, data : as given to `deepnet.train.fit`
    epoch : int
        Epochs completed.
    batch : int
        Batches worked in the current epoch.
    step : int
        Steps of the optimizer so far.
    loss_value : float
        The latest batch's loss.
    totals : Totals
        Sums over the current epoch.
    history : History
    """

    def __init__(
        self, model: Any, loss: Any, optimizer: Any, data: Any, metrics: dict[str, Metric], callbacks: Sequence[Callback]
    ) -> None:
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.data = data
        self.metrics = metrics
        self.callbacks = sorted(callbacks, key=lambda callback: callback.last)
        self.epoch = self.batch = self.step = 0
        self.loss_value = float("nan")
        self.totals = Totals()
        self.history = History()
        self.stopping = False
        self._order: dict[str, Any] | None = None  # the random states from which the epoch's order of data was drawn
        self._seconds = 0.0
        self._since = time.monotonic()

    @property
    def lr(self) -> float:
        """The learning rate of the first parameter group."""
        return float(self.optimizer.param_groups[0]["lr"])

    @property
    def seconds(self) -> float:
        """Seconds of training so far, those before a resume included."""
        return self._seconds + time.monotonic() - self._since

    def stop(self, why: str | None = None) -> None:
        """End the run after the current step; within an epoch, without validating."""
        self.stopping = True
        self.history.stopped = why

    def interrupt(self) -> None:
        """End the run as Ctrl-C does."""
        self.stop("interrupted")
        self.history.interrupted = True

    def figure(self, name: str, asker: object) -> float:
        """Return a figure of the latest epoch, for ``asker``, who is named where there is none."""
        row = self.history.rows[-1]
        if name not in row:
            raise KeyError(f"{type(asker).__name__} monitors {name!r}, but an epoch has {', '.join(row)}")
        return float(row[name])

    def tell(self, event: str) -> None:
        """Call a method of every callback."""
        for callback in self.callbacks:
            getattr(callback, event)(self)

    def batches(self) -> Iterator[Any]:
        """Yield the batches of the epoch that are still to be worked.

        A resumed epoch draws its order again from the random states of its beginning and passes over what is done.
        """
        done = self.batch
        if done == 0:
            self._order = random_state(self.data)
            yield from self.data
            return
        assert self._order is not None
        now = random_state(self.data)
        set_random_state(self._order, self.data)
        iterator = iter(self.data)
        for i in range(done):
            if next(iterator, None) is None:
                raise ValueError(f"resume: the checkpoint stands at batch {done} of the epoch, the data ended at {i}")
        set_random_state(now, self.data)
        yield from iterator

    def end_epoch(self, figures: dict[str, float]) -> None:
        """Close the epoch with a row of the history."""
        self.epoch += 1
        self.history.rows.append(
            {"epoch": self.epoch, "step": self.step, **figures, "lr": self.lr, "seconds": round(self.seconds, 3)}
        )
        self.batch = 0
        self.totals = Totals()
        self._order = None

    def state_dict(self) -> dict[str, Any]:
        """Return everything that decides how the run goes on."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "loss": self.loss.state_dict() if hasattr(self.loss, "state_dict") else {},
            "callbacks": [[type(callback).__name__, state] for callback, state in self._states()],
            "random": random_state(self.data),
            "order": self._order,
            "position": {"epoch": self.epoch, "batch": self.batch, "step": self.step},
            "totals": {"samples": self.totals.samples, "sums": self.totals.sums},
            "history": self.history.rows,
            "seconds": self.seconds,
            "stopped": None if self.history.interrupted else self.history.stopped,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put back what `state_dict` returned, into a run made by the same program."""
        saved = [name for name, _ in state["callbacks"]]
        states = self._states()
        here = [type(callback).__name__ for callback, _ in states]
        if saved != here:
            raise ValueError(f"resume: the checkpoint was made with callbacks {saved}, this run has {here}")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if state["loss"]:
            self.loss.load_state_dict(state["loss"])
        for (callback, _), (_, own) in zip(states, state["callbacks"], strict=True):
            callback.load_state_dict(own)
        position = state["position"]
        self.epoch, self.batch, self.step = position["epoch"], position["batch"], position["step"]
        self.totals.samples, self.totals.sums = state["totals"]["samples"], dict(state["totals"]["sums"])
        self.history.rows = list(state["history"])
        self._order = state["order"]
        self._seconds, self._since = float(state["seconds"]), time.monotonic()
        if state["stopped"] is not None:
            self.stop(state["stopped"])
        set_random_state(state["random"], self.data)

    def _states(self) -> list[tuple[Callback, dict[str, Any]]]:
        """The callbacks that have something to remember, with it."""
        return [(callback, state) for callback in self.callbacks if (state := callback.state_dict())]
