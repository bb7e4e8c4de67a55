"""Backward passes over several outputs, and gradients without accumulation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deepnet import _core
from deepnet._core import Tensor


def _list(x: Any) -> list[Any]:
    return [x] if isinstance(x, Tensor) else list(x)


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Accumulate the gradients of tensors into the leaves' `.grad`.

    Parameters
    ----------
    tensors : Tensor or sequence of Tensor
    grad_tensors : Tensor or sequence of Tensor or None, optional
        Gradients of the tensors; 1 for tensors of one element.
    retain_graph : bool, optional
        Keep what the graph saved for another pass; as create_graph unless given.
    create_graph : bool
        Record the backward pass itself, for higher derivatives.
    inputs : Tensor or sequence of Tensor, optional
        Accumulate into these alone.
    """
    keep = create_graph if retain_graph is None else retain_graph
    grads = None if grad_tensors is None else _list(grad_tensors)
    _core.backward(_list(tensors), grads, keep, create_graph, None if inputs is None else _list(inputs))


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor, ...]:
    """Return the gradients of outputs with respect to inputs; nothing is accumulated.

    Parameters
    ----------
    outputs, inputs : Tensor or sequence of Tensor
    grad_outputs : Tensor or sequence of Tensor or None, optional
    retain_graph, create_graph : bool
        As in `backward`.
    allow_unused : bool
        Return None for an input that takes no part, instead of raising.
    materialize_grads : bool
        Return zeros there.

    Returns
    -------
    tuple of Tensor

    Examples
    --------
    >>> import deepnet
    >>> x = deepnet.tensor(3.0, requires_grad=True)
    >>> deepnet.autograd.grad(x * x, x)
    (tensor(6.),)
    """
    if is_grads_batched:
        raise ValueError("grad: is_grads_batched is not offered; loop over the gradients")
    keep = create_graph if retain_graph is None else retain_graph
    grads = None if grad_outputs is None else _list(grad_outputs)
    unused = materialize_grads if allow_unused is None else allow_unused
    result = _core.grad(_list(outputs), _list(inputs), grads, keep, create_graph, unused)
    if materialize_grads:
        result = tuple(
            _core.full_size(x.shape, 0, dtype=x.dtype, device=x.device) if g is None else g
            for g, x in zip(result, _list(inputs), strict=False)
        )
    return result


__all__ = ["backward", "grad"]
