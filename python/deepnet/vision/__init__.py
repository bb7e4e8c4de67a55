"""Images: data sets, transforms, models, in torchvision's names."""

from deepnet.vision import datasets, models, transforms, utils

__all__ = ["datasets", "models", "transforms", "utils"]
