"""The newer module of `weight_norm` and `spectral_norm`; here they are the same functions as in `nn.utils`."""

from __future__ import annotations

from .spectral_norm import spectral_norm
from .weight_norm import weight_norm

__all__ = ["spectral_norm", "weight_norm"]
