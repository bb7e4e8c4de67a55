"""Batch normalisation, with running statistics."""

from __future__ import annotations

from typing import Any

import deepnet
from deepnet._core import Tensor

from .. import functional as F
from .. import init
from ..parameter import Parameter, UninitializedParameter
from .lazy import LazyModule
from .module import Module


class _NormBase(Module):
    """Scale, shift and running statistics per channel."""

    _version = 2  # since 2, num_batches_tracked is part of the state
    _dims: tuple[int, ...]
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            value = Parameter(deepnet.empty(num_features, device=device, dtype=dtype)) if wanted else None
            self.register_parameter(name, value)
        if track_running_stats:
            self.register_buffer("running_mean", deepnet.zeros(num_features, device=device, dtype=dtype))
            self.register_buffer("running_var", deepnet.ones(num_features, device=device, dtype=dtype))
            self.register_buffer("num_batches_tracked", deepnet.tensor(0, dtype=deepnet.int64, device=device))
        else:
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                self.register_buffer(name, None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget the statistics gathered."""
        if self.track_running_stats:
            self.running_mean.zero_()  # type: ignore[union-attr]
            self.running_var.fill_(1)  # type: ignore[union-attr]
            self.num_batches_tracked.zero_()  # type: ignore[union-attr]

    def reset_parameters(self) -> None:
        """Forget the statistics; weight one, bias zero."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() not in self._dims:
            allowed = " or ".join(f"{d}D" for d in self._dims)
            raise ValueError(f"expected {allowed} input (got {input.dim()}D input)")

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        version = local_metadata.get("version")
        key = prefix + "num_batches_tracked"
        if (version is None or version < 2) and self.track_running_stats and key not in state_dict:
            count = self.num_batches_tracked
            state_dict[key] = count if count is not None else deepnet.tensor(0, dtype=deepnet.int64)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)


class _BatchNorm(_NormBase):
    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        momentum = self.momentum
        training = self.training
        if training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if momentum is None:  # a plain average over all batches
                momentum = 1.0 / float(self.num_batches_tracked)
        mean, var = self.running_mean, self.running_var
        if training and not self.track_running_stats:
            mean = var = None
        return F.batch_norm(
            input,
            mean,
            var,
            self.weight,
            self.bias,
            training or (self.running_mean is None and self.running_var is None),
            0.0 if momentum is None else momentum,
            self.eps,
        )


class BatchNorm1d(_BatchNorm):
    """Normalises each feature over a batch (N, C) or (N, C, L). Parameters as in `BatchNorm2d`."""

    _dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Normalises each channel over a batch of images (N, C, H, W).

    Parameters
    ----------
    num_features : int
        C.
    eps : float
    momentum : float or None
        Weight of the newest batch in the running statistics; None averages over all batches.
    affine : bool
        Learn a scale and a shift per channel.
    track_running_stats : bool
        Keep running statistics for evaluation.
    device, dtype : optional
    bias : bool
        Whether there is a shift.

    Examples
    --------
    >>> import deepnet, deepnet.nn as nn
    >>> bn = nn.BatchNorm2d(3)
    >>> bn(deepnet.ones(2, 3, 4, 4)).shape, int(bn.num_batches_tracked)
    (Size([2, 3, 4, 4]), 1)
    """

    _dims = (4,)


class BatchNorm3d(_BatchNorm):
    """Normalises each channel over a batch of volumes (N, C, D, H, W). Parameters as in `BatchNorm2d`."""

    _dims = (5,)


class SyncBatchNorm(_BatchNorm):
    """`BatchNorm2d` for inputs of any dimension; with one process there is nothing to synchronise."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        if process_group is not None:
            raise ValueError("SyncBatchNorm: process_group is not supported")
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected at least 2D input (got {input.dim()}D input)")


class _LazyNorm(LazyModule):
    """The channels of a lazy normalisation, from its first input."""

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(0, eps, momentum, False, False, device, dtype)
        self.affine = affine
        self.track_running_stats = track_running_stats
        self._placement = {"device": device, "dtype": dtype}
        if affine:
            self.register_parameter("weight", UninitializedParameter(device=device, dtype=dtype))
            if bias:
                self.register_parameter("bias", UninitializedParameter(device=device, dtype=dtype))
        if track_running_stats:
            self.register_buffer("running_mean", deepnet.zeros(0, device=device, dtype=dtype))
            self.register_buffer("running_var", deepnet.ones(0, device=device, dtype=dtype))
            self.register_buffer("num_batches_tracked", deepnet.tensor(0, dtype=deepnet.int64, device=device))

    def has_uninitialized_params(self) -> bool:
        return self.num_features == 0

    def reset_parameters(self) -> None:
        if self.num_features:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self, input: Tensor) -> None:
        """Take the number of channels from an input."""
        self.num_features = input.shape[1]
        for name in ("weight", "bias"):
            self.materialize_(name, (self.num_features,))
        if self.track_running_stats:
            self.register_buffer("running_mean", deepnet.zeros(self.num_features, **self._placement))
            self.register_buffer("running_var", deepnet.ones(self.num_features, **self._placement))


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """A `BatchNorm1d` that takes num_features from its first input."""

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """A `BatchNorm2d` that takes num_features from its first input."""

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """A `BatchNorm3d` that takes num_features from its first input."""

    cls_to_become = BatchNorm3d


__all__ = [
    "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d", "SyncBatchNorm",
]  # fmt: skip
