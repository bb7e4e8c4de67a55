"""Recurrent layers over padded and packed sequences."""

from __future__ import annotations

from typing import Any

from deepnet import _core
from deepnet._core import Tensor

from .. import functional as F

# Of LSTM: (h, c). Of the others: (h,).
States = tuple[Tensor, ...]


def run(
    mode: str, x: Tensor, states: States, weights: list[Tensor], has_biases: bool, layers: int, dropout: float, training: bool,
    bidirectional: bool,
) -> tuple[Tensor, States]:  # fmt: skip
    """All layers of a network without projections over padded sequences (T, N, F)."""
    h = states[0]
    if mode == "LSTM":
        output, h, c = _core.lstm(x, h, states[1], weights, has_biases, layers, dropout, training, bidirectional)
        return output, (h, c)
    if mode == "GRU":
        output, h = _core.gru(x, h, weights, has_biases, layers, dropout, training, bidirectional)
    else:
        nonlinearity = "tanh" if mode == "RNN_TANH" else "relu"
        output, h = _core.rnn(x, h, weights, has_biases, layers, dropout, training, bidirectional, nonlinearity)
    return output, (h,)


def _projected_lstm(x: Tensor, states: States, weights: list[Tensor], has_biases: bool) -> tuple[Tensor, States]:
    """One layer of an LSTM whose h is projected by the last weight, step by step."""
    h, c = states[0][0], states[1][0]
    w_ih, w_hh = weights[:2]
    b_ih, b_hh = weights[2:4] if has_biases else (None, None)
    gates_x = F.linear(x, w_ih, b_ih)
    outputs = []
    for t in range(x.shape[0]):
        i, f, g, o = (gates_x[t] + F.linear(h, w_hh, b_hh)).chunk(4, -1)
        c = _core.sigmoid(f) * c + _core.sigmoid(i) * _core.tanh(g)
        h = F.linear(_core.sigmoid(o) * _core.tanh(c), weights[-1])
        outputs.append(h)
    return _core.stack(outputs), (h.unsqueeze(0), c.unsqueeze(0))


def _one(
    mode: str, x: Tensor, states: States, weights: list[Tensor], has_biases: bool, projected: bool
) -> tuple[Tensor, States]:
    """One layer in one direction over (T, N, F)."""
    if projected:
        return _projected_lstm(x, states, weights, has_biases)
    return run(mode, x, states, weights, has_biases, 1, 0.0, False, False)


def _segments(batch_sizes: list[int]) -> list[tuple[int, int, int]]:
    """Runs of steps with one batch size: (steps, batch, where the rows start in the packed data)."""
    result: list[tuple[int, int, int]] = []
    row = 0
    for size in batch_sizes:
        if result and result[-1][1] == size:
            steps, _, start = result[-1]
            result[-1] = (steps + 1, size, start)
        else:
            result.append((1, size, row))
        row += size
    return result


def _packed_layer(
    mode: str, data: Tensor, segments: list[tuple[int, int, int]], states: States, weights: list[Tensor], has_biases: bool,
    projected: bool, reverse: bool,
) -> tuple[Tensor, States]:  # fmt: skip
    """One layer in one direction over packed data (rows, F): segment by segment, as sequences end or, reversed, begin."""
    outputs: list[Any] = []
    if reverse:
        current = tuple(s[:, : segments[-1][1]] for s in states)
        for steps, batch, start in reversed(segments):
            have = current[0].shape[1]
            if batch > have:
                current = tuple(_core.cat([c, s[:, have:batch]], 1) for c, s in zip(current, states, strict=True))
            x = data.narrow(0, start, steps * batch).reshape(steps, batch, -1).flip(0)
            y, current = _one(mode, x, current, weights, has_biases, projected)
            outputs.append(y.flip(0).reshape(steps * batch, -1))
        outputs.reverse()
        return _core.cat(outputs), current
    current = states
    finished: list[States] = []
    for steps, batch, start in segments:
        have = current[0].shape[1]
        if batch < have:
            finished.append(tuple(c[:, batch:] for c in current))
            current = tuple(c[:, :batch] for c in current)
        x = data.narrow(0, start, steps * batch).reshape(steps, batch, -1)
        y, current = _one(mode, x, current, weights, has_biases, projected)
        outputs.append(y.reshape(steps * batch, -1))
    finished.append(current)
    last = tuple(_core.cat([f[k] for f in reversed(finished)], 1) for k in range(len(states)))
    return _core.cat(outputs), last


def run_packed(
    mode: str, data: Tensor, batch_sizes: list[int], states: States, weights: list[Tensor], has_biases: bool, layers: int,
    dropout: float, training: bool, bidirectional: bool, projected: bool,
) -> tuple[Tensor, States]:  # fmt: skip
    """All layers of a network, layer by layer, over packed data (rows, F) with the batch sizes of its steps."""
    directions = 2 if bidirectional else 1
    per_layer = len(weights) // (layers * directions)
    segments = _segments(batch_sizes)
    finals: list[States] = []
    x = data
    for layer in range(layers):
        outputs = []
        for direction in range(directions):
            k = layer * directions + direction
            start = tuple(s[k : k + 1] for s in states)
            own = weights[k * per_layer : (k + 1) * per_layer]
            y, final = _packed_layer(mode, x, segments, start, own, has_biases, projected, direction == 1)
            outputs.append(y)
            finals.append(final)
        x = outputs[0] if directions == 1 else _core.cat(outputs, -1)
        if dropout and training and layer < layers - 1:
            x = F.dropout(x, dropout, True)
    return x, tuple(_core.cat([f[k] for f in finals]) for k in range(len(states)))
