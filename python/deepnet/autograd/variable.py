"""Variable, the old name for a tensor."""

from __future__ import annotations

from typing import Any

from deepnet._core import Tensor


class _VariableMeta(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_VariableMeta):
    """Return the tensor it is given; kept for programs older than tensors with gradients."""

    def __new__(cls, data: Any, requires_grad: bool = False, volatile: bool = False) -> Any:
        """Return data, with a gradient where asked for."""
        return data.detach().requires_grad_() if requires_grad else data


__all__ = ["Variable"]
