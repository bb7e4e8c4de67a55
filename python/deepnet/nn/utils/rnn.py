"""Sequences of different lengths: padded, and packed for recurrent layers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple

import deepnet
from deepnet import _core
from deepnet._core import Tensor


class _PackedFields(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_PackedFields):
    """Sequences step by step, without padding: all first elements, then all second ones, and so on.

    Attributes
    ----------
    data : Tensor, shape (total length, ...)
        The sequences sorted by length, the longest first.
    batch_sizes : Tensor of int64, shape (longest,), on the CPU
        How many sequences reach each step.
    sorted_indices, unsorted_indices : Tensor of int64, shape (N,), or None
        From the caller's order to the sorted one, and back.
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Tensor,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        """Fill in the indices that follow from others."""
        if batch_sizes is None:
            raise ValueError("PackedSequence: batch_sizes has to be given")
        if batch_sizes.device.type != "cpu":
            raise ValueError(f"PackedSequence: batch_sizes should always be on CPU, got {batch_sizes.device}")
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The data converted, as by `Tensor.to`; the indices follow its device."""
        data = self.data.to(*args, **kwargs)

        def follow(index: Tensor | None) -> Tensor | None:
            return None if index is None else index.to(data.device)

        return type(self)(data, self.batch_sizes, follow(self.sorted_indices), follow(self.unsorted_indices))

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """On a GPU."""
        return self.to("cuda", *args, **kwargs)

    def cpu(self) -> PackedSequence:
        """On the CPU."""
        return self.to("cpu")

    def pin_memory(self) -> PackedSequence:
        """With the data in page-locked memory."""
        return type(self)(self.data.pin_memory(), *self[1:])

    def double(self) -> PackedSequence:
        """In float64."""
        return self.to(deepnet.float64)

    def float(self) -> PackedSequence:
        """In float32."""
        return self.to(deepnet.float32)

    def half(self) -> PackedSequence:
        """In float16."""
        return self.to(deepnet.float16)

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on a GPU."""
        return bool(self.data.is_cuda)

    def is_pinned(self) -> bool:
        """Whether the data is in page-locked memory."""
        return bool(self.data.is_pinned())


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes this one."""
    if permutation is None:
        return None
    steps = deepnet.arange(permutation.numel(), device=permutation.device)
    return deepnet.empty_like(permutation).scatter_(0, permutation, steps)


def pack_padded_sequence(input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True) -> PackedSequence:
    """Drop the padding.

    Parameters
    ----------
    input : Tensor, shape (T, N, ...), or (N, T, ...) with batch_first
    lengths : Tensor or sequence of int, length N, all positive
    batch_first : bool
    enforce_sorted : bool
        Demand that lengths decrease; otherwise the sequences are sorted here.

    Examples
    --------
    >>> import deepnet
    >>> from deepnet.nn.utils.rnn import pack_padded_sequence
    >>> x = deepnet.tensor([[1, 2, 0], [3, 0, 0], [4, 5, 6]])
    >>> p = pack_padded_sequence(x, [2, 1, 3], batch_first=True, enforce_sorted=False)
    >>> p.data, p.batch_sizes
    (tensor([4, 1, 3, 5, 2, 6]), tensor([3, 2, 1]))
    """
    sizes = [int(n) for n in (lengths.tolist() if isinstance(lengths, Tensor) else lengths)]
    x = input.transpose(0, 1) if batch_first else input
    if len(sizes) != x.shape[1]:
        raise ValueError(f"pack_padded_sequence: expected {x.shape[1]} lengths, got {len(sizes)}")
    if min(sizes) <= 0:
        raise ValueError(f"pack_padded_sequence: lengths must be positive, got {min(sizes)}")
    if max(sizes) > x.shape[0]:
        raise ValueError(f"pack_padded_sequence: lengths must be at most {x.shape[0]}, got {max(sizes)}")
    order: Tensor | None = None
    if enforce_sorted:
        if any(a < b for a, b in itertools.pairwise(sizes)):
            raise ValueError(
                "pack_padded_sequence: `lengths` must be sorted in decreasing order when `enforce_sorted` is True; "
                "pass enforce_sorted=False for unsorted sequences"
            )
    else:
        ranks = sorted(range(len(sizes)), key=lambda i: -sizes[i])
        order = deepnet.tensor(ranks, dtype=deepnet.int64, device=x.device)
        sizes = [sizes[i] for i in ranks]
        x = x.index_select(1, order)
    batch_sizes = []
    reach = len(sizes)
    for t in range(sizes[0]):
        while sizes[reach - 1] <= t:
            reach -= 1
        batch_sizes.append(reach)
    rows = [t * len(sizes) + i for t, count in enumerate(batch_sizes) for i in range(count)]
    flat = x.reshape([x.shape[0] * x.shape[1], *x.shape[2:]])
    data = flat.index_select(0, deepnet.tensor(rows, dtype=deepnet.int64, device=x.device))
    return PackedSequence(data, deepnet.tensor(batch_sizes, dtype=deepnet.int64), order)


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """Undo `pack_padded_sequence`.

    Parameters
    ----------
    sequence : PackedSequence
    batch_first : bool
    padding_value : float
    total_length : int, optional
        Pad to this length.

    Returns
    -------
    padded : Tensor, shape (T, N, ...), or (N, T, ...) with batch_first
    lengths : Tensor of int64, shape (N,)
    """
    data = sequence.data
    batch_sizes = [int(b) for b in sequence.batch_sizes.tolist()]
    steps, batch = len(batch_sizes), batch_sizes[0]
    length = steps
    if total_length is not None:
        if total_length < steps:
            raise ValueError(
                f"pad_packed_sequence: expected total_length to be at least the length of the longest sequence {steps}, "
                f"got {total_length}"
            )
        length = total_length
    rows = [t * batch + i for t, count in enumerate(batch_sizes) for i in range(count)]
    shape = [length * batch, *data.shape[1:]]
    padded = deepnet.full(shape, padding_value, dtype=data.dtype, device=data.device)
    padded = padded.index_copy(0, deepnet.tensor(rows, dtype=deepnet.int64, device=data.device), data)
    padded = padded.reshape([length, batch, *data.shape[1:]])
    lengths = deepnet.tensor([sum(b > i for b in batch_sizes) for i in range(batch)], dtype=deepnet.int64)
    back = sequence.unsorted_indices
    if back is not None:
        padded = padded.index_select(1, back)
        lengths = lengths.index_select(0, back.cpu())
    return (padded.transpose(0, 1) if batch_first else padded), lengths


def pad_sequence(
    sequences: Iterable[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Stack sequences of different lengths.

    Parameters
    ----------
    sequences : iterable of Tensor, shapes (L_i, ...)
    batch_first : bool
    padding_value : float
    padding_side : {'right', 'left'}

    Returns
    -------
    Tensor, shape (max L, N, ...), or (N, max L, ...) with batch_first

    Examples
    --------
    >>> import deepnet
    >>> from deepnet.nn.utils.rnn import pad_sequence
    >>> pad_sequence([deepnet.tensor([1, 2]), deepnet.tensor([3])], batch_first=True)
    tensor([[1, 2],
            [3, 0]])
    """
    items = list(sequences)
    if not items:
        raise ValueError("pad_sequence: received an empty list of sequences")
    if padding_side not in ("right", "left"):
        raise ValueError(f"pad_sequence: padding_side should be 'right' or 'left', got {padding_side!r}")
    longest = max(s.shape[0] for s in items)
    padded = []
    for s in items:
        if s.shape[1:] != items[0].shape[1:]:
            raise ValueError(
                f"pad_sequence: sizes after the first must agree, got {tuple(items[0].shape)} and {tuple(s.shape)}"
            )
        missing = longest - s.shape[0]
        if missing:
            sides = [missing, 0] if padding_side == "left" else [0, missing]
            s = _core.constant_pad(s, [0, 0] * (s.dim() - 1) + sides, value=padding_value)
        padded.append(s)
    return _core.stack(padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """Undo `pad_sequence`, given the lengths."""
    x = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[: int(n)] for row, n in zip(x, lengths.tolist(), strict=True)]


def pack_sequence(sequences: list[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences (L_i, ...)."""
    lengths = [s.shape[0] for s in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Undo `pack_sequence`."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)


__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence", "pad_sequence",
    "unpack_sequence", "unpad_sequence",
]  # fmt: skip
