"""Helpers around training: data loading, logging."""

from __future__ import annotations

import importlib
from typing import Any

_PARTS = ("data", "tensorboard")


def __getattr__(name: str) -> Any:
    """Import a part when it is first used."""
    if name in _PARTS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
