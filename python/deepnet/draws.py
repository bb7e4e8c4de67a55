"""Tensor's methods that fill a tensor with random draws, beside the extension's."""

from __future__ import annotations

import math
from typing import Any

from deepnet import _core
from deepnet._core import Tensor

__all__ = ["bernoulli_", "cauchy_", "geometric_", "log_normal_", "random_"]


# Of the integers from 0 that a dtype holds exactly.
_BITS = {
    _core.float32: 24, _core.float64: 53, _core.float16: 11, _core.bfloat16: 8, _core.bool: 1, _core.uint8: 8, _core.int8: 7,
    _core.int16: 15, _core.int32: 31, _core.int64: 62,
}  # fmt: skip


def _uniform(self: Tensor, generator: Any) -> Tensor:
    """Draws from (0, 1) of self's shape, in float64."""
    u = _core.empty_size(self.shape, dtype=_core.float64, device=self.device).uniform_(generator=generator)
    return _core.clamp(u, min=2.0**-54)


def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Fill with 1 with probability p, else 0."""
    if isinstance(p, Tensor):
        return self.copy_(_core.bernoulli_sample(p.expand(self.shape), generator=generator))
    return _core.bernoulli_fill(self, p, generator=generator)


def random_(self: Tensor, low: int = 0, high: int | None = None, *, generator: Any = None) -> Tensor:
    """Fill with integers drawn uniformly from [low, high), or from [0, low); by default all that the dtype holds exactly."""
    if high is None and low:
        low, high = 0, low
    if high is None:
        high = 2 ** _BITS[self.dtype]
    return _core.integers_(self, low, high, generator=generator)


def cauchy_(self: Tensor, median: float = 0, sigma: float = 1, *, generator: Any = None) -> Tensor:
    """Fill with draws of the Cauchy distribution.

    Raises
    ------
    RuntimeError
        If sigma is not positive, or the dtype not floating.
    """
    if sigma <= 0 or not self.dtype.is_floating_point:
        raise RuntimeError(f"cauchy_: needs sigma > 0 and a floating dtype, got {sigma} and {self.dtype}")
    return self.copy_(_core.tan((_uniform(self, generator) - 0.5) * math.pi) * sigma + median)


def geometric_(self: Tensor, p: float, *, generator: Any = None) -> Tensor:
    """Fill with the number of trials, each successful with probability p, up to the first success.

    Raises
    ------
    RuntimeError
        If p lies outside (0, 1).
    """
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_: p must lie in (0, 1), got {p}")
    return self.copy_(_core.clamp(_core.ceil(_core.log(_uniform(self, generator)) / math.log1p(-p)), min=1))


def log_normal_(self: Tensor, mean: float = 1, std: float = 2, *, generator: Any = None) -> Tensor:
    """Fill with exponentials of normal draws.

    Raises
    ------
    RuntimeError
        If std is not positive, or the dtype not floating.
    """
    if std <= 0 or not self.dtype.is_floating_point:
        raise RuntimeError(f"log_normal_: needs std > 0 and a floating dtype, got {std} and {self.dtype}")
    return self.copy_(
        _core.exp(_core.empty_size(self.shape, dtype=_core.float64, device=self.device).normal_(mean, std, generator=generator))
    )
