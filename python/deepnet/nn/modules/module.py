"""The base of every layer and network."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

import deepnet
from deepnet._core import Tensor

from ._hooks import BackwardHooks, RemovableHandle
from ._state import IncompatibleKeys, ModuleState
from ._tree import ModuleTree

Self = TypeVar("Self", bound="Module")

_HOOK_FIELDS = (
    "_backward_hooks",
    "_backward_pre_hooks",
    "_forward_hooks",
    "_forward_pre_hooks",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


class Module(ModuleState):
    """A part of a network: it holds parameters, buffers and further modules, and computes in `forward`.

    Assigning a `Parameter` or a `Module` to an attribute registers it. Calling the module calls `forward` with the hooks
    around it; an error raised inside gets a note that names the module by its path in the tree.

    Attributes
    ----------
    training : bool
        Whether `train()` or `eval()` was called last; dropout and batch norm look at it.

    Examples
    --------
    >>> import deepnet, deepnet.nn as nn
    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.fc = nn.Linear(4, 2)
    ...     def forward(self, x):
    ...         return self.fc(x).relu()
    >>> net = Net()
    >>> net(deepnet.ones(3, 4)).shape
    Size([3, 2])
    >>> net
    Net(
      (fc): Linear(in_features=4, out_features=2, bias=True)
    )
    """

    training: bool
    dump_patches: bool = False
    call_super_init: bool = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.call_super_init and (args or kwargs):
            given = next(iter(kwargs), None)
            what = f"an unexpected keyword argument '{given}'" if given else f"{len(args)} positional arguments but takes none"
            raise TypeError(f"{type(self).__name__}.__init__() got {what}")
        fields = self.__dict__
        fields["training"] = True
        fields["_parameters"] = {}
        fields["_buffers"] = {}
        fields["_non_persistent_buffers_set"] = set()
        fields["_modules"] = {}
        for name in _HOOK_FIELDS:
            fields[name] = OrderedDict()
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for name in _HOOK_FIELDS:
            self.__dict__.setdefault(name, OrderedDict())

    # ---- calling
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the result; a subclass says how."""
        raise RuntimeError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            if self._forward_pre_hooks or self._forward_hooks or self._backward_hooks or self._backward_pre_hooks:
                return self._call_with_hooks(args, kwargs)
            return self.forward(*args, **kwargs)
        except Exception as error:
            _note_where(self, error)
            raise

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for hook, with_kwargs in tuple(self._forward_pre_hooks.values()):
            if with_kwargs:
                changed = hook(self, args, kwargs)
                if changed is not None:
                    args, kwargs = changed
            else:
                changed = hook(self, args)
                if changed is not None:
                    args = changed if isinstance(changed, tuple) else (changed,)
        watch = None
        if self._backward_hooks or self._backward_pre_hooks:
            watch = BackwardHooks(self, [*self._backward_hooks.values()], [*self._backward_pre_hooks.values()])
            args = watch.inputs(args)
        result = self.forward(*args, **kwargs)
        for hook, with_kwargs, _ in tuple(self._forward_hooks.values()):
            changed = hook(self, args, kwargs, result) if with_kwargs else hook(self, args, result)
            if changed is not None:
                result = changed
        return result if watch is None else watch.output(result)

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before each forward; what it returns, if anything, replaces the arguments.

        Parameters
        ----------
        hook : callable
            With `with_kwargs`, `hook(module, args, kwargs)`, which returns (args, kwargs) or None.
        prepend : bool
            Run before the hooks that are there.
        with_kwargs : bool
        """
        return RemovableHandle.add(self._forward_pre_hooks, (hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after each forward; what it returns, if anything, replaces the output.

        Parameters
        ----------
        hook : callable
            With `with_kwargs`, `hook(module, args, kwargs, output)`.
        prepend, with_kwargs : bool
        always_call : bool
            Accepted only as False: no hook runs for a forward that raised.
        """
        if always_call:
            raise ValueError("register_forward_hook: always_call=True is not supported; a forward that raised has no output")
        return RemovableHandle.add(self._forward_hooks, (hook, with_kwargs, always_call), prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the gradients of the inputs are known.

        `grad_input` has an entry for each positional argument (None where it wants no gradient). What the hook returns, if
        anything, takes its place.
        """
        return RemovableHandle.add(self._backward_hooks, hook, prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` before the module's gradients are computed; it may return a replacement."""
        return RemovableHandle.add(self._backward_pre_hooks, hook, prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """The same as `register_full_backward_hook`."""
        return self.register_full_backward_hook(hook)

    # ---- modes
    def train(self: Self, mode: bool = True) -> Self:
        """Set training mode here and below; returns self."""
        if not isinstance(mode, bool):
            raise ValueError(f"training mode is expected to be boolean, got {mode!r}")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self: Self) -> Self:
        """Set evaluation mode here and below; returns self."""
        return self.train(False)

    def requires_grad_(self: Self, requires_grad: bool = True) -> Self:
        """Say whether the parameters want gradients; returns self."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or set them to zero."""
        for param in self.parameters():
            if param.grad is None:
                continue
            if set_to_none:
                param.grad = None
            else:
                param.grad = param.grad.detach()
                param.grad.zero_()

    # ---- converting
    def apply(self: Self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn` on every submodule, children first, and on this one; returns self."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self: Self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replace the data of every parameter, gradient and buffer by fn of it; the parameters stay the same objects."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        for param in self._parameters.values():
            if param is None:
                continue
            grad = param.grad
            with deepnet.no_grad():
                param.data = fn(param.data)
                if grad is not None:
                    param.grad = None
                    param.grad = fn(grad).requires_grad_(grad.requires_grad)
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self: Self, *args: Any, **kwargs: Any) -> Self:
        """Move to a device, or convert the floating-point parameters and buffers to a dtype; returns self.

        Forms: `to(device)`, `to(dtype)`, `to(device, dtype)`, `to(tensor)`; also as keywords. `non_blocking` and
        `memory_format` are accepted and change nothing.
        """
        kwargs = {k: v for k, v in kwargs.items() if k not in ("non_blocking", "memory_format") and v is not None}
        args = tuple(a for a in args if a is not None and not isinstance(a, bool))
        if len(args) == 1 and isinstance(args[0], Tensor):
            kwargs, args = {"device": args[0].device, "dtype": args[0].dtype}, ()
        for value in args:
            kwargs["dtype" if isinstance(value, deepnet.dtype) else "device"] = value
        unknown = kwargs.keys() - {"device", "dtype", "tensor"}
        if unknown:
            raise TypeError(f"Module.to() got an unexpected keyword argument '{unknown.pop()}'")
        if "tensor" in kwargs:
            tensor = kwargs["tensor"]
            kwargs = {"device": tensor.device, "dtype": tensor.dtype}
        dtype = kwargs.get("dtype")
        if dtype is not None and not dtype.is_floating_point:
            raise TypeError(f"nn.Module.to only accepts floating point dtypes, but got desired dtype={dtype}")
        only_device = {k: v for k, v in kwargs.items() if k != "dtype"}

        def convert(t: Tensor) -> Tensor:
            wanted = kwargs if t.is_floating_point() else only_device
            return t.to(**wanted) if wanted else t

        return self._apply(convert)

    def type(self: Self, dst_type: Any) -> Self:
        """Convert every parameter and buffer to a dtype; returns self."""
        return self._apply(lambda t: t.type(dst_type))

    def _floats_to(self: Self, dtype: Any) -> Self:
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)

    def float(self: Self) -> Self:
        """Convert the floating-point parameters and buffers to float32; returns self."""
        return self._floats_to(deepnet.float32)

    def double(self: Self) -> Self:
        """Convert the floating-point parameters and buffers to float64; returns self."""
        return self._floats_to(deepnet.float64)

    def half(self: Self) -> Self:
        """Convert the floating-point parameters and buffers to float16; returns self."""
        return self._floats_to(deepnet.float16)

    def bfloat16(self: Self) -> Self:
        """Convert the floating-point parameters and buffers to bfloat16; returns self."""
        return self._floats_to(deepnet.bfloat16)

    def cuda(self: Self, device: Any = None) -> Self:
        """Move to a GPU; returns self."""
        name = "cuda" if device is None else f"cuda:{device}" if isinstance(device, int) else device
        return self._apply(lambda t: t.to(name))

    def cpu(self: Self) -> Self:
        """Move to the CPU; returns self."""
        return self._apply(lambda t: t.to("cpu"))

    def to_empty(self: Self, *, device: Any, recurse: bool = True) -> Self:
        """Move to a device without copying: the values there are unset; returns self."""
        return self._apply(lambda t: deepnet.empty_like(t, device=device), recurse)

    def share_memory(self: Self) -> Self:
        """Move the tensors into memory that child processes see; returns self."""
        return self._apply(lambda t: t.share_memory_())

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Accepted for programs that call it: there is nothing to compile."""

    # ---- printing
    def _get_name(self) -> str:
        return self.__class__.__name__

    def extra_repr(self) -> str:
        """What stands between the parentheses of the module's line; a subclass may say."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        extra_lines = extra.split("\n") if extra else []
        children = [f"({name}): {_indent(repr(module))}" for name, module in self._modules.items()]
        if len(extra_lines) == 1 and not children:
            return f"{self._get_name()}({extra_lines[0]})"
        lines = extra_lines + children
        if not lines:
            return f"{self._get_name()}()"
        return "{}(\n  {}\n)".format(self._get_name(), "\n  ".join(lines))


def _indent(text: str) -> str:
    return text.replace("\n", "\n  ")


_WHERE = "_deepnet_where"


def _note_where(module: Module, error: Exception) -> None:
    """Let `error` say in which module it arose; each call on the way out rewrites the note with a longer path."""
    place = getattr(error, _WHERE, None)
    if place is None:
        inner = module
        notes = getattr(error, "__notes__", None)
        index = len(notes) if notes else 0
    else:
        inner, index = place
    path = next((name for name, m in module.named_modules() if m is inner), None)
    if path is None:  # the inner module is not in this one's tree: the note stands as it is
        return
    text = repr(inner) if not inner._modules else f"{type(inner).__name__}(...)"
    note = f"in {path}: {text}" if path else f"in {text}"
    try:
        if place is None:
            error.add_note(note)
            setattr(error, _WHERE, (inner, index))
        else:
            error.__notes__[index] = note
    except (AttributeError, IndexError, TypeError):  # an exception that takes no attributes says nothing more
        pass


__all__ = ["IncompatibleKeys", "Module", "ModuleTree", "RemovableHandle"]
