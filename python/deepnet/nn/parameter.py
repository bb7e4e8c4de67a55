"""Tensors that a module registers by itself: parameters, buffers, and parameters whose shape is not known yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import deepnet
from deepnet import _core
from deepnet._core import Tensor


class Parameter(Tensor):
    """A tensor that becomes a module's parameter when it is assigned as an attribute.

    Parameters
    ----------
    data : Tensor, optional
        The values; shared, not copied. Empty where left out.
    requires_grad : bool

    Examples
    --------
    >>> import deepnet
    >>> p = deepnet.nn.Parameter(deepnet.zeros(2, 3))
    >>> p.requires_grad, p.is_leaf
    (True, True)
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        """Share the data's memory, as a leaf."""
        if data is None:
            data = deepnet.empty(0)
        parameter: Parameter = _core.make_subclass(cls, data, requires_grad)
        return parameter

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) in memo:
            copied: Parameter = memo[id(self)]
            return copied
        copied = type(self)(self.data.clone(), self.requires_grad)
        memo[id(self)] = copied
        return copied

    def __reduce_ex__(self, protocol: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _rebuild_parameter, (self.data, self.requires_grad)


def _rebuild_parameter(data: Tensor, requires_grad: bool) -> Parameter:
    return Parameter(data, requires_grad)


class Buffer(Tensor):
    """A tensor that becomes a module's buffer when it is assigned as an attribute.

    Parameters
    ----------
    data : Tensor, optional
    persistent : bool
        Whether it takes part in the module's state dict.
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        """Share the data's memory."""
        if data is None:
            data = deepnet.empty(0)
        buffer: Buffer = _core.make_subclass(cls, data, data.requires_grad)
        buffer.persistent = persistent
        return buffer


class UninitializedParameter(Parameter):
    """A parameter whose shape is inferred by the first forward of a lazy module."""

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> UninitializedParameter:
        """Hold no values yet."""
        data = deepnet.empty(0, device=device, dtype=dtype)
        parameter: UninitializedParameter = _core.make_subclass(cls, data, requires_grad)
        return parameter

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Become an ordinary parameter of `shape` with unset values; the object stays the same.

        Parameters
        ----------
        shape : sequence of int
        device, dtype : optional
            This parameter's where left out.
        """
        self.data = deepnet.empty(tuple(shape), device=device or self.device, dtype=dtype or self.dtype)
        self.__class__ = Parameter  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "<UninitializedParameter>"

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedParameter:
        if id(self) not in memo:
            memo[id(self)] = UninitializedParameter(self.requires_grad, self.device, self.dtype)
        copied: UninitializedParameter = memo[id(self)]
        return copied

    def __reduce_ex__(self, protocol: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return UninitializedParameter, (self.requires_grad, str(self.device), self.dtype)


def is_lazy(param: Any) -> bool:
    """Whether `param` waits for its shape."""
    return isinstance(param, UninitializedParameter)


__all__ = ["Buffer", "Parameter", "UninitializedParameter", "is_lazy"]
