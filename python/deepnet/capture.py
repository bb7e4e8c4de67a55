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


class _Recorded:
    """One recording: its kernels, its input buffers, what it returned."""

    def __init__(self, step: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        global _live
        self.kernels = _core.Capture()
        self.inputs = [a.detach().clone() if isinstance(a, Tensor) else a for a in args]
        self.named = {k: v.detach().clone() if isinstance(v, Tensor) else v for k, v in kwargs.items()}
        self.live: list[Callable[[], None]] = []
        _live = self.live
        self.kernels.begin()
        try:
            result = step(*self.inputs, **self.named)
        finally:
            self.kernels.end()
            _live = None
        self.result = _detached(result)

    def replay(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for buffer, value in zip(self.inputs, args, strict=False):
            if isinstance(buffer, Tensor):
                buffer.data.copy_(value)
        for name, value in kwargs.items():
            if isinstance(value, Tensor):
                self.named[name].data.copy_(value)
        for refresh in self.live:
            refresh()
        self.kernels.replay()
        return self.result


def _detached(result: Any) -> Any:
    if isinstance(result, Tensor):
        return result.detach()
    if isinstance(result, (list, tuple)):
        return type(result)(_detached(r) for r in result)
    if isinstance(result, dict):
        return {k: _detached(v) for k, v in result.items()}
    return result


def _signature(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    def one(a: Any) -> Any:
        return (tuple(a.shape), a.dtype, str(a.device)) if isinstance(a, Tensor) else a

    return (*(one(a) for a in args), *((k, one(v)) for k, v in sorted(kwargs.items())))


class CapturedStep:
    """A step that replays itself; see `capture`."""

    def __init__(self, step: Callable[..., Any], most: int = 8) -> None:
        self._step, self._most = step, most
        self._recorded: dict[Any, _Recorded | None] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the step: eagerly, recording, or by replay."""
        key = _signature(args, kwargs)
        if key not in self._recorded:
            if len(self._recorded) >= self._most:
                raise RuntimeError(f"capture: more than {self._most} different input shapes; each is a recording of its own")
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
