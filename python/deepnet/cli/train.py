"""``deepnet train``."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import deepnet as dn
from deepnet import nn, optim
from deepnet.cli.data import Augmented, ImageData, load_data, loader
from deepnet.cli.evaluate import report
from deepnet.cli.recipes import recipe_for
from deepnet.cli.weights import ModelCard, save_model
from deepnet.io import CheckpointFolder, load_weights
from deepnet.io.atomic import write_atomically
from deepnet.train import Callback, Checkpoint, CSVLog, History, Schedule, TensorBoard, fit, summary

__all__ = ["train"]


@dataclass(frozen=True)
class Settings:
    """What decides a run's bits; kept in its folder and compared on a resume."""

    dataset: str
    model: str
    epochs: int
    batch: int
    lr: float
    seed: int
    accumulate: int
    size: int | None


def train(arguments: argparse.Namespace) -> int:
    """Train a model, evaluate it, leave weights, log and curves in a folder."""
    out = Path(arguments.out or f"runs/{Path(arguments.dataset).name}")
    settings = _settings(arguments, out)
    data = load_data(arguments.dataset, arguments.data, arguments.download, settings.size)
    print(f"{settings.dataset}: {data}")

    dn.manual_seed(settings.seed)
    mean, std = data.statistics()
    card = ModelCard(settings.model, settings.dataset, *data.shape, data.classes, mean, std)
    model = card.build().to(arguments.device)
    print(summary(model, dn.zeros(1, *data.shape)))

    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "settings.json", json.dumps(asdict(settings), indent=1).encode())
    history = _fit(model, data, card, settings, arguments, out)
    if history.interrupted:
        weights, _ = load_weights(out / "best.safetensors")
        model.load_state_dict(weights)
        print("interrupted; these are the best weights so far, and --resume goes on from the last step")
    digest = save_model(model, card, out / "weights.safetensors")
    if history.rows:
        print(f"trained {len(history)} epochs in {history['seconds'][-1]:.1f} s")
    report(model, card, data)
    print(f"wrote {', '.join(str(path) for path in _written(history, out))}")
    print(f"weights sha256 {digest}")
    return 130 if history.interrupted else 0


def _settings(arguments: argparse.Namespace, out: Path) -> Settings:
    """The run's settings: from its folder on a resume, else from the arguments and the recipe.

    Raises
    ------
    ValueError
        If a run is to be resumed with other settings than it began with.
    """
    recipe = recipe_for(arguments.dataset)
    given = {name: getattr(arguments, name) for name in Settings.__dataclass_fields__}
    given["dataset"] = str(arguments.dataset)
    file = out / "settings.json"
    if arguments.resume and file.is_file() and CheckpointFolder(out):
        kept = json.loads(file.read_text())
        for name, value in given.items():
            if value is not None and value != kept[name]:
                raise ValueError(f"--resume: {out} was begun with {name} {kept[name]}, not {value}")
        return Settings(**kept)
    if arguments.resume:
        print(f"no checkpoint in {out}: starting anew")
    defaults = {**asdict(recipe), "seed": 0, "accumulate": 1, "size": None}
    return Settings(**{name: defaults[name] if value is None else value for name, value in given.items()})


def _fit(model: Any, data: ImageData, card: ModelCard, settings: Settings, arguments: argparse.Namespace, out: Path) -> History:
    recipe = recipe_for(settings.dataset)
    batches = loader(card.normalised(data.train[0]), data.train[1], settings.batch, shuffle=True)
    if recipe.shift or recipe.mirror:
        black = -sum(card.mean) / sum(card.std)
        batches = Augmented(batches, recipe.shift, black, recipe.mirror)
    # The test images are watched, and choose nothing: the weights kept are the last ones.
    test = loader(card.normalised(data.test[0]), data.test[1], 500, shuffle=False)
    optimizer = optim.AdamW(model.parameters(), lr=settings.lr, weight_decay=recipe.weight_decay)
    cycle = optim.lr_scheduler.OneCycleLR(optimizer, settings.lr, total_steps=settings.epochs * len(batches))
    callbacks: list[Callback] = [
        Schedule(cycle, every="step"),
        CSVLog(out / "log.csv"),
        Checkpoint(out, every_seconds=arguments.save_every, resume=arguments.resume),
    ]
    if arguments.tensorboard:
        callbacks.append(TensorBoard(out / "tensorboard"))
    return fit(
        model,
        nn.CrossEntropyLoss(),
        optimizer,
        batches,
        epochs=settings.epochs,
        validation=test,
        metrics=["accuracy"],
        callbacks=callbacks,
        accumulate=settings.accumulate,
        progress=not arguments.quiet,
    )


def _written(history: History, out: Path) -> list[Path]:
    """Draw the curves where that can be done; return the files that the run leaves."""
    files = [out / "weights.safetensors"]
    if history.rows:
        files.append(out / "log.csv")
        try:
            history.plot(out / "curves.png")
            files.append(out / "curves.png")
        except ImportError:
            print("no curves.png: drawing it needs matplotlib (pip install deepnet-core[plot])")
    return files
