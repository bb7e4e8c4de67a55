"""The recorded graph as objects."""

from __future__ import annotations

from typing import Any

from deepnet._core import HookHandle, Node


class RemovableHandle:
    """Takes a hook off again with `remove()`; also a context manager."""

    def __init__(self, handle: HookHandle) -> None:
        self._handle, self.id = handle, handle.id

    def remove(self) -> None:
        """Take the hook off."""
        self._handle.remove()

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: Any) -> None:
        self.remove()


__all__ = ["Node", "RemovableHandle"]
