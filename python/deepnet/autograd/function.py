"""Operators written in Python: a forward, and the gradient that goes with it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from deepnet import _core
from deepnet._core import Tensor
from deepnet.autograd.mode import enable_grad, no_grad


class FunctionCtx:
    """What forward leaves for backward."""

    def __init__(self) -> None:
        self._saved: tuple[Any, ...] = ()
        self._versions: tuple[int | None, ...] = ()
        self._dirty: tuple[Tensor, ...] = ()
        self._no_gradient: tuple[Tensor, ...] = ()
        self._materialize = True
        self.needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for backward; a write to one of them in between is refused there."""
        self._saved = tensors
        self._versions = tuple(None if t is None else t._version for t in tensors)

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The tensors that forward saved."""
        for t, version in zip(self._saved, self._versions, strict=False):
            if t is not None and t._version != version:
                raise RuntimeError(
                    f"{type(self).__name__}: a saved tensor of shape {tuple(t.shape)} was overwritten after the forward pass"
                )
        return self._saved

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say which inputs forward wrote in place."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say which outputs have no gradient."""
        self._no_gradient = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Give backward zeros (True) or None (False) for outputs without a gradient."""
        self._materialize = value


class Function:
    """A differentiable operator in Python.

    Subclass it with static methods `forward(ctx, *args)` and `backward(ctx, *grads)`, and call `apply`. A forward without ctx
    goes with `setup_context(ctx, inputs, output)`.

    Examples
    --------
    >>> import deepnet
    >>> class Square(deepnet.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...     @staticmethod
    ...     def backward(ctx, dy):
    ...         (x,) = ctx.saved_tensors
    ...         return 2 * x * dy
    >>> x = deepnet.tensor(3.0, requires_grad=True)
    >>> Square.apply(x).backward()
    >>> x.grad
    tensor(6.)
    """

    setup_context: Any = None

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs."""
        raise TypeError("Function: a subclass must define forward")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Return one gradient, or None, for each argument of forward."""
        raise TypeError("Function: a subclass must define backward (or vjp)")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward and record backward."""
        ctx = type(f"{cls.__name__}Backward", (FunctionCtx,), {})()
        inputs = [a for a in args if isinstance(a, Tensor)]
        wants = _core.is_grad_enabled() and any(t.requires_grad for t in inputs)
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        with no_grad():
            if cls.setup_context is not None:
                out = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, out)
            else:
                out = cls.forward(ctx, *args, **kwargs)
        outs = list(out) if isinstance(out, (tuple, list)) else [out]
        if not wants:
            return out
        recorded = []
        for i, t in enumerate(outs):
            if not isinstance(t, Tensor) or any(t is n for n in ctx._no_gradient) or not t.dtype.is_floating_point:
                continue
            # An input returned as it is needs a tensor of its own to carry the new history.
            dirty = any(t is d for d in ctx._dirty)
            if not dirty and (t.requires_grad or any(t is x for x in inputs)):
                t = outs[i] = t.detach()
            recorded.append((i, t))
        if not recorded:
            return out
        places = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        positions = {i: k for k, (i, _) in enumerate(recorded)}

        # A saved output is kept without its history, or it would own itself.
        own = [(k, slot) for k, t in enumerate(ctx._saved) for slot, (_, o) in enumerate(recorded) if t is o]
        ctx._saved = tuple(t if all(t is not o for _, o in recorded) else t.detach() for t in ctx._saved)

        def run(grads: tuple[Any, ...], needs: tuple[bool, ...], create_graph: bool, node: Any) -> list[Any]:
            full: list[Any] = []
            for i, o in enumerate(outs_info):
                g = grads[positions[i]] if i in positions else None
                if g is None and ctx._materialize and o is not None:
                    g = _core.full_size(o[0], 0, dtype=o[1], device=o[2])
                full.append(g)
            kept = ctx._saved
            if create_graph and own:
                slots = dict(own)
                ctx._saved = tuple(_core.with_history(t, node, slots[k]) if k in slots else t for k, t in enumerate(kept))
            try:
                with enable_grad() if create_graph else no_grad():
                    result = cls.backward(ctx, *full)
            finally:
                ctx._saved = kept
            result = result if isinstance(result, (tuple, list)) else (result,)
            if len(result) < len(args):
                raise RuntimeError(
                    f"{cls.__name__}: backward must return {len(args)} gradients, one for each argument, got {len(result)}"
                )
            return [result[i] for i in places]

        outs_info = [(t.shape, t.dtype, t.device) if isinstance(t, Tensor) else None for t in outs]
        _core.record_function(cls.__name__, inputs, [t for _, t in recorded], run, list(ctx._dirty), bool(ctx._saved))
        if isinstance(out, (tuple, list)):
            return type(out)(outs) if isinstance(out, list) else tuple(outs)
        return outs[0]


def once_differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a backward whose own gradient is not defined: a second derivative through it is refused."""

    @functools.wraps(function)
    def wrapper(ctx: Any, *grads: Any) -> Any:
        if _core.is_grad_enabled() and any(isinstance(g, Tensor) and g.requires_grad for g in grads):
            raise RuntimeError(f"{type(ctx).__name__}: marked once_differentiable, so it has no second derivative")
        with no_grad():
            return function(ctx, *grads)

    return wrapper


__all__ = ["Function", "FunctionCtx", "once_differentiable"]
