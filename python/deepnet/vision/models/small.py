"""Networks for small images: a perceptron, LeNet-5, a plain convolutional network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from deepnet import nn

__all__ = ["MLP", "ConvNet", "LeNet"]


class MLP(nn.Sequential):
    """Two hidden layers on all pixels at once.

    Parameters
    ----------
    in_channels, image_size : int, (int, int)
        Images have shape (in_channels, *image_size).
    num_classes : int
    width : int
        Units of a hidden layer.
    dropout : float
    """

    def __init__(
        self,
        in_channels: int = 1,
        image_size: Sequence[int] = (28, 28),
        num_classes: int = 10,
        width: int = 256,
        dropout: float = 0.2,
    ) -> None:
        pixels = in_channels * math.prod(image_size)
        super().__init__(
            nn.Flatten(),
            nn.Linear(pixels, width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, num_classes),
        )


class LeNet(nn.Module):
    """Two convolutions, three linear layers; today's ReLU and maximum pooling in the layout of 1998.

    Images from 8 x 8 on; for 28 x 28 the sizes are those of the paper.

    References
    ----------
    .. [1] LeCun, Bottou, Bengio & Haffner, Gradient-based learning applied to document recognition, Proc. IEEE 1998.
    """

    def __init__(self, in_channels: int = 1, image_size: Sequence[int] = (28, 28), num_classes: int = 10) -> None:
        super().__init__()
        side = [_halved(_halved(n) - 4 if n >= 16 else _halved(n)) for n in image_size]
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 6, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5, padding=tuple(0 if n >= 16 else 2 for n in image_size)),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(16 * side[0] * side[1], 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, num_classes),
        )

    def forward(self, x: Any) -> Any:
        """Return logits, shape (N, num_classes)."""
        return self.classifier(self.features(x))


class ConvNet(nn.Module):
    """Three 3 x 3 convolutions with batch norm, two poolings, one linear layer.

    Parameters
    ----------
    in_channels, image_size : int, (int, int)
    num_classes : int
    width : int
        Channels of the first two convolutions; the third has twice as many.
    dropout : float
        Before the linear layer.
    """

    def __init__(
        self,
        in_channels: int = 1,
        image_size: Sequence[int] = (8, 8),
        num_classes: int = 10,
        width: int = 32,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        side = [_halved(_halved(n)) for n in image_size]
        self.features = nn.Sequential(
            *_conv(in_channels, width),
            *_conv(width, width),
            nn.MaxPool2d(2),
            *_conv(width, 2 * width),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Dropout(dropout), nn.Linear(2 * width * side[0] * side[1], num_classes)
        )

    def forward(self, x: Any) -> Any:
        """Return logits, shape (N, num_classes)."""
        return self.classifier(self.features(x))


def _conv(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


def _halved(n: int) -> int:
    if n < 2:
        raise ValueError("these images are too small for two poolings of 2 x 2")
    return n // 2
