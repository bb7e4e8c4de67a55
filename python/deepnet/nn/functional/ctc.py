"""Connectionist temporal classification."""

from __future__ import annotations

from typing import Any

import deepnet
from deepnet import _core
from deepnet._core import Tensor

# Stands for log(0): far below any path's score, and finite, so that its gradient is 0 and not NaN.
_LOG_ZERO = -1e30


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """-log of the probability of all alignments of the targets [1]_, by the forward recursion in the log domain.

    Parameters
    ----------
    log_probs : Tensor, shape (T, N, C) or (T, C)
    targets : Tensor of integers, shape (N, S), or all targets in a row
    input_lengths, target_lengths : Tensor or sequence of int, shape (N,) or ()
    blank : int
    reduction : {'mean', 'sum', 'none'}
        'mean' divides each loss by its target length first.
    zero_infinity : bool
        Losses that are infinite (no alignment fits) count as 0, without gradient.

    Returns
    -------
    Tensor, shape () or (N,)

    Notes
    -----
    The gradient with respect to `log_probs` has the softmax in it, as PyTorch's; behind a log_softmax that changes nothing.

    References
    ----------
    .. [1] Graves et al., Connectionist temporal classification, ICML 2006.
    """
    single = log_probs.dim() == 2
    if log_probs.dim() not in (2, 3):
        raise ValueError(f"ctc_loss: log_probs must have shape (T, N, C) or (T, C), got {tuple(log_probs.shape)}")
    lp = log_probs.unsqueeze(1) if single else log_probs
    steps, batch, classes = lp.shape
    if not 0 <= blank < classes:
        raise ValueError(f"ctc_loss: blank must be in [0, {classes}), got {blank}")
    device = lp.device
    in_len = _lengths("input_lengths", input_lengths, batch)
    out_len = _lengths("target_lengths", target_lengths, batch)
    if max(in_len, default=0) > steps:
        raise ValueError(f"ctc_loss: input_lengths must be at most {steps}, got {max(in_len)}")
    longest = max(out_len, default=0)

    flat = [int(t) for t in targets.reshape(-1).tolist()]
    width = targets.shape[-1] if targets.dim() == 2 else longest
    if targets.dim() == 2 or single:
        starts = [i * width for i in range(batch)]
    else:
        starts = [sum(out_len[:i]) for i in range(batch)]
    if flat and starts and max(s + n for s, n in zip(starts, out_len, strict=True)) > len(flat):
        raise ValueError(f"ctc_loss: target_lengths {out_len} exceed the targets of shape {tuple(targets.shape)}")
    # Labels with blanks between and around; may_skip: a label that differs from the one before the blank.
    labels, may_skip = [], []
    for start, count in zip(starts, out_len, strict=True):
        row = [blank] * (2 * longest + 1)
        row[1 : 2 * count : 2] = flat[start : start + count]
        labels.append(row)
        may_skip.append([i >= 2 and row[i] != blank and row[i] != row[i - 2] for i in range(len(row))])

    index = deepnet.tensor(labels, device=device)
    skip = deepnet.tensor(may_skip, device=device)
    scores = lp.gather(2, index.unsqueeze(0).expand(steps, *index.shape))  # (T, N, 2S + 1)
    states = index.shape[1]
    first = deepnet.arange(states, device=device) < 2
    alpha = _core.where(first, scores[0], _LOG_ZERO)
    ends = deepnet.tensor(in_len, device=device).reshape(-1, 1)
    for t in range(1, steps):
        one = _core.constant_pad(alpha[:, :-1], [1, 0], value=_LOG_ZERO)
        two = _core.where(skip, _core.constant_pad(alpha[:, :-2], [2, 0], value=_LOG_ZERO)[:, :states], _LOG_ZERO)
        stepped = _core.logsumexp(_core.stack([alpha, one, two]), 0) + scores[t]
        alpha = _core.where(ends > t, stepped, alpha)
    # A path ends on the last label or on the blank after it.
    last = deepnet.tensor([[2 * n, max(2 * n - 1, 0)] for n in out_len], device=device)
    tails = alpha.gather(1, last)
    only_blank = deepnet.tensor([[False, n == 0] for n in out_len], device=device)
    loss = -_core.logsumexp(tails.masked_fill(only_blank, _LOG_ZERO), 1)
    empty = deepnet.tensor([n == 0 for n in in_len], device=device)
    impossible = (loss > -0.5 * _LOG_ZERO) | (empty & (deepnet.tensor(out_len, device=device) > 0))
    loss = _core.where(empty & ~impossible, 0.0, loss)
    loss = loss.masked_fill(impossible, 0.0 if zero_infinity else float("inf"))
    if lp.requires_grad and steps:
        # PyTorch's gradient: exp(log_probs) more, which adds 0 to the loss and nothing behind a log_softmax.
        within = (deepnet.arange(steps, device=device).reshape(-1, 1) < ends.reshape(1, -1)) & ~impossible
        share = lp.exp().sum(2).masked_fill(~within, 0.0).sum(0)
        loss = loss + (share - share.detach())
    if reduction == "mean":
        counts = deepnet.tensor([max(n, 1) for n in out_len], dtype=loss.dtype, device=device)
        return (loss / counts).mean()
    if reduction == "sum":
        return loss.sum()
    if reduction != "none":
        raise ValueError(f"ctc_loss: reduction must be 'none', 'mean' or 'sum', got {reduction!r}")
    return loss.squeeze(0) if single else loss


def _lengths(name: str, value: Any, batch: int) -> list[int]:
    lengths = [int(v) for v in (value.reshape(-1).tolist() if isinstance(value, Tensor) else _listed(value))]
    if len(lengths) != batch:
        raise ValueError(f"ctc_loss: {name} must have one entry per sample ({batch}), got {len(lengths)}")
    if min(lengths, default=0) < 0:
        raise ValueError(f"ctc_loss: {name} must not be negative, got {lengths}")
    return lengths


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, int) else list(value)


__all__ = ["ctc_loss"]
