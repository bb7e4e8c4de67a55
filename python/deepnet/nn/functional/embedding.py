"""Tables of vectors looked up by index."""

from __future__ import annotations

import deepnet
from deepnet import _core
from deepnet._core import Tensor


def _padding_row(op: str, padding_idx: int | None, rows: int) -> int | None:
    """The padding row as a non-negative index."""
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise ValueError(f"{op}: padding_idx must be within num_embeddings ({rows}), got {padding_idx}")
    return padding_idx % rows


def _renorm(weight: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale the rows looked up, in place, to a norm of at most max_norm."""
    with deepnet.no_grad():
        used = deepnet.unique(indices.reshape(-1))
        rows = weight.detach().index_select(0, used)
        norms = deepnet.norm(rows, norm_type, 1, True)
        scale = _core.where(norms > max_norm, max_norm / (norms + 1e-7), 1.0).to(rows.dtype)
        weight.detach().index_copy_(0, used, rows * scale)


def _scale_by_frequency(output: Tensor, indices: Tensor, rows: int) -> None:
    """Let each row's gradient be divided by how often the row was looked up."""
    if output.requires_grad:
        counts = deepnet.bincount(indices.reshape(-1), minlength=rows)
        share = (1.0 / counts[indices].to(output.dtype)).unsqueeze(-1)
        output.register_hook(lambda grad: grad * share)


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of `weight` by index.

    Parameters
    ----------
    input : Tensor of int64 or int32, any shape (*)
    weight : Tensor, shape (num_embeddings, embedding_dim)
    padding_idx : int, optional
        This row gets no gradient.
    max_norm : float, optional
        Rows looked up are first scaled, in place, to at most this norm of order `norm_type`.
    norm_type : float
    scale_grad_by_freq : bool
        Divide a row's gradient by the number of times it was looked up.
    sparse : bool
        Accepted; gradients are dense.

    Returns
    -------
    Tensor, shape (*, embedding_dim)

    Raises
    ------
    IndexError
        If an index is out of range.
    """
    padding = _padding_row("embedding", padding_idx, weight.shape[0])
    if max_norm is not None:
        _renorm(weight, input, max_norm, norm_type)
    output = _core.embedding(weight, input, padding)
    if scale_grad_by_freq:
        _scale_by_frequency(output, input, weight.shape[0])
    return output


def _bags(input: Tensor, offsets: Tensor, include_last_offset: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Flat indices in bags as a matrix: positions (bags, longest), which of them are real, and the bags' lengths."""
    starts = offsets[:-1] if include_last_offset else offsets
    ends = offsets[1:] if include_last_offset else _core.cat([offsets[1:], offsets.new_full((1,), input.numel())])
    lengths = ends - starts
    longest = int(lengths.max()) if lengths.numel() else 0
    steps = deepnet.arange(longest, device=input.device).unsqueeze(0)
    real = steps < lengths.unsqueeze(1)
    return _core.where(real, starts.unsqueeze(1) + steps, 0), real, lengths


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Sums, means or maxima of rows of `weight`, one per bag of indices; an empty bag gives zeros.

    Parameters
    ----------
    input : Tensor of int64 or int32, shape (B, N), or (N,) with offsets
    weight : Tensor, shape (num_embeddings, embedding_dim)
    offsets : Tensor of int64, shape (B,), optional
        Where each bag starts in a 1-D input; with `include_last_offset` one more says where the last ends.
    max_norm, norm_type, scale_grad_by_freq, sparse
        As in `embedding`.
    mode : {'sum', 'mean', 'max'}
    per_sample_weights : Tensor, shape of input, optional
        Factors of the rows; only with 'sum'.
    padding_idx : int, optional
        Such indices take no part.

    Returns
    -------
    Tensor, shape (B, embedding_dim)
    """
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"embedding_bag: mode has to be one of sum, mean or max, got {mode!r}")
    if per_sample_weights is not None and mode != "sum":
        raise ValueError(f"embedding_bag: per_sample_weights goes with mode='sum' only, got mode={mode!r}")
    if per_sample_weights is not None and per_sample_weights.shape != input.shape:
        raise ValueError(
            f"embedding_bag: per_sample_weights must have the shape of input {tuple(input.shape)}, "
            f"got {tuple(per_sample_weights.shape)}"
        )
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError("embedding_bag: with 2-D input, offsets has to be None")
        indices = input
        real = deepnet.ones_like(input, dtype=deepnet.bool)
        factors = per_sample_weights
    elif input.dim() == 1:
        if offsets is None or offsets.dim() != 1:
            raise ValueError("embedding_bag: with 1-D input, offsets has to be a 1-D tensor")
        if offsets.numel() and int(offsets[0]) != 0:
            raise ValueError(f"embedding_bag: offsets[0] has to be 0, got {int(offsets[0])}")
        places, real, _ = _bags(input, offsets, include_last_offset)
        indices = input[places] if input.numel() else places
        factors = None if per_sample_weights is None else per_sample_weights[places]
    else:
        raise ValueError(f"embedding_bag: input has to be a 1-D or 2-D tensor, got shape {tuple(input.shape)}")
    padding = _padding_row("embedding_bag", padding_idx, weight.shape[0])
    if padding is not None:
        real = real & (indices != padding)
    if max_norm is not None:
        _renorm(weight, input, max_norm, norm_type)
    if indices.numel() == 0:
        return deepnet.zeros((indices.shape[0], weight.shape[1]), dtype=weight.dtype, device=weight.device)
    rows = _core.embedding(weight, indices)  # (B, L, E)
    if scale_grad_by_freq:
        _scale_by_frequency(rows, indices, weight.shape[0])
    there = real.unsqueeze(-1)
    counts = real.sum(1, keepdim=True)
    if mode == "max":
        best = rows.masked_fill(~there, -float("inf")).max(1).values
        return best.masked_fill(counts == 0, 0.0)
    if factors is not None:
        rows = rows * factors.unsqueeze(-1)
    total = rows.masked_fill(~there, 0.0).sum(1)
    return total / counts.clamp(min=1).to(total.dtype) if mode == "mean" else total


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Zeros with a one at each index.

    Parameters
    ----------
    tensor : Tensor of int64, any shape (*)
    num_classes : int
        One more than the largest index where -1.

    Returns
    -------
    Tensor of int64, shape (*, num_classes)

    Examples
    --------
    >>> import deepnet, deepnet.nn.functional as F
    >>> F.one_hot(deepnet.tensor([2, 0]), 3)
    tensor([[0, 0, 1],
            [1, 0, 0]])
    """
    if tensor.dtype != deepnet.int64:
        raise TypeError(f"one_hot: expected an index tensor of int64, got {tensor.dtype}")
    if tensor.numel() == 0 and num_classes <= 0:
        raise ValueError("one_hot: cannot infer num_classes from an empty tensor")
    if tensor.numel() and int(tensor.min()) < 0:
        raise ValueError(f"one_hot: class values must be non-negative, got {int(tensor.min())}")
    if num_classes == -1:
        num_classes = int(tensor.max()) + 1
    elif tensor.numel() and int(tensor.max()) >= num_classes:
        raise ValueError(f"one_hot: class values must be smaller than num_classes {num_classes}, got {int(tensor.max())}")
    zeros = deepnet.zeros([*tensor.shape, num_classes], dtype=deepnet.int64, device=tensor.device)
    return zeros.scatter_(-1, tensor.unsqueeze(-1), 1)


__all__ = ["embedding", "embedding_bag", "one_hot"]
