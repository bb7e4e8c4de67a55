"""Single steps of recurrent networks."""

from __future__ import annotations

import math
from typing import Any

import deepnet
from deepnet._core import Tensor

from .. import init
from ..parameter import Parameter
from ._recurrence import States, run
from .module import Module


class RNNCellBase(Module):
    """What the cells share.

    Attributes
    ----------
    weight_ih, weight_hh : Parameter, shape (chunks * hidden_size, input_size) and (chunks * hidden_size, hidden_size)
    bias_ih, bias_hh : Parameter, shape (chunks * hidden_size,), or None
    """

    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None
    _mode: str

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        gates = num_chunks * hidden_size
        self.weight_ih = Parameter(deepnet.empty((gates, input_size), device=device, dtype=dtype))
        self.weight_hh = Parameter(deepnet.empty((gates, hidden_size), device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(deepnet.empty(gates, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights from U(-k, k) with k = 1 / sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _step(self, mode: str, input: Tensor, states: States | None) -> States:
        """One step from `states` (zeros where None), batched or not."""
        if input.dim() not in (1, 2):
            raise ValueError(f"{type(self).__name__}: expected input to be 1D or 2D, got {input.dim()}D instead")
        if input.shape[-1] != self.input_size:
            raise ValueError(
                f"{type(self).__name__}: the last size of input must be input_size {self.input_size}, got {tuple(input.shape)}"
            )
        single = input.dim() == 1
        x = input.reshape(1, -1, self.input_size)
        batch = x.shape[1]
        if states is None:
            zeros = deepnet.zeros((1, batch, self.hidden_size), dtype=input.dtype, device=input.device)
            before: States = (zeros, zeros) if mode == "LSTM" else (zeros,)
        else:
            want = (self.hidden_size,) if single else (batch, self.hidden_size)
            for state in states:
                if tuple(state.shape) != want:
                    raise ValueError(f"{type(self).__name__}: expected hidden state of shape {want}, got {tuple(state.shape)}")
            before = tuple(s.reshape(1, batch, self.hidden_size) for s in states)
        weights: list[Any] = [self.weight_ih, self.weight_hh]
        if self.bias:
            weights += [self.bias_ih, self.bias_hh]
        _, after = run(mode, x, before, weights, self.bias, 1, 0.0, False, False)
        return tuple(s.reshape(-1) if single else s.squeeze(0) for s in after)

    def extra_repr(self) -> str:
        s = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            s += f", bias={self.bias}"
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return s if nonlinearity == "tanh" else f"{s}, nonlinearity={nonlinearity}"


class RNNCell(RNNCellBase):
    """One step of `RNN`: (N, input_size), (N, hidden_size) to (N, hidden_size), or all without N."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNNCell: nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        mode = "RNN_TANH" if self.nonlinearity == "tanh" else "RNN_RELU"
        return self._step(mode, input, None if hx is None else (hx,))[0]


class LSTMCell(RNNCellBase):
    """One step of `LSTM`: x and (h, c) to (h, c).

    Examples
    --------
    >>> import deepnet, deepnet.nn as nn
    >>> h, c = nn.LSTMCell(10, 20)(deepnet.ones(3, 10))
    >>> h.shape, c.shape
    (Size([3, 20]), Size([3, 20]))
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        h, c = self._step("LSTM", input, None if hx is None else tuple(hx))
        return h, c


class GRUCell(RNNCellBase):
    """One step of `GRU`: (N, input_size), (N, hidden_size) to (N, hidden_size), or all without N."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._step("GRU", input, None if hx is None else (hx,))[0]


__all__ = ["GRUCell", "LSTMCell", "RNNCell", "RNNCellBase"]
