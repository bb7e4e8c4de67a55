"""Size: a tensor's shape, a tuple of ints."""

from __future__ import annotations

import math
from typing import Any

from deepnet import _core


class Size(tuple[int, ...]):
    """The sizes of a tensor's dims.

    Examples
    --------
    >>> import deepnet
    >>> deepnet.Size([2, 3]).numel()
    6
    """

    __slots__ = ()

    def numel(self) -> int:
        """Return the product of the sizes."""
        return math.prod(self)

    def __repr__(self) -> str:
        return f"Size({list(self)})"

    def __getitem__(self, key: Any) -> Any:
        value = tuple.__getitem__(self, key)
        return Size(value) if isinstance(key, slice) else value

    def __add__(self, other: Any) -> Any:
        return Size(tuple.__add__(self, tuple(other)))


_core.set_size_type(Size)
