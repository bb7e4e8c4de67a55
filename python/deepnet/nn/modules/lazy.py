"""Modules whose parameters take their shapes from the first input."""

from __future__ import annotations

from typing import Any

from ..parameter import is_lazy
from .module import Module


class LazyModule(Module):
    """Mixed in before a layer's class: the first call sets the shapes, and the module becomes that class.

    A subclass names the class in `cls_to_become` and defines `initialize_parameters(input)`.
    """

    cls_to_become: type[Module]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._register_load_state_dict_pre_hook(_accept_loaded, with_module=True)

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer still waits for its shape."""
        return any(is_lazy(value) for value in (*self._parameters.values(), *self._buffers.values()))

    def materialize_(self, name: str, shape: Any) -> None:
        """Give a waiting parameter its shape."""
        param = self._parameters.get(name)
        if is_lazy(param):
            param.materialize(shape)  # type: ignore[union-attr]

    def initialize_parameters(self, input: Any) -> None:
        """Set the shapes from an input; a subclass says how."""
        raise RuntimeError(f"{type(self).__name__} does not define initialize_parameters")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.has_uninitialized_params():
            self.initialize_parameters(args[0] if args else next(iter(kwargs.values())))
            self.reset_parameters()
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        return self(*args, **kwargs)


def _accept_loaded(module: LazyModule, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    """A lazy buffer takes the shape of what is loaded; parameters do so by themselves."""
    for name, buffer in module._buffers.items():
        loaded = state_dict.get(prefix + name)
        if buffer is not None and loaded is not None and buffer.shape != loaded.shape:
            module._buffers[name] = loaded.new_empty(loaded.shape)


__all__ = ["LazyModule"]
