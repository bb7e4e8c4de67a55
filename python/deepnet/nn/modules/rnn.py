"""Recurrent networks and their cells."""

from __future__ import annotations

import math
import warnings
from typing import Any

import deepnet
from deepnet._core import Tensor

from .. import init
from ..parameter import Parameter
from ..utils.rnn import PackedSequence
from ._recurrence import States, run, run_packed
from .module import Module

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """What LSTM, GRU and RNN share: weights per layer and direction, and the handling of shapes and packing."""

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if mode not in _GATES:
            raise ValueError(f"Unrecognized RNN mode: {mode}")
        if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1:
            raise ValueError(f"dropout should be a number in range [0, 1], got {dropout!r}")
        for name, value in (("hidden_size", hidden_size), ("num_layers", num_layers)):
            if not isinstance(value, int):
                raise TypeError(f"{name} should be of type int, got: {type(value).__name__}")
            if value <= 0:
                raise ValueError(f"{name} must be greater than zero, got {value}")
        if not 0 <= proj_size < hidden_size:
            raise ValueError(f"proj_size has to be 0 or smaller than hidden_size ({hidden_size}), got {proj_size}")
        if proj_size and mode != "LSTM":
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers "
                f"greater than 1; got dropout={dropout} and num_layers={num_layers}",
                stacklevel=3,
            )
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size

        gates = _GATES[mode] * hidden_size
        out = proj_size or hidden_size
        self._weight_names: list[list[str]] = []
        for layer in range(num_layers):
            size = input_size if layer == 0 else out * self._directions
            for suffix in (f"_l{layer}", f"_l{layer}_reverse")[: self._directions]:
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (gates, size), "weight_hh": (gates, out)}
                if bias:
                    shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                for name, shape in shapes.items():
                    setattr(self, name + suffix, Parameter(deepnet.empty(shape, device=device, dtype=dtype)))
                self._weight_names.append([name + suffix for name in shapes])
        self.reset_parameters()

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _flat_weights(self) -> list[Any]:
        return [self._own(name) for names in self._weight_names for name in names]

    @property
    def all_weights(self) -> list[list[Any]]:
        """The weights, a list per layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._weight_names]

    def flatten_parameters(self) -> None:
        """Accepted for programs that call it: nothing depends on where weights lie in memory."""

    def reset_parameters(self) -> None:
        """Draw all weights from U(-k, k) with k = 1 / sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _start(self, given: Any, batch: int, like: Tensor, batched: bool) -> States:
        """The initial states, (layers * directions, N, size) each: those given, checked, or zeros."""
        lead = self.num_layers * self._directions
        sizes = (self.proj_size or self.hidden_size, self.hidden_size) if self.mode == "LSTM" else (self.hidden_size,)
        if given is None:
            return tuple(deepnet.zeros((lead, batch, size), dtype=like.dtype, device=like.device) for size in sizes)
        states = tuple(given) if self.mode == "LSTM" else (given,)
        if len(states) != len(sizes):
            raise ValueError(f"{type(self).__name__}: expected the states (h_0, c_0), got {len(states)} of them")
        for name, state, size in zip(("hx", "cx"), states, sizes, strict=False):
            want = (lead, batch, size) if batched else (lead, size)
            if tuple(state.shape) != want:
                raise ValueError(f"{type(self).__name__}: expected {name} of shape {want}, got {tuple(state.shape)}")
        return states if batched else tuple(s.unsqueeze(1) for s in states)

    def _finish(self, states: States) -> Any:
        return states if self.mode == "LSTM" else states[0]

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Run over sequences.

        Parameters
        ----------
        input : Tensor, shape (L, N, F), (N, L, F) with batch_first, or (L, F); or PackedSequence
        hx : Tensor, shape (layers * directions, N, H), or for LSTM a pair (h_0, c_0) of them; optional
            Zeros where left out. Without N for unbatched input.

        Returns
        -------
        output : Tensor, shape (L, N, directions * H), or (N, L, directions * H), or (L, directions * H); or PackedSequence
        hx : as given
            The states after the last step of each sequence.
        """
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        if input.dim() not in (2, 3):
            raise ValueError(f"{type(self).__name__}: expected input to be 2D or 3D, got {input.dim()}D instead")
        if input.shape[-1] != self.input_size:
            raise ValueError(
                f"{type(self).__name__}: the last size of input must be input_size {self.input_size}, got {tuple(input.shape)}"
            )
        batched = input.dim() == 3
        x = input if batched else input.unsqueeze(1)
        swap = batched and self.batch_first
        if swap:
            x = x.transpose(0, 1)
        steps, batch = x.shape[:2]
        states = self._start(hx, batch, x, batched)
        options = (self._flat_weights, self.bias, self.num_layers, self.dropout, self.training, self.bidirectional)
        if self.proj_size:
            rows, states = run_packed(self.mode, x.reshape(steps * batch, -1), [batch] * steps, states, *options, True)
            y = rows.reshape(steps, batch, -1)
        else:
            y, states = run(self.mode, x, states, *options)
        if not batched:
            return y.squeeze(1), self._finish(tuple(s.squeeze(1) for s in states))
        return (y.transpose(0, 1) if swap else y), self._finish(states)

    def _forward_packed(self, input: PackedSequence, hx: Any) -> tuple[PackedSequence, Any]:
        data, batch_sizes, sorted_indices, unsorted_indices = input
        if data.shape[-1] != self.input_size:
            raise ValueError(
                f"{type(self).__name__}: the last size of input must be input_size {self.input_size}, got {tuple(data.shape)}"
            )
        sizes = [int(b) for b in batch_sizes.tolist()]
        states = self._start(hx, sizes[0], data, True)
        if hx is not None and sorted_indices is not None:
            states = tuple(s.index_select(1, sorted_indices) for s in states)
        y, states = run_packed(
            self.mode, data, sizes, states, self._flat_weights, self.bias, self.num_layers, self.dropout, self.training,
            self.bidirectional, self.proj_size > 0,
        )  # fmt: skip
        if unsorted_indices is not None:
            states = tuple(s.index_select(1, unsorted_indices) for s in states)
        return PackedSequence(y, batch_sizes, sorted_indices, unsorted_indices), self._finish(states)

    def extra_repr(self) -> str:
        s = f"{self.input_size}, {self.hidden_size}"
        if self.proj_size:
            s += f", proj_size={self.proj_size}"
        if self.num_layers != 1:
            s += f", num_layers={self.num_layers}"
        if self.bias is not True:
            s += f", bias={self.bias}"
        if self.batch_first is not False:
            s += f", batch_first={self.batch_first}"
        if self.dropout != 0:
            s += f", dropout={self.dropout}"
        if self.bidirectional is not False:
            s += f", bidirectional={self.bidirectional}"
        return s


class RNN(RNNBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), over sequences.

    Parameters
    ----------
    input_size, hidden_size : int
    num_layers : int
    nonlinearity : {'tanh', 'relu'}
    bias, batch_first : bool
    dropout : float
        Between layers.
    bidirectional : bool
    device, dtype : optional
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        self.__dict__["nonlinearity"] = nonlinearity
        super().__init__(
            f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0,
            device, dtype,
        )  # fmt: skip


class LSTM(RNNBase):
    """Long short-term memory over sequences [1]_.

    Parameters
    ----------
    input_size, hidden_size : int
    num_layers : int
    bias, batch_first : bool
    dropout : float
        Between layers.
    bidirectional : bool
    proj_size : int
        Project h to this size, where not 0.
    device, dtype : optional

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0 : Parameter, shape (4 * hidden_size, input_size) and (4 * hidden_size, hidden_size)
        Gates in the order input, forget, cell, output.
    bias_ih_l0, bias_hh_l0 : Parameter, shape (4 * hidden_size,)
        And so for each layer and, with the suffix _reverse, direction.

    References
    ----------
    .. [1] Hochreiter & Schmidhuber, Long short-term memory, Neural Computation 9 (1997).

    Examples
    --------
    >>> import deepnet, deepnet.nn as nn
    >>> output, (h, c) = nn.LSTM(10, 20, num_layers=2)(deepnet.ones(5, 3, 10))
    >>> output.shape, h.shape
    (Size([5, 3, 20]), Size([2, 3, 20]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            "LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size, device, dtype
        )


class GRU(RNNBase):
    """Gated recurrent units over sequences [1]_; parameters as in `RNN`, without nonlinearity.

    References
    ----------
    .. [1] Cho et al., Learning phrase representations using RNN encoder-decoder, arXiv:1406.1078.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            "GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype
        )


__all__ = ["GRU", "LSTM", "RNN", "RNNBase"]
