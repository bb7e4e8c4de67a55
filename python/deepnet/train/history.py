"""What a training run measured, one row an epoch."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deepnet.io.atomic import write_atomically

__all__ = ["History", "better"]


def better(monitor: str, mode: str | None = None) -> str:
    """Return "max" or "min": which values of ``monitor`` are better. ``mode`` says so for names that do not."""
    if mode in ("max", "min"):
        return mode
    if mode is not None:
        raise ValueError(f"mode must be 'max' or 'min', got {mode!r}")
    if monitor.endswith("loss"):
        return "min"
    if monitor.endswith("accuracy"):
        return "max"
    raise ValueError(f"is a larger {monitor!r} better? Say mode='max' or mode='min'")


class History:
    """One row of figures an epoch: epoch, step, loss, metrics, those of the validation as ``val_…``, lr, seconds.

    Attributes
    ----------
    rows : list of dict
    interrupted : bool
        Whether Ctrl-C ended the run.
    stopped : str or None
        Why a callback ended the run.

    Examples
    --------
    >>> history = History([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])
    >>> history["loss"]
    [0.5, 0.25]
    >>> history.best("loss")["epoch"]
    2
    """

    def __init__(self, rows: list[dict[str, Any]] | None = None) -> None:
        self.rows = rows if rows is not None else []
        self.interrupted = False
        self.stopped: str | None = None

    def __getitem__(self, name: str) -> list[Any]:
        """Return one column; epochs that lack it are left out."""
        if not any(name in row for row in self.rows):
            raise KeyError(f"{name!r}; the history has {', '.join(self.columns) or 'no rows yet'}")
        return [row[name] for row in self.rows if name in row]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    @property
    def columns(self) -> list[str]:
        """The names of all figures, in order of appearance."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def best(self, monitor: str, mode: str | None = None) -> dict[str, Any]:
        """Return the row whose ``monitor`` is best, the first of equals."""
        pick = max if better(monitor, mode) == "max" else min
        return pick((row for row in self.rows if monitor in row), key=lambda row: row[monitor])

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the rows as a table, atomically."""
        lines: list[str] = []

        class Lines:
            def write(self, line: str) -> None:
                lines.append(line)

        writer = csv.DictWriter(Lines(), self.columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, "".join(lines).encode())

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draw the losses and the metrics over the epochs into an image file. Needs matplotlib."""
        from matplotlib.figure import Figure  # the object interface: needs no display and leaves no global state

        plain = [n for n in self.columns if not n.startswith("val_") and n not in ("epoch", "step", "lr", "seconds")]
        figure = Figure(figsize=(5 * max(len(plain), 1), 3.6), layout="constrained")
        for i, name in enumerate(plain):
            axes = figure.add_subplot(1, len(plain), i + 1)
            for column, label in ((name, "training"), (f"val_{name}", "validation")):
                points = [(row["epoch"], row[column]) for row in self.rows if column in row]
                if points:
                    axes.plot(*zip(*points, strict=True), marker=".", label=label)
            axes.set(title=name, xlabel="epoch")
            axes.grid(alpha=0.3)
            axes.legend()
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=120)

    def __repr__(self) -> str:
        if not self.rows:
            return "History(no epochs)"
        last = ", ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in self.rows[-1].items())
        return f"History({len(self.rows)} epochs; last: {last})"
