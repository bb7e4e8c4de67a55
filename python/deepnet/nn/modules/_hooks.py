"""Hooks around a module's forward and backward."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable
from typing import Any
from weakref import ref

from deepnet._core import Tensor

_next_id = itertools.count()


Hooks = OrderedDict[int, Any]


class RemovableHandle:
    """Stands for a registered hook; `remove()` takes it away, as does leaving a `with` block."""

    def __init__(self, hooks: Hooks) -> None:
        self.id = next(_next_id)
        self._hooks = ref(hooks)  # a handle does not keep its module alive

    @classmethod
    def add(cls, hooks: Hooks, hook: Any, prepend: bool = False) -> RemovableHandle:
        """Put `hook` into `hooks` and return its handle."""
        handle = cls(hooks)
        hooks[handle.id] = hook
        if prepend:
            hooks.move_to_end(handle.id, last=False)
        return handle

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        hooks = self._hooks()
        if hooks is not None:
            hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def _map_tensors(f: Callable[[Tensor], Tensor], value: Any) -> Any:
    """`value` with f applied to the tensors in it: a tensor, or tuples, lists and dicts of them."""
    if isinstance(value, Tensor):
        return f(value)
    if isinstance(value, tuple):
        items = [_map_tensors(f, v) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, list):
        return [_map_tensors(f, v) for v in value]
    if isinstance(value, dict):
        return {k: _map_tensors(f, v) for k, v in value.items()}
    return value


class BackwardHooks:
    """One call of a module, watched from both sides, for the module's full backward hooks.

    Inputs and outputs pass through as views; hooks on the views collect the gradients. The hooks run when the gradients of
    all inputs have arrived, or, where no input wants one, when those of the outputs have.
    """

    def __init__(self, module: Any, hooks: list[Callable[..., Any]], pre_hooks: list[Callable[..., Any]]) -> None:
        self.module, self.hooks, self.pre_hooks = module, hooks, pre_hooks
        self.grad_input: list[Tensor | None] = []
        self.grad_output: list[Tensor | None] = []
        self.waiting_inputs = 0

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, with the tensors among them watched."""
        slots: list[Any] = [*args]
        self.grad_input = [None] * len(args)
        for i, value in enumerate(args):
            if self.hooks and isinstance(value, Tensor) and value.requires_grad:
                watched = value.view_as(value)
                watched.register_hook(lambda grad, i=i: self._input_arrived(i, grad))
                slots[i] = watched
                self.waiting_inputs += 1
        return tuple(slots)

    def output(self, value: Any) -> Any:
        """The result, with the tensors in it watched."""
        count = itertools.count()

        def watch(t: Tensor) -> Tensor:
            i = next(count)
            self.grad_output.append(None)
            if not t.requires_grad:
                return t
            watched = t.view_as(t)
            watched.register_hook(lambda grad: self._output_arrived(i, grad))
            return watched

        return _map_tensors(watch, value)

    def _output_arrived(self, i: int, grad: Tensor) -> Tensor | None:
        self.grad_output[i] = grad
        for hook in self.pre_hooks:
            changed = hook(self.module, tuple(self.grad_output))
            if changed is not None:
                self.grad_output = list(changed) if isinstance(changed, (tuple, list)) else [changed]
        if self.waiting_inputs == 0 and all(g is not None for g in self.grad_output):
            self._run(0)
        return self.grad_output[i]

    def _input_arrived(self, i: int, grad: Tensor) -> Tensor | None:
        self.grad_input[i] = grad
        self.waiting_inputs -= 1
        return self._run(i) if self.waiting_inputs == 0 else None

    def _run(self, last: int) -> Tensor | None:
        """Call the hooks; of a replacement, only the gradient under way (slot `last`) can still change."""
        original = tuple(self.grad_input)
        for hook in self.hooks:
            changed = hook(self.module, tuple(self.grad_input), tuple(self.grad_output))
            if changed is not None:
                self.grad_input = list(changed) if isinstance(changed, (tuple, list)) else [changed]
        for i, (old, new) in enumerate(zip(original, self.grad_input, strict=True)):
            if i != last and old is not new:
                raise RuntimeError(
                    f"full backward hook of {type(self.module).__name__}: it replaced the gradient of input {i}, which had "
                    "been passed on; a module with several inputs can change only the last to arrive"
                )
        return self.grad_input[last] if self.grad_input else None
