"""Helpers for the arguments that the functions here share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import deepnet
from deepnet._core import Tensor


def ntuple(value: Any, n: int, op: str, name: str) -> list[int]:
    """`value` as a list of n ints: an int counts for every axis, and so does a sequence of one."""
    if type(value) is tuple and len(value) == n:  # what layers pass
        return list(value)
    if isinstance(value, Iterable):
        values = [int(v) for v in value]
        if len(values) == 1:
            return values * n
        if len(values) != n:
            raise ValueError(f"{op}: {name} must be an int or {n} of them, got {values}")
        return values
    return [int(value)] * n


def batched(op: str, input: Tensor, spatial: int) -> tuple[Tensor, bool]:
    """`input` with a batch axis (N, C, ...), and whether it had none."""
    if input.dim() == spatial + 2:
        return input, False
    if input.dim() == spatial + 1:
        return input.unsqueeze(0), True
    raise ValueError(
        f"{op}: expected {spatial + 1}-D (unbatched) or {spatial + 2}-D (batched) input, got shape {tuple(input.shape)}"
    )


def in_place(f: Callable[[Tensor], Tensor], input: Tensor) -> Tensor:
    """Write f(input) over input, with the right gradient whatever f keeps for its backward."""
    source = input.clone() if deepnet.is_grad_enabled() and input.requires_grad else input
    return input.copy_(f(source))


def legacy_reduction(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction that the older flags `size_average` and `reduce` ask for, where one was given."""
    if size_average is None and reduce is None:
        return reduction
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"


def reduced(op: str, loss: Tensor, reduction: str) -> Tensor:
    """The mean or sum of `loss`, or `loss` itself."""
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"{op}: reduction must be 'none', 'mean' or 'sum', got {reduction!r}")
