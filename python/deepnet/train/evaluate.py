"""A model's figures on data, and its answers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from deepnet.train.batches import model_device, samples_of, split, to_device
from deepnet.train.metrics import Metric, Totals, named

if TYPE_CHECKING:
    from deepnet import Tensor

__all__ = ["evaluate", "evaluating", "predict"]


@contextlib.contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Put every layer into evaluation mode without gradients, then back into the mode it was in."""
    import deepnet as dn

    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with dn.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def evaluate(
    model: Any,
    data: Iterable[Any],
    loss: Callable[[Any, Any], Any] | None = None,
    metrics: Mapping[str, Metric] | Iterable[str | Metric] | str | None = None,
) -> dict[str, float]:
    """Return the mean loss and metrics of a model over data, in evaluation mode.

    Parameters
    ----------
    model : nn.Module
    data : iterable of batches
        Batches as `deepnet.train.fit` takes.
    loss : callable, optional
        ``loss(output, target)``, a mean over the batch.
    metrics : optional
        As for `deepnet.train.fit`.

    Returns
    -------
    dict of str to float
        ``loss`` and one entry a metric, averaged over samples.
    """
    functions = named(metrics)
    if loss is not None:
        functions = {"loss": loss, **functions}
    device = model_device(model)
    totals = Totals()
    with evaluating(model):
        for batch in data:
            inputs, target = split(to_device(batch, device))
            output = model(*inputs)
            totals.add({name: float(function(output, target)) for name, function in functions.items()}, samples_of(batch))
    if totals.samples == 0:
        raise ValueError("evaluate: the data is empty")
    return totals.means()


def predict(model: Any, data: Tensor | Iterable[Any], batch: int = 256) -> Tensor:
    """Return a model's outputs, in evaluation mode.

    Parameters
    ----------
    model : nn.Module
    data : Tensor of samples, or iterable of inputs
        A tensor is worked in slices of ``batch`` samples. An iterable yields one tensor, or a tuple of inputs, a batch.
    batch : int

    Returns
    -------
    Tensor
        The outputs of all batches, concatenated along the first axis.
    """
    import deepnet as dn

    batches = data.split(batch) if isinstance(data, dn.Tensor) else data
    device = model_device(model)
    outputs = []
    with evaluating(model):
        for inputs in batches:
            inputs = to_device(inputs, device)
            outputs.append(model(*inputs) if isinstance(inputs, (list, tuple)) else model(inputs))
    if not outputs:
        raise ValueError("predict: the data is empty")
    return dn.cat(outputs)
