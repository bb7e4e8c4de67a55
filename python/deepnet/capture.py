"""capture: a training step recorded once and replayed without Python, allocation or graph building."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deepnet import _core
from deepnet._core import Tensor

_live: list[Callable[[], None]] | None = None


def on_replay(refresh: Callable[[], None]) -> None:
    """While a capture records: have `refresh` called before every replay (a scheduled rate, a step count)."""
    if _live is not None:
        _live.append(refresh)


_core.on_replay = on_replay


def _mapped(value: Any, change: Callable[[Tensor], Any]) -> Any:
    """The same lists, tuples and dicts with every tensor changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_mapped(v, change) for v in value))
    if isinstance(value, (list, tuple)):
        return type(value)(_mapped(v, change) for v in value)
    if isinstance(value, dict):
        return {k: _mapped(v, change) for k, v in value.items()}
    return value


def _tensors(value: Any) -> list[Tensor]:
    found: list[Tensor] = []
    _mapped(value, found.append)
    return found


def _buffer(value: Tensor) -> Tensor:
    if value.requires_grad:
        raise RuntimeError(
            f"capture: an argument of shape {tuple(value.shape)} requires a gradient, which a replay could not give it; "
            "detach it, or let the step reach it otherwise than as an argument"
        )
    return value.detach().clone()


class _Recorded:
    """One recording: its kernels, its input buffers, what it returned."""

    def __init__(self, step: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        global _live
        self.kernels = _core.Capture()
        given, named = _mapped((args, kwargs), _buffer)
        self.inputs = _tensors((given, named))
        before = [buffer._version for buffer in self.inputs]
        self.live: list[Callable[[], None]] = []
        _live = self.live
        self.kernels.begin()
        try:
            result = step(*given, **named)
        finally:
            self.kernels.end()
            _live = None
        self.result = _detached(result)
        self.written = [i for i, version in enumerate(before) if self.inputs[i]._version != version]
        self.gradients = [(leaf, first, leaf.grad) for leaf, first in self.kernels.gradients()]
        self._give_back(args, kwargs)

    def replay(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for buffer, value in zip(self.inputs, _tensors((args, kwargs)), strict=False):
            buffer.data.copy_(value)
        for refresh in self.live:
            refresh()
        earlier = self._before_gradients()
        self.kernels.replay()
        self._after_gradients(earlier)
        self._give_back(args, kwargs)
        return self.result

    def _give_back(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """What the step wrote into its arguments, into the caller's."""
        if self.written:
            values = _tensors((args, kwargs))
            for i in self.written:
                values[i].copy_(self.inputs[i])

    def _before_gradients(self) -> list[Tensor | None]:
        """Begin where the recording did: with the caller's `.grad`, and not what an earlier replay left."""
        earlier: list[Tensor | None] = []
        for leaf, first, buffer in self.gradients:
            now = leaf.grad
            if first == "a" and buffer is not None and now is not buffer:
                buffer.zero_() if now is None else buffer.copy_(now)
            earlier.append(now.clone() if first == "m" and now is not None else None)
        return earlier

    def _after_gradients(self, earlier: list[Tensor | None]) -> None:
        for (leaf, _, buffer), added in zip(self.gradients, earlier, strict=False):
            if added is not None and buffer is not None:
                buffer.add_(added)
            if leaf.grad is not buffer:
                leaf.grad = buffer


def _detached(result: Any) -> Any:
    return _mapped(result, Tensor.detach)


def _signature(value: Any) -> Any:
    """What two calls must have in common to share a recording."""
    if isinstance(value, Tensor):
        return (tuple(value.shape), value.dtype, str(value.device), value.requires_grad)
    if isinstance(value, (list, tuple)):
        return (type(value), *map(_signature, value))
    if isinstance(value, dict):
        return (dict, *((k, _signature(v)) for k, v in value.items()))
    try:
        hash(value)
    except TypeError:
        raise TypeError(
            f"capture: an argument of type {type(value).__name__} cannot be told from another; pass tensors, numbers, strings, "
            "or lists, tuples and dicts of them"
        ) from None
    return (type(value), value)


class CapturedStep:
    """A step that replays itself; see `capture`."""

    def __init__(self, step: Callable[..., Any], most: int = 8) -> None:
        self._step, self._most = step, most
        self._recorded: dict[Any, _Recorded | None] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the step: eagerly, recording, or by replay."""
        kwargs = dict(sorted(kwargs.items()))
        key = (_signature(args), _signature(kwargs))
        if key not in self._recorded:
            if len(self._recorded) >= self._most:
                raise RuntimeError(
                    f"capture: more than {self._most} different shapes or values of arguments; each is a recording of its "
                    "own, so numbers that change should be passed as tensors"
                )
            # The first call makes what later ones find: optimizer state, caches, lazily built layers.
            self._recorded[key] = None
            return _detached(self._step(*args, **kwargs))
        recorded = self._recorded[key]
        if recorded is None:
            recorded = self._recorded[key] = _record(self._step, args, kwargs)
            return recorded.result
        return recorded.replay(args, kwargs)


def _record(step: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Recorded:
    if _core.capturing():
        raise RuntimeError("capture: captures cannot be nested")
    return _Recorded(step, args, kwargs)


def capture(step: Callable[..., Any]) -> CapturedStep:
    """Return step as a callable that runs eagerly once, is recorded at its second call, and replayed from its third.

    A replay runs the recorded kernels on the same memory: no Python, no allocation, no graph. Learning rates, step counts,
    random numbers, and the contents of tensors stay live; tensor arguments are copied into the recording's own buffers;
    tensors that step returns are overwritten by the next replay. Shapes and Python control flow are those of the recording;
    other input shapes record again.

    Parameters
    ----------
    step : callable
        Typically forward, backward and optimizer step.

    Returns
    -------
    CapturedStep

    Raises
    ------
    RuntimeError
        At the second call, naming the operator, where step reads a value on the host (`item`, `bool`, `nonzero`).

    Examples
    --------
    >>> import deepnet
    >>> x = deepnet.ones(2)
    >>> double = deepnet.capture(lambda: x.mul_(2))
    >>> for _ in range(3):
    ...     y = double()
    >>> x
    tensor([8., 8.])
    """
    return CapturedStep(step)
