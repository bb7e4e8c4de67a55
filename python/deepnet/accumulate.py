"""accumulate: gradients over equal parts of a batch, with the bits of the whole batch."""

from __future__ import annotations

from types import TracebackType

from deepnet import _core


class accumulate:
    """Gather the gradients of n backward passes, one for each equal part of a batch.

    Inside the block every `backward()` counts as one part: its loss is scaled by 1 / n, and its gradients are kept aside as a
    binary counter of partial sums. At the end of the block they are added in the tree that the whole batch would have used,
    into `.grad`. For losses that average over the batch and parts that hold whole groups (see docs/bits.md) the gradients are
    those of the whole batch, bit for bit.

    Parameters
    ----------
    n : int
        How many parts, and so backward passes.

    Raises
    ------
    RuntimeError
        At the end of the block, if there were not n backward passes.

    Examples
    --------
    >>> import deepnet
    >>> w = deepnet.ones(3, requires_grad=True)
    >>> x = deepnet.arange(12.0).reshape(4, 3)
    >>> with deepnet.accumulate(2):
    ...     for part in x.split(2):
    ...         (part * w).mean().backward()
    >>> w.grad
    tensor([1.5000, 1.8333, 2.1667])
    """

    def __init__(self, n: int) -> None:
        self.n = n

    def __enter__(self) -> accumulate:
        self._parts = _core.Accumulation(self.n)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        parts = self._parts
        del self._parts
        if kind is None:
            parts.finish()
