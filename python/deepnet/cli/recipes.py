"""What a data set is trained with where the command line does not say."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Recipe", "recipe_for"]


@dataclass(frozen=True)
class Recipe:
    """Settings of a run. The learning rate rises and falls once over it; AdamW decays the weights."""

    model: str = "cnn"
    epochs: int = 10
    batch: int = 64
    lr: float = 4e-3
    weight_decay: float = 1e-2
    shift: int = 0
    mirror: bool = False


_RECIPES = {
    "digits": Recipe(epochs=30, shift=1),
    "mnist": Recipe(model="lenet", epochs=3),
    "fashionmnist": Recipe(mirror=True),
    "kmnist": Recipe(),
    "cifar10": Recipe(model="resnet18", epochs=15, batch=128, lr=2e-3, shift=4, mirror=True),
    "cifar100": Recipe(model="resnet18", epochs=15, batch=128, lr=2e-3, shift=4, mirror=True),
}


def recipe_for(dataset: str) -> Recipe:
    """Return the recipe of a named data set, or the general one for a folder."""
    return _RECIPES.get(dataset, Recipe(mirror=True, shift=2))
