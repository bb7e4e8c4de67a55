"""Padding layers. `padding` is an int for all sides, or (before, after) of each axis, the last axis first."""

from __future__ import annotations

from typing import Any

from deepnet._core import Tensor

from .. import functional as F
from ._utils import ntuple
from .module import Module


class _Pad(Module):
    _n: int
    _mode: str
    padding: tuple[int, ...]

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = ntuple(padding, 2 * self._n, "padding")

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    _mode = "constant"

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """Adds cells of one value around sequences."""

    _n = 1


class ConstantPad2d(_ConstantPad):
    """Adds cells of one value around images."""

    _n = 2


class ConstantPad3d(_ConstantPad):
    """Adds cells of one value around volumes."""

    _n = 3


class _ZeroPad(_ConstantPad):
    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(_ZeroPad):
    """Adds zeros around sequences."""

    _n = 1


class ZeroPad2d(_ZeroPad):
    """Adds zeros around images."""

    _n = 2


class ZeroPad3d(_ZeroPad):
    """Adds zeros around volumes."""

    _n = 3


class ReflectionPad1d(_Pad):
    """Continues sequences by their mirror image."""

    _n, _mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """Continues images by their mirror image."""

    _n, _mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """Continues volumes by their mirror image."""

    _n, _mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """Continues sequences by their border cells."""

    _n, _mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """Continues images by their border cells."""

    _n, _mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """Continues volumes by their border cells."""

    _n, _mode = 3, "replicate"


class CircularPad1d(_Pad):
    """Continues sequences by their other end."""

    _n, _mode = 1, "circular"


class CircularPad2d(_Pad):
    """Continues images by their other end."""

    _n, _mode = 2, "circular"


class CircularPad3d(_Pad):
    """Continues volumes by their other end."""

    _n, _mode = 3, "circular"


__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d", "ReflectionPad1d",
    "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d", "ZeroPad1d",
    "ZeroPad2d", "ZeroPad3d",
]  # fmt: skip
