"""Softmax over many classes in clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import deepnet
from deepnet import _core
from deepnet._core import Tensor

from .. import functional as F
from .container import ModuleList, Sequential
from .linear import Linear
from .module import Module


class AdaptiveSoftmaxOutput(NamedTuple):
    """Each sample's log-probability of its target, and the loss: minus their mean."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-softmax whose rarer classes stand in clusters with smaller projections [1]_.

    Parameters
    ----------
    in_features, n_classes : int
    cutoffs : sequence of int, increasing
        Where the clusters end; classes are sorted by frequency, the most frequent first.
    div_value : float
        Each cluster's projection is smaller by this factor than the one before.
    head_bias : bool
    device, dtype : optional

    References
    ----------
    .. [1] Grave et al., Efficient softmax approximation for GPUs, arXiv:1609.04309.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        ends = list(cutoffs)
        if not ends:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if ends != sorted(set(ends)) or min(ends) <= 0 or max(ends) > n_classes - 1 or any(int(c) != c for c in ends):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each value is "
                f"between 1 and n_classes-1, got {ends}"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*ends, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, head_bias, device, dtype)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            hidden = int(in_features // (div_value ** (i + 1)))
            size = self.cutoffs[i + 1] - self.cutoffs[i]
            self.tail.append(
                Sequential(Linear(in_features, hidden, False, device, dtype), Linear(hidden, size, False, device, dtype))
            )

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        self.head.reset_parameters()
        for first, second in self.tail:
            first.reset_parameters()
            second.reset_parameters()

    def forward(self, input: Tensor, target: Tensor) -> AdaptiveSoftmaxOutput:
        """Log-probabilities of the targets.

        Parameters
        ----------
        input : Tensor, shape (N, in_features) or (in_features,)
        target : Tensor of int64, shape (N,) or ()
        """
        single = input.dim() == 1
        x, t = (input.unsqueeze(0), target.unsqueeze(0)) if single else (input, target)
        if x.dim() != 2 or tuple(t.shape) != (x.shape[0],):
            raise ValueError(
                f"AdaptiveLogSoftmaxWithLoss: input {tuple(input.shape)} and target {tuple(target.shape)} do not go together"
            )
        if t.numel() and not (int(t.min()) >= 0 and int(t.max()) < self.n_classes):
            raise IndexError(f"AdaptiveLogSoftmaxWithLoss: target values should be in the range [0, {self.n_classes - 1}]")
        head = F.log_softmax(self.head(x), 1)
        index = _core.where(t < self.shortlist_size, t, 0)
        output = x.new_zeros((x.shape[0],))
        for i, cluster in enumerate(self.tail):
            low, high = self.cutoffs[i], self.cutoffs[i + 1]
            rows = ((t >= low) & (t < high)).nonzero().reshape(-1)
            if rows.numel() == 0:
                continue
            within = F.log_softmax(cluster(x.index_select(0, rows)), 1)
            picked = within.gather(1, (t.index_select(0, rows) - low).unsqueeze(1)).squeeze(1)
            output = output.index_add(0, rows, picked)
            index = index.index_copy(0, rows, deepnet.full_like(rows, self.shortlist_size + i))
        output = output + head.gather(1, index.unsqueeze(1)).squeeze(1)
        loss = (-output).mean()
        return AdaptiveSoftmaxOutput(output.squeeze(0) if single else output, loss)

    def log_prob(self, input: Tensor) -> Tensor:
        """Log-probabilities of all classes, shape (N, n_classes)."""
        head = self.head(input)
        log_head = F.log_softmax(head, 1)
        parts = [log_head[:, : self.shortlist_size]]
        for i, cluster in enumerate(self.tail):
            at = self.shortlist_size + i
            parts.append(F.log_softmax(cluster(input), 1) + log_head[:, at : at + 1])
        return _core.cat(parts, 1)

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class of each sample, shape (N,)."""
        return self.log_prob(input).argmax(1)


__all__ = ["AdaptiveLogSoftmaxWithLoss"]
