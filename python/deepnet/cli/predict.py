"""``deepnet predict``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import deepnet as dn
from deepnet.cli.weights import ModelCard, load_model
from deepnet.train import predict as outputs_of
from deepnet.vision.datasets.folder import default_loader
from deepnet.vision.transforms import functional as F

__all__ = ["predict"]


def predict(arguments: argparse.Namespace) -> int:
    """Print the classes that a trained model gives image files."""
    model, card = load_model(arguments.weights, arguments.device)
    images = dn.stack([_image(Path(name), card) for name in arguments.files])
    if arguments.invert:
        images = 1 - images
    chances = outputs_of(model, card.normalised(images)).cpu().softmax(1).numpy()
    width = max(len(name) for name in arguments.files)
    for name, row in zip(arguments.files, chances, strict=True):
        best = np.argsort(-row, kind="stable")[: arguments.top]
        print(f"{name:<{width}}  " + "  ".join(f"{card.classes[i]} ({100 * row[i]:.1f} %)" for i in best))
    return 0


def _image(path: Path, card: ModelCard) -> Any:
    """A file's picture from 0 to 1, in the model's channels and size."""
    if path.suffix == ".npy":
        pixels = np.load(path, allow_pickle=False)
        if pixels.ndim not in (2, 3):
            raise ValueError(f"{path}: an image has shape (H, W) or (H, W, C), this array {pixels.shape}")
        image = F.pil_to_tensor(pixels.clip(0, 255).astype(np.uint8))
    else:
        image = F.pil_to_tensor(default_loader(path))
    if card.channels == 1:
        image = F.rgb_to_grayscale(image)
    elif image.shape[0] == 1:
        image = F.rgb_to_grayscale(image, card.channels)
    return F.to_tensor(F.resize(image, (card.height, card.width)))
