"""Models for images."""

from deepnet.vision.models.registry import get_model, list_models
from deepnet.vision.models.resnet import ResNet, resnet18, resnet34, resnet50
from deepnet.vision.models.small import MLP, ConvNet, LeNet

__all__ = ["ConvNet", "LeNet", "MLP", "ResNet", "get_model", "list_models", "resnet18", "resnet34", "resnet50"]
