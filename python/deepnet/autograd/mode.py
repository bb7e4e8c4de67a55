"""Whether operators are recorded: context managers that also decorate functions and generators."""

from __future__ import annotations

import abc
import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from deepnet import _core
from deepnet._core import is_grad_enabled, is_inference_mode_enabled

F = TypeVar("F", bound=Callable[..., Any])


class _Mode(abc.ABC):
    """A context manager that also decorates functions."""

    def __call__(self, function: F) -> F:
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generator(*args: Any, **kwargs: Any) -> Any:
                iterator = function(*args, **kwargs)
                sent = None
                while True:
                    with self._again():
                        try:
                            value = iterator.send(sent)
                        except StopIteration as stop:
                            return stop.value
                    sent = yield value

            return generator  # type: ignore[return-value]

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]

    def _again(self) -> Any:
        return type(self)()

    @abc.abstractmethod
    def __enter__(self) -> None: ...

    @abc.abstractmethod
    def __exit__(self, *error: object) -> None: ...


class _GradMode(_Mode):
    enabled: bool

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        self = super().__new__(cls)
        return self if function is None else self(function)

    def __enter__(self) -> None:
        self._before = is_grad_enabled()
        _core.set_grad_mode(self.enabled)

    def __exit__(self, *error: object) -> None:
        _core.set_grad_mode(self._before)


class no_grad(_GradMode):
    """Record no operators inside the block or the decorated function.

    Examples
    --------
    >>> import deepnet
    >>> x = deepnet.ones(2, requires_grad=True)
    >>> with deepnet.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    enabled = False


class enable_grad(_GradMode):
    """Record operators inside the block, also within no_grad."""

    enabled = True


class set_grad_enabled(_Mode):
    """Record operators or not, at once; as a context manager, until its end."""

    def __init__(self, mode: bool) -> None:
        self.mode = mode
        self._before = is_grad_enabled()
        _core.set_grad_mode(mode)

    def _again(self) -> set_grad_enabled:
        return set_grad_enabled(self.mode)

    def __call__(self, function: F) -> F:
        """Decorate a function; the mode that making this object set is taken back."""
        _core.set_grad_mode(self._before)
        return super().__call__(function)

    def __enter__(self) -> None:
        _core.set_grad_mode(self.mode)

    def __exit__(self, *error: object) -> None:
        _core.set_grad_mode(self._before)


class inference_mode(_Mode):
    """As no_grad, and tensors made inside never take part in autograd."""

    def __new__(cls, mode: Any = True) -> Any:
        """Make a context manager, or decorate a function given as it is."""
        self = super().__new__(cls)
        if callable(mode):
            self.mode = True
            return self(mode)
        return self

    def __init__(self, mode: bool = True) -> None:
        self.mode = mode

    def _again(self) -> inference_mode:
        return inference_mode(self.mode)

    def __enter__(self) -> None:
        self._before = (is_grad_enabled(), is_inference_mode_enabled())
        _core.set_inference_mode(self.mode)
        _core.set_grad_mode(not self.mode)

    def __exit__(self, *error: object) -> None:
        _core.set_grad_mode(self._before[0])
        _core.set_inference_mode(self._before[1])


__all__ = ["enable_grad", "inference_mode", "is_grad_enabled", "is_inference_mode_enabled", "no_grad", "set_grad_enabled"]
