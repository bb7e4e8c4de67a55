"""The training loop."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from deepnet.train.batches import model_device, parts, samples_of, split, to_device
from deepnet.train.callbacks import Callback
from deepnet.train.evaluate import evaluate
from deepnet.train.history import History
from deepnet.train.interrupt import on_interrupt
from deepnet.train.metrics import Metric, named
from deepnet.train.nonfinite import NonFiniteLoss, first_nonfinite
from deepnet.train.progress import ProgressBar
from deepnet.train.run import Run

__all__ = ["fit"]


def fit(
    model: Any,
    loss: Callable[[Any, Any], Any],
    optimizer: Any,
    data: Iterable[Any],
    *,
    epochs: int | None = None,
    steps: int | None = None,
    validation: Iterable[Any] | None = None,
    metrics: Mapping[str, Metric] | Iterable[str | Metric] | str | None = None,
    callbacks: Sequence[Callback] = (),
    accumulate: int = 1,
    clip: float | None = None,
    progress: bool = True,
) -> History:
    """Train a model: for each epoch, for each batch, step down the gradient of the loss; then validate.

    Parameters
    ----------
    model : nn.Module
    loss : callable
        ``loss(output, target)``, a mean over the batch.
    optimizer : optim.Optimizer
    data : iterable of batches, such as a DataLoader
        A batch is (inputs, …, target), or one tensor that is its own target. Batches are moved to the model's device.
    epochs : int, optional
        Passes over ``data``; 1 where ``steps`` is not given either.
    steps : int, optional
        Steps of the optimizer after which to end, within an epoch if need be.
    validation : iterable of batches, optional
        Evaluated after each epoch; its figures are called ``val_loss`` and so on.
    metrics : names, functions or a dict of name to function, optional
        ``metric(output, target)``, a mean over the batch. By name: ``"accuracy"``.
    callbacks : sequence of Callback
        EarlyStopping, Checkpoint, Schedule, CSVLog, TensorBoard, or your own.
    accumulate : int
        Cut each batch into this many equal parts, so that only one part's activations are held at a time. The step
        has the bits of the whole batch (docs/bits.md says for which models).
    clip : float, optional
        Scale the gradients down to this norm where theirs is larger.
    progress : bool
        Show a progress bar.

    Returns
    -------
    History
        One row of figures an epoch. Ctrl-C ends the run after the current step: the history says so, and a Checkpoint
        has saved the state and the best weights. A second Ctrl-C raises KeyboardInterrupt.

    Raises
    ------
    NonFiniteLoss
        If the loss is NaN or infinite, naming the step and the layer where it began.

    Examples
    --------
    >>> import deepnet as dn
    >>> from deepnet import nn, optim
    >>> _ = dn.manual_seed(0)
    >>> x = dn.randn(64, 3)
    >>> model = nn.Linear(3, 1)
    >>> batches = [(x, x.sum(1, keepdim=True))]
    >>> history = fit(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1), batches, epochs=50, progress=False)
    >>> history["loss"][-1] < 1e-3
    True
    """
    if accumulate < 1:
        raise ValueError(f"fit: accumulate must be at least 1, got {accumulate}")
    if epochs is None and steps is None:
        epochs = 1
    bar = [ProgressBar(epochs, steps)] if progress else []
    run = Run(model, loss, optimizer, data, named(metrics), [*callbacks, *bar])
    try:
        with on_interrupt(run.interrupt):
            run.tell("on_start")
            while not _finished(run, epochs, steps):
                _train_epoch(run, steps, accumulate, clip)
                if run.stopping:
                    break
                figures = run.totals.means()
                if validation is not None:
                    figures |= {f"val_{name}": v for name, v in evaluate(model, validation, loss, run.metrics).items()}
                run.end_epoch(figures)
                run.tell("on_epoch")
            run.tell("on_stop")
            run.tell("on_end")
    finally:
        for shown in bar:
            shown.close()
    return run.history


def _finished(run: Run, epochs: int | None, steps: int | None) -> bool:
    return run.stopping or (epochs is not None and run.epoch >= epochs) or (steps is not None and run.step >= steps)


def _train_epoch(run: Run, steps: int | None, accumulate: int, clip: float | None) -> None:
    """Work the epoch's remaining batches, up to the run's last step."""
    device = model_device(run.model)
    run.model.train()
    before = run.batch
    for batch in run.batches():
        _train_step(run, to_device(batch, device), accumulate, clip)
        run.tell("on_step")
        if run.stopping or (steps is not None and run.step >= steps):
            return
    if run.batch == before == 0:
        raise ValueError("fit: the data yielded no batch; is it an iterator that an earlier epoch used up?")


def _train_step(run: Run, batch: Any, accumulate: int, clip: float | None) -> None:
    """One step of the optimizer on one batch, in parts."""
    import deepnet as dn
    from deepnet import nn

    run.optimizer.zero_grad()
    pieces = parts(batch, accumulate) if accumulate > 1 else [(batch, 1.0)]
    total = 0.0
    sums = dict.fromkeys(run.metrics, 0.0)
    with dn.accumulate(len(pieces)) if len(pieces) > 1 else contextlib.nullcontext():
        for piece, share in pieces:
            inputs, target = split(piece)
            output = run.model(*inputs)
            loss = run.loss(output, target)
            value = float(loss.detach())
            if not math.isfinite(value):
                raise NonFiniteLoss(_describe(run, value, inputs))
            weight = share * len(pieces)  # accumulate takes the mean over parts; only a smaller last part differs from 1
            (loss if weight == 1.0 else loss * weight).backward()
            total += value * share
            for name, metric in run.metrics.items():
                sums[name] += float(metric(output.detach(), target)) * share
    if clip is not None:
        nn.utils.clip_grad_norm_(run.model.parameters(), clip)
    run.optimizer.step()
    run.loss_value = total
    run.totals.add({"loss": total, **sums}, samples_of(batch))
    run.batch += 1
    run.step += 1


def _describe(run: Run, value: float, inputs: tuple[Any, ...]) -> str:
    where = first_nonfinite(run.model, inputs)
    return f"the loss is {value} at step {run.step + 1} (epoch {run.epoch + 1}, batch {run.batch + 1}, lr {run.lr:g}): {where}"
