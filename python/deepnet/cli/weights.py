"""A trained model in one file: weights, and in the metadata what it takes to build the model and feed it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import deepnet as dn
from deepnet.io import load_weights, save_weights
from deepnet.vision.models import get_model

__all__ = ["ModelCard", "load_model", "save_model"]

_KEY = "deepnet.model"


@dataclass
class ModelCard:
    """How to build a model and what its inputs look like."""

    model: str
    dataset: str
    channels: int
    height: int
    width: int
    classes: list[str]
    mean: list[float]
    std: list[float]

    def build(self) -> Any:
        """Return a fresh model."""
        return get_model(self.model, self.channels, (self.height, self.width), len(self.classes))

    def normalised(self, images: Any) -> Any:
        """Return images from 0 to 1 of shape (N, C, H, W) as the model wants them."""
        mean, std = (dn.tensor(values).reshape(1, -1, 1, 1) for values in (self.mean, self.std))
        return (images - mean) / std


def save_model(model: Any, card: ModelCard, path: Path) -> str:
    """Write the weights with their card; return the weights' sha256."""
    return save_weights(model.state_dict(), path, **{_KEY: json.dumps(asdict(card))})


def load_model(where: str | None, device: str) -> tuple[Any, ModelCard]:
    """Return a model in evaluation mode, and its card, from a file, a run's folder, or the newest run.

    Raises
    ------
    FileNotFoundError, ValueError
    """
    path = _newest() if where is None else Path(where)
    if path.is_dir():
        path = path / "weights.safetensors"
    weights, metadata = load_weights(path)
    if _KEY not in metadata:
        raise ValueError(f"{path} does not say which model its weights belong to; was it written by `deepnet train`?")
    card = ModelCard(**json.loads(metadata[_KEY]))
    model = card.build()
    model.load_state_dict(weights)
    print(f"{card.model} trained on {card.dataset}, from {path}")
    return model.to(device).eval(), card


def _newest() -> Path:
    found = sorted(Path("runs").glob("*/weights.safetensors"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise FileNotFoundError("no trained model under runs; `deepnet train digits` makes one, --weights names another")
    return found[-1]
