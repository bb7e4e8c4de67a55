"""The base of all optimizers: parameter groups, state, saving and loading."""

from __future__ import annotations

import copy
from array import array
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, TypeAlias

import deepnet
from deepnet import _core
from deepnet._core import Tensor
from deepnet.capture import on_replay

from ..nn.modules._hooks import RemovableHandle

ParamsT: TypeAlias = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]
Closure: TypeAlias = Callable[[], Any]


class _Required:
    """Stands for an option that every group has to give."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


class Optimizer:
    """Moves parameters by their gradients.

    A subclass defines `_update(group)`, which moves the parameters of one group, or `step` itself.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor), or of dict
        A dict is a group: "params", and options that differ from the defaults.
    defaults : dict
        The options of groups that do not say otherwise.

    Attributes
    ----------
    param_groups : list of dict
    state : dict
        For each parameter, what the optimizer remembers of it.
    """

    def __init__(self, params: ParamsT, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                f"params given to the optimizer should be an iterable of Tensors or dicts, but got {type(params).__name__}"
            )
        self.defaults = defaults
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._step_pre_hooks: OrderedDict[int, Any] = OrderedDict()
        self._step_post_hooks: OrderedDict[int, Any] = OrderedDict()
        self._steps_taken = 0
        groups: list[Any] = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__dict__.setdefault("_step_pre_hooks", OrderedDict())
        self.__dict__.setdefault("_step_post_hooks", OrderedDict())
        self.__dict__.setdefault("_steps_taken", 0)

    # ---- stepping
    def step(self, closure: Closure | None = None) -> Any:
        """Move every parameter that has a gradient.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss and its gradients anew; its result is returned.
        """
        loss = None
        if closure is not None:
            with deepnet.enable_grad():
                loss = closure()
        for hook in self._step_pre_hooks.values():
            hook(self, (), {})
        with deepnet.no_grad():
            for group in self.param_groups:
                self._update(group)
        self._steps_taken += 1
        for hook in self._step_post_hooks.values():
            hook(self, (), {})
        return loss

    def _update(self, group: dict[str, Any]) -> None:
        raise RuntimeError(f"{type(self).__name__} defines neither step nor _update")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or set them to zero."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                elif p.grad is not None:
                    p.grad = p.grad.detach()
                    p.grad.zero_()

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step."""
        return RemovableHandle.add(self._step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return RemovableHandle.add(self._step_post_hooks, hook)

    # ---- groups
    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group: a dict of "params" and of options that differ from the defaults."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group).__name__}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError("optimizer parameters need to be in a fixed order, and those of a set are not")
        params = [params] if isinstance(params, Tensor) else list(params)
        group = {**param_group, "params": params}
        if params and isinstance(params[0], tuple):
            group["param_names"] = [name for name, _ in params]
            group["params"] = params = [param for _, param in params]
        for param in params:
            if not isinstance(param, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(param).__name__}")
            if not (param.is_leaf or param.retains_grad) and not self.defaults.get("differentiable"):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            group.setdefault(name, default)
        known = {id(p) for p in chain.from_iterable(g["params"] for g in self.param_groups)}
        ids = [id(p) for p in params]
        if len(set(ids)) != len(ids):
            raise ValueError("optimizer contains a parameter group with duplicate parameters")
        if known.intersection(ids):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(group)

    # ---- saving and loading
    def state_dict(self) -> dict[str, Any]:
        """The state in PyTorch's layout.

        Returns
        -------
        dict
            "state": by the parameter's number, what is remembered of it. "param_groups": the groups, with numbers in place of
            parameters. Tensors are shared with the optimizer; numbers of steps are tensors.
        """
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for p in group["params"]:
                numbers.setdefault(id(p), len(numbers))
            groups.append({**group, "params": [numbers[id(p)] for p in group["params"]]})
        state = {}
        for p, values in self.state.items():
            key = numbers[id(p)] if isinstance(p, Tensor) else p
            state[key] = {k: deepnet.tensor(float(v)) if k == "step" else v for k, v in values.items()}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the state from `state_dict()` of an optimizer of the same groups; tensors are copied."""
        own, given = self.param_groups, copy.copy(state_dict["param_groups"])
        if len(own) != len(given):
            raise ValueError(f"loaded state dict has a different number of parameter groups: {len(given)}, here {len(own)}")
        if any(len(a["params"]) != len(b["params"]) for a, b in zip(own, given, strict=True)):
            raise ValueError("loaded state dict contains a parameter group that doesn't match the size of optimizer's group")
        params: dict[Any, Tensor] = {}
        for mine, theirs in zip(own, given, strict=True):
            params.update(zip(theirs["params"], mine["params"], strict=True))
        state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for key, values in state_dict["state"].items():
            if key in params:
                param = params[key]
                state[param] = {k: _adopt(param, k, v) for k, v in values.items()}
            else:
                state[key] = copy.deepcopy(values)
        self.state = state
        self.param_groups = [
            {**mine, **{k: v for k, v in theirs.items() if k != "params"}, "params": mine["params"]}
            for mine, theirs in zip(own, given, strict=True)
        ]

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines += [f"Parameter Group {i}", *(f"    {k}: {group[k]}" for k in sorted(group) if k != "params")]
        return "\n".join([*lines, ")"])


def _adopt(param: Tensor, key: str, value: Any) -> Any:
    """A copy of a loaded value, as the parameter's state needs it."""
    if key == "step":
        return int(value)
    if not isinstance(value, Tensor):
        return copy.deepcopy(value)
    wanted = param.dtype if value.is_floating_point() and param.is_floating_point() else value.dtype
    return value.detach().to(dtype=wanted, device=param.device).clone().contiguous()


def check_range(name: str, value: Any, low: float = 0.0, high: float | None = None, open_low: bool = False) -> None:
    """Raise ValueError unless low <= value (< high); with `open_low`, unless low < value."""
    number = float(value)
    ok = (number > low if open_low else number >= low) and (high is None or number < high)
    if not ok:
        raise ValueError(f"Invalid {name}: {value}")


def refuse_differentiable(group: dict[str, Any]) -> None:
    """Raise where a step that can be differentiated is asked for."""
    if group.get("differentiable"):
        raise ValueError("differentiable=True is not supported: steps are taken in place, without a graph")


class FusedOptimizer(Optimizer):
    """An optimizer whose step is one kernel over all parameters of a group.

    The hyperparameters lie in a float64 tensor that the kernel reads when it runs. Under a capture, a replay first rewrites
    it, so that changes of the learning rate and the count of steps stay live.
    """

    _op: str

    def _launch(
        self,
        params: list[Tensor],
        grads: list[Tensor],
        states: list[list[Tensor]],
        hyper: Callable[[], list[float]],
        **flags: bool,
    ) -> None:
        """Run the kernel with what `hyper()` gives now and, replayed, then."""
        numbers = array("d", hyper())
        if _core.capturing():

            def refresh() -> None:
                numbers[:] = array("d", hyper())

            on_replay(refresh)
        _core.optimizer_step(self._op, params, grads, states, _core.from_buffer(numbers), **flags)


__all__ = ["Optimizer", "ParamsT", "required"]
