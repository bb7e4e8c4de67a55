"""A progress bar for terminals and notebooks."""

from __future__ import annotations

import sys
from typing import Any

from deepnet.train.callbacks import Callback
from deepnet.train.run import Run

__all__ = ["ProgressBar"]


class ProgressBar(Callback):
    """One bar for the run: batches done and their rate, the epoch, the loss so far, the latest validation."""

    last = True

    def __init__(self, epochs: int | None, steps: int | None) -> None:
        self._epochs = epochs
        self._steps = steps
        self._bar: Any = None
        self._validation = ""

    def on_start(self, run: Run) -> None:
        from tqdm.auto import tqdm

        length = len(run.data) if hasattr(run.data, "__len__") else None
        total = self._steps
        if self._epochs is not None and length is not None:
            total = min(self._epochs * length, total) if total is not None else self._epochs * length
        pause = 0.2 if sys.stderr.isatty() else 10.0  # a log file wants few lines
        # `initial` keeps the rate honest after a resume: this callback starts after a Checkpoint has put the run back
        self._bar = tqdm(total=total, initial=run.step, unit="batch", dynamic_ncols=True, mininterval=pause)

    def on_step(self, run: Run) -> None:
        of = f"/{self._epochs}" if self._epochs is not None else ""
        self._bar.set_description(f"epoch {run.epoch + 1}{of}", refresh=False)
        figures = " ".join(f"{name} {value:.4g}" for name, value in run.totals.means().items())
        self._bar.set_postfix_str(f"{figures} lr {run.lr:.2g}{self._validation}", refresh=False)
        self._bar.update()

    def on_epoch(self, run: Run) -> None:
        row = run.history.rows[-1]
        self._validation = "".join(f" {name} {row[name]:.4g}" for name in row if name.startswith("val_"))

    def on_end(self, run: Run) -> None:
        self._bar.refresh()
        self.close()

    def close(self) -> None:
        """Leave the terminal as it was, whatever ended the run."""
        if self._bar is not None:
            self._bar.close()
