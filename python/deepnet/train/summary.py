"""A model laid out layer by layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from deepnet.train.batches import model_device, to_device
from deepnet.train.evaluate import evaluating

__all__ = ["LayerSummary", "Summary", "summary"]


class LayerSummary(NamedTuple):
    """One row of a summary."""

    name: str
    kind: str
    shape: tuple[int, ...] | None
    parameters: int
    multiplications: int


@dataclass(frozen=True, repr=False)
class Summary:
    """What `summary` found; printed, a table.

    Attributes
    ----------
    layers : list of LayerSummary
        In order of use; a layer used twice has two rows, its parameters in the first.
    parameters, trainable : int
        Numbers in the model's parameters, each counted once.
    multiplications : int
        Multiplications of one forward pass: products, convolutions, recurrences and normalisations.
    """

    layers: list[LayerSummary]
    parameters: int
    trainable: int
    multiplications: int

    def __str__(self) -> str:
        rows = [("layer", "kind", "output shape", "parameters", "multiplications")]
        rows += [(e.name, e.kind, _shape(e.shape), f"{e.parameters:,}", f"{e.multiplications:,}") for e in self.layers]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        pad = (str.ljust, str.ljust, str.ljust, str.rjust, str.rjust)
        lines = ["  ".join(f(cell, w) for f, cell, w in zip(pad, row, widths, strict=True)).rstrip() for row in rows]
        rule = "-" * max(map(len, lines))
        end = f"{self.parameters:,} parameters ({self.trainable:,} trainable), {self.multiplications:,} multiplications"
        return "\n".join([lines[0], rule, *lines[1:], rule, end])

    def __repr__(self) -> str:
        return str(self)


def summary(model: Any, *inputs: Any) -> Summary:
    """Run a model once and lay out its layers: names, kinds, output shapes, parameters, multiplications.

    Parameters
    ----------
    model : nn.Module
    *inputs : Tensor
        What the model is called with; a batch of one sample gives the figures of one sample. Leaves no gradient and
        changes no running statistics.

    Examples
    --------
    >>> import deepnet as dn
    >>> from deepnet import nn
    >>> print(summary(nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)), dn.zeros(1, 64)))
    layer  kind    output shape  parameters  multiplications
    --------------------------------------------------------
    0      Linear  1 x 32             2,080            2,048
    1      ReLU    1 x 32                 0                0
    2      Linear  1 x 10               330              320
    --------------------------------------------------------
    2,410 parameters (2,410 trainable), 2,368 multiplications
    """
    layers: list[LayerSummary] = []
    counted: set[int] = set()

    def count(parameters: Any) -> int:
        total = 0
        for parameter in parameters:
            if id(parameter) not in counted:
                counted.add(id(parameter))
                total += parameter.numel()
        return total

    def listen(name: str) -> Any:
        def hook(layer: Any, args: Any, output: Any) -> None:
            shape = _shape_of(output)
            layers.append(
                LayerSummary(
                    name or "(model)",
                    type(layer).__name__,
                    shape,
                    count(layer.parameters()),
                    _multiplications(layer, args, shape),
                )
            )

        return hook

    handles = [layer.register_forward_hook(listen(name)) for name, layer in _units(model)]
    try:
        with evaluating(model):
            model(*to_device(inputs, model_device(model)))
    finally:
        for handle in handles:
            handle.remove()
    every = list({id(p): p for p in model.parameters()}.values())
    return Summary(
        layers,
        sum(p.numel() for p in every),
        sum(p.numel() for p in every if p.requires_grad),
        sum(layer.multiplications for layer in layers),
    )


def _units(model: Any) -> list[tuple[str, Any]]:
    """The layers that get a row: those without children, and those that compute with their children's parameters."""
    units: list[tuple[str, Any]] = []
    inside: list[str] = []
    for name, layer in model.named_modules():
        if any(name.startswith(f"{outer}.") or outer == "" for outer in inside):
            continue
        if next(layer.children(), None) is None:
            units.append((name, layer))
        elif type(layer).__name__ == "MultiheadAttention":
            units.append((name, layer))
            inside.append(name)
    return units


def _multiplications(layer: Any, args: tuple[Any, ...], shape: tuple[int, ...] | None) -> int:
    kind = type(layer).__name__
    outputs = math.prod(shape) if shape is not None else 0
    if kind.startswith("ConvTranspose"):
        return args[0].numel() * layer.out_channels // layer.groups * math.prod(layer.kernel_size)
    if kind.startswith("Conv"):
        return outputs * layer.in_channels // layer.groups * math.prod(layer.kernel_size)
    if kind == "Linear":
        return outputs * int(layer.in_features)
    if kind == "Bilinear":
        return outputs * int(layer.in1_features) * (int(layer.in2_features) + 1)
    if kind.endswith("Norm") or kind.startswith(("BatchNorm", "InstanceNorm")):
        return outputs
    if kind in ("RNN", "LSTM", "GRU"):
        x = args[0]
        positions = x.numel() // x.shape[-1]
        return positions * sum(p.numel() for name, p in layer.named_parameters() if name.startswith("weight"))
    if kind in ("RNNCell", "LSTMCell", "GRUCell"):
        x = args[0]
        return x.numel() // x.shape[-1] * sum(p.numel() for n, p in layer.named_parameters() if n.startswith("weight"))
    if kind == "MultiheadAttention":
        return _attention_multiplications(layer, *args[:2])
    return 0


def _attention_multiplications(layer: Any, query: Any, key: Any) -> int:
    """Four projections, the scores and the weighted sum of the values."""
    width = int(layer.embed_dim)
    queries, keys = query.numel() // query.shape[-1], key.numel() // key.shape[-1]
    length = key.shape[1 if layer.batch_first and key.ndim == 3 else 0]
    return 2 * queries * width * width + 2 * keys * width * width + 2 * queries * length * width


def _shape_of(output: Any) -> tuple[int, ...] | None:
    """The shape of a layer's output, or of the first tensor in it."""
    if hasattr(output, "shape"):
        return tuple(int(n) for n in output.shape)
    if isinstance(output, (list, tuple)):
        return next((shape for item in output if (shape := _shape_of(item)) is not None), None)
    if isinstance(output, dict):
        return _shape_of(list(output.values()))
    return None


def _shape(shape: tuple[int, ...] | None) -> str:
    if shape is None:
        return "-"
    return " x ".join(map(str, shape)) or "scalar"
