"""Multi-head attention."""

from __future__ import annotations

from typing import Any

import deepnet
from deepnet._core import Tensor

from .. import functional as F
from .. import init
from ..parameter import Parameter
from .linear import NonDynamicallyQuantizableLinear
from .module import Module


class MultiheadAttention(Module):
    """Attention of several heads on projections of query, key and value [1]_.

    Parameters
    ----------
    embed_dim, num_heads : int
        The second divides the first.
    dropout : float
        Of the attention weights.
    bias : bool
        Of the projections.
    add_bias_kv : bool
        Add a learned key and value.
    add_zero_attn : bool
        Add a key and a value of zeros.
    kdim, vdim : int, optional
        Sizes of key and value; embed_dim where left out.
    batch_first : bool
        Batched inputs and outputs are (N, L, E) rather than (L, N, E).
    device, dtype : optional

    Attributes
    ----------
    in_proj_weight : Parameter, shape (3 * embed_dim, embed_dim)
        Or None, and q_proj_weight, k_proj_weight, v_proj_weight in its place, where kdim or vdim differ.
    in_proj_bias : Parameter, shape (3 * embed_dim,), or None
    out_proj : Linear

    References
    ----------
    .. [1] Vaswani et al., Attention is all you need, arXiv:1706.03762.

    Examples
    --------
    >>> import deepnet, deepnet.nn as nn
    >>> x = deepnet.ones(2, 5, 8)
    >>> y, weights = nn.MultiheadAttention(8, 2, batch_first=True)(x, x, x)
    >>> y.shape, weights.shape
    (Size([2, 5, 8]), Size([2, 5, 5]))
    """

    in_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(f"embed_dim and num_heads must be greater than 0, got {embed_dim} and {num_heads}")
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise ValueError(f"embed_dim must be divisible by num_heads, got {embed_dim} and {num_heads}")

        def parameter(*shape: int) -> Parameter:
            return Parameter(deepnet.empty(shape, device=device, dtype=dtype))

        one = self._qkv_same_embed_dim
        self.register_parameter("q_proj_weight", None if one else parameter(embed_dim, embed_dim))
        self.register_parameter("k_proj_weight", None if one else parameter(embed_dim, self.kdim))
        self.register_parameter("v_proj_weight", None if one else parameter(embed_dim, self.vdim))
        self.register_parameter("in_proj_weight", parameter(3 * embed_dim, embed_dim) if one else None)
        self.register_parameter("in_proj_bias", parameter(3 * embed_dim) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias, device, dtype)
        self.register_parameter("bias_k", parameter(1, 1, embed_dim) if add_bias_kv else None)
        self.register_parameter("bias_v", parameter(1, 1, embed_dim) if add_bias_kv else None)
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)  # type: ignore[arg-type]
        for extra in (self.bias_k, self.bias_v):
            if extra is not None:
                init.xavier_normal_(extra)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend.

        Parameters
        ----------
        query : Tensor, shape (T, E), (T, N, E) or, with batch_first, (N, T, E)
        key : Tensor, shape (S, kdim) or with N
        value : Tensor, shape (S, vdim) or with N
        key_padding_mask : Tensor, shape (S,) or (N, S), optional
            True leaves a key out; floats are added to its scores.
        need_weights : bool
            Return the attention weights too; False is faster.
        attn_mask : Tensor, shape (T, S) or (N * num_heads, T, S), optional
            True leaves a pair out; floats are added to its score.
        average_attn_weights : bool
            Return the heads' mean rather than each head's weights.
        is_causal : bool
            A hint that attn_mask is causal.

        Returns
        -------
        output : Tensor, shape of query
        weights : Tensor, shape (N, T, S), or (N, num_heads, T, S) without averaging; or None
        """
        swap = self.batch_first and query.dim() == 3
        if swap:
            if key is value:
                query, key = (query.transpose(0, 1),) * 2 if query is key else (query.transpose(0, 1), key.transpose(0, 1))
                value = key
            else:
                query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        output, weights = F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return (output.transpose(0, 1) if swap else output), weights


__all__ = ["MultiheadAttention"]
