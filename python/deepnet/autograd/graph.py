"""The recorded graph as objects."""

from __future__ import annotations

from typing import Any

from deepnet import _core
from deepnet._core import Node, Tensor


class RemovableHandle:
    """Takes a hook off again with `remove()`; also a context manager."""

    def __init__(self, tensor: Tensor, identity: int) -> None:
        self._tensor, self.id = tensor, identity

    def remove(self) -> None:
        """Take the hook off."""
        _core.remove_hook(self._tensor, self.id)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: Any) -> None:
        self.remove()


__all__ = ["Node", "RemovableHandle"]
