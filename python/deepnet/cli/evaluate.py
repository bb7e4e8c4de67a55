"""``deepnet evaluate``."""

from __future__ import annotations

import argparse
from typing import Any

from deepnet.cli.data import ImageData, load_data
from deepnet.cli.weights import ModelCard, load_model
from deepnet.nn import functional as F
from deepnet.train import confusion_matrix
from deepnet.train import predict as outputs_of

__all__ = ["evaluate", "report"]

_WIDEST = 20  # classes of which the whole confusion matrix is printed


def evaluate(arguments: argparse.Namespace) -> int:
    """Print a trained model's accuracy and confusion matrix on its data set's test images."""
    model, card = load_model(arguments.weights, arguments.device)
    data = load_data(card.dataset, arguments.data, arguments.download, arguments.size or card.height)
    if data.classes != card.classes:
        raise ValueError(f"the model knows the classes {card.classes}, the data has {data.classes}")
    report(model, card, data)
    return 0


def report(model: Any, card: ModelCard, data: ImageData) -> None:
    """Print loss, accuracy and confusions on the test images."""
    images, targets = data.test
    outputs = outputs_of(model, card.normalised(images)).cpu()
    loss = float(F.cross_entropy(outputs, targets))
    counts = confusion_matrix(outputs, targets, len(card.classes))
    right = sum(counts[i][i] for i in range(len(counts)))
    total = len(targets)
    print(f"test accuracy {100 * right / total:.2f} % ({right:,} of {total:,}), loss {loss:.4f}")
    print("\n".join(_matrix(counts, card.classes) if len(counts) <= _WIDEST else _worst(counts, card.classes)))


def _matrix(counts: list[list[int]], classes: list[str]) -> list[str]:
    label = max(len(name) for name in classes)
    cell = max(len(str(max(map(max, counts)))), len(str(len(classes) - 1))) + 1
    lines = ["confusion matrix (rows: true class; columns: the model's answer)"]
    lines.append(" " * (label + 4) + "".join(f"{i:>{cell}}" for i in range(len(classes))))
    for i, (name, row) in enumerate(zip(classes, counts, strict=True)):
        lines.append(f"{name:<{label}} {i:>3}" + "".join(f"{count or '.':>{cell}}" for count in row))
    return lines


def _worst(counts: list[list[int]], classes: list[str]) -> list[str]:
    pairs = [(n, classes[i], classes[j]) for i, row in enumerate(counts) for j, n in enumerate(row) if i != j and n]
    pairs.sort(key=lambda pair: -pair[0])
    return ["most frequent confusions:"] + [f"  {n:4} x {true} taken for {guess}" for n, true, guess in pairs[:10]]
