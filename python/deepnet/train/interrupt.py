"""Ctrl-C as a wish to stop after this step, not in the middle of it."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

__all__ = ["on_interrupt"]


@contextlib.contextmanager
def on_interrupt(wish: Callable[[], None]) -> Iterator[None]:
    """Call ``wish`` at the first Ctrl-C; a second one raises KeyboardInterrupt at once.

    Signals reach the main thread only: in other threads this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_signal: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        wish()

    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before if before is not None else signal.default_int_handler)
