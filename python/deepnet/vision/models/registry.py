"""Models by name, for the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from deepnet.vision.models import resnet
from deepnet.vision.models.small import MLP, ConvNet, LeNet

__all__ = ["get_model", "list_models"]


def _resnet(builder: Callable[..., Any]) -> Callable[..., Any]:
    def build(in_channels: int, image_size: Sequence[int], num_classes: int) -> Any:
        return builder(num_classes=num_classes, in_channels=in_channels, small_images=max(image_size) <= 64)

    return build


_MODELS: dict[str, Callable[..., Any]] = {
    "mlp": MLP,
    "lenet": LeNet,
    "cnn": ConvNet,
    "resnet18": _resnet(resnet.resnet18),
    "resnet34": _resnet(resnet.resnet34),
    "resnet50": _resnet(resnet.resnet50),
}


def list_models() -> list[str]:
    """Return the names that `get_model` knows."""
    return list(_MODELS)


def get_model(name: str, in_channels: int, image_size: Sequence[int], num_classes: int) -> Any:
    """Return a fresh model for images of shape (in_channels, *image_size).

    Raises
    ------
    ValueError
        If there is no model of that name.
    """
    if name not in _MODELS:
        raise ValueError(f"unknown model {name!r}; there are {', '.join(_MODELS)}")
    return _MODELS[name](in_channels=in_channels, image_size=image_size, num_classes=num_classes)
