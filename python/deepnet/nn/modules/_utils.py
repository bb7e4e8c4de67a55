"""Helpers for the arguments of modules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def ntuple(value: Any, n: int, name: str) -> tuple[Any, ...]:
    """`value` for each of n axes: a number counts for all."""
    if isinstance(value, Iterable) and not isinstance(value, str):
        values = tuple(value)
        if len(values) == 1 and n > 1:
            return values * n
        if len(values) != n:
            raise ValueError(f"{name} must be a number or {n} of them, got {values}")
        return values
    return (value,) * n


__all__ = ["ntuple"]
