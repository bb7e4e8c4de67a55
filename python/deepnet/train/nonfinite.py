"""A loss that is no number, traced to where it began."""

from __future__ import annotations

from typing import Any

__all__ = ["NonFiniteLoss", "first_nonfinite"]


class NonFiniteLoss(FloatingPointError):
    """The loss became NaN or infinite. The weights are those before the step that would have used it."""


def first_nonfinite(model: Any, inputs: tuple[Any, ...]) -> str:
    """Say where the first NaN or infinity of a forward pass stands: inputs, a parameter, or a layer's output."""
    import deepnet as dn

    for i, value in enumerate(inputs):
        if _broken(value):
            return f"input {i} of the batch already holds one"
    for name, parameter in model.named_parameters():
        if _broken(parameter):
            return f"the parameter {name!r} holds one"
    found: list[str] = []
    handles = []
    for name, layer in model.named_modules():
        if next(layer.children(), None) is None:

            def look(layer: Any, _: Any, output: Any, name: str = name) -> None:
                if not found and _broken(output):
                    found.append(f"it first appears in the output of {name or 'the model'} ({type(layer).__name__})")

            handles.append(layer.register_forward_hook(look))
    try:
        with dn.no_grad():
            model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else "the model's output is finite, so the loss function made it"


def _broken(value: Any) -> bool:
    import deepnet as dn

    if isinstance(value, (list, tuple)):
        return any(_broken(item) for item in value)
    if isinstance(value, dict):
        return any(_broken(item) for item in value.values())
    if not isinstance(value, dn.Tensor) or not value.is_floating_point():
        return False
    return not bool(dn.isfinite(value.detach()).all())
