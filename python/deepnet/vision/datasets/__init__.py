"""Image data sets."""

from deepnet.vision.datasets.base import VisionDataset
from deepnet.vision.datasets.cifar import CIFAR10, CIFAR100
from deepnet.vision.datasets.digits import Digits
from deepnet.vision.datasets.fake import FakeData
from deepnet.vision.datasets.folder import ImageFolder
from deepnet.vision.datasets.mnist import KMNIST, MNIST, FashionMNIST

__all__ = ["CIFAR10", "CIFAR100", "Digits", "FakeData", "FashionMNIST", "ImageFolder", "KMNIST", "MNIST", "VisionDataset"]
