"""Figures of merit, averaged over samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deepnet import Tensor

__all__ = ["Totals", "accuracy", "confusion_matrix", "named"]

Metric = Callable[[Any, Any], Any]


def accuracy(output: Tensor, target: Tensor) -> float:
    """Return the share of right answers.

    Parameters
    ----------
    output : Tensor, shape (N, C, ...)
        Logits of C classes; of shape (N,) or (N, 1), one logit of a yes.
    target : Tensor, shape (N, ...)
        Class indices, or probabilities shaped like ``output``.
    """
    if output.ndim == 1 or (output.ndim == target.ndim and output.shape[1] == 1):
        right = (output > 0) == (target > 0.5)
    else:
        classes = target if target.ndim < output.ndim else target.argmax(1)
        right = output.argmax(1) == classes
    return float(right.sum()) / max(right.numel(), 1)


def confusion_matrix(output: Tensor, target: Tensor, classes: int) -> list[list[int]]:
    """Return counts: row, the true class; column, the class of the largest logit."""
    counts = [[0] * classes for _ in range(classes)]
    for true, guess in zip(target.tolist(), output.argmax(1).tolist(), strict=True):
        counts[true][guess] += 1
    return counts


_BY_NAME: dict[str, Metric] = {"accuracy": accuracy}


def named(metrics: Mapping[str, Metric] | Iterable[str | Metric] | str | None) -> dict[str, Metric]:
    """Return metrics by name, from any of the forms that `deepnet.train.fit` takes."""
    if metrics is None:
        return {}
    if isinstance(metrics, Mapping):
        return dict(metrics)
    found: dict[str, Metric] = {}
    for metric in [metrics] if isinstance(metrics, str) else metrics:
        if isinstance(metric, str) and metric not in _BY_NAME:
            raise ValueError(f"unknown metric {metric!r}; by name there is {', '.join(_BY_NAME)}; others as functions")
        function = _BY_NAME[metric] if isinstance(metric, str) else metric
        found[metric if isinstance(metric, str) else function.__name__] = function
    return found


class Totals:
    """Sums of figures weighted by samples, and so their means."""

    def __init__(self) -> None:
        self.samples = 0
        self.sums: dict[str, float] = {}

    def add(self, figures: Mapping[str, float], samples: int) -> None:
        """Count in the means of a batch of so many samples."""
        self.samples += samples
        for name, value in figures.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * samples

    def means(self) -> dict[str, float]:
        """Return the means so far."""
        return {name: total / max(self.samples, 1) for name, total in self.sums.items()}
