"""Instance normalisation: each channel of each sample over its positions."""

from __future__ import annotations

from typing import Any

from deepnet._core import Tensor

from .. import functional as F
from .batchnorm import _LazyNorm, _NormBase


class _InstanceNorm(_NormBase):
    _no_batch_dim: int

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        x = input.unsqueeze(0) if input.dim() == self._no_batch_dim else input
        if x.shape[1] != self.num_features and self.affine:
            raise ValueError(
                f"expected input's size at dim={input.dim() - self._no_batch_dim} to match num_features ({self.num_features}), "
                f"but got: {x.shape[1]}"
            )
        y = F.instance_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            self.momentum if self.momentum is not None else 0.0,
            self.eps,
        )
        return y.squeeze(0) if input.dim() == self._no_batch_dim else y


class InstanceNorm1d(_InstanceNorm):
    """Normalises each channel of each sequence (N, C, L) or (C, L). Parameters as in `InstanceNorm2d`."""

    _dims = (2, 3)
    _no_batch_dim = 2


class InstanceNorm2d(_InstanceNorm):
    """Normalises each channel of each image (N, C, H, W) or (C, H, W).

    Parameters
    ----------
    num_features : int
        C.
    eps : float
    momentum : float
    affine : bool
        Learn a scale and a shift per channel.
    track_running_stats : bool
        Keep running statistics and use them in evaluation.
    device, dtype : optional
    bias : bool
        Whether there is a shift.
    """

    _dims = (3, 4)
    _no_batch_dim = 3


class InstanceNorm3d(_InstanceNorm):
    """Normalises each channel of each volume (N, C, D, H, W) or (C, D, H, W). Parameters as in `InstanceNorm2d`."""

    _dims = (4, 5)
    _no_batch_dim = 4


class _LazyInstanceNorm(_LazyNorm):
    _no_batch_dim: int

    def initialize_parameters(self, input: Tensor) -> None:
        """Take the number of channels from an input, with or without a batch axis."""
        super().initialize_parameters(input.unsqueeze(0) if input.dim() == self._no_batch_dim else input)


class LazyInstanceNorm1d(_LazyInstanceNorm, InstanceNorm1d):
    """An `InstanceNorm1d` that takes num_features from its first input."""

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyInstanceNorm, InstanceNorm2d):
    """An `InstanceNorm2d` that takes num_features from its first input."""

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyInstanceNorm, InstanceNorm3d):
    """An `InstanceNorm3d` that takes num_features from its first input."""

    cls_to_become = InstanceNorm3d


__all__ = [
    "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "LazyInstanceNorm1d", "LazyInstanceNorm2d", "LazyInstanceNorm3d",
]  # fmt: skip
