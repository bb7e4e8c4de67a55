"""Anomaly mode: a backward pass that makes a NaN names the forward call behind it."""

from __future__ import annotations

from deepnet import _core


class set_detect_anomaly:
    """Turn anomaly mode on or off, at once; as a context manager, until its end."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = _core.is_anomaly_enabled()
        _core.set_anomaly_enabled(mode and check_nan)

    def __enter__(self) -> None: ...

    def __exit__(self, *error: object) -> None:
        _core.set_anomaly_enabled(self._before)


class detect_anomaly(set_detect_anomaly):
    """Inside the block every operator remembers its call, and a gradient with NaN raises with it.

    Examples
    --------
    >>> import deepnet
    >>> x = deepnet.zeros(1, requires_grad=True)
    >>> with deepnet.autograd.detect_anomaly():  # doctest: +IGNORE_EXCEPTION_DETAIL
    ...     (x.sqrt() * 0).sum().backward()
    Traceback (most recent call last):
    RuntimeError: sqrt: its gradient for input 0 has NaN; the forward call was: ...
    """

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__(True, check_nan)


__all__ = ["detect_anomaly", "set_detect_anomaly"]
