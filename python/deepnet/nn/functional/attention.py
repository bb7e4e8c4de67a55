"""Attention."""

from __future__ import annotations

import math
from typing import Any

import deepnet
from deepnet import _core
from deepnet._core import Tensor

from .activation import softmax
from .dropout import dropout
from .linear import linear


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(query @ key.T * scale + mask) @ value, without keeping the matrix [1]_.

    Parameters
    ----------
    query : Tensor, shape (..., T, D)
    key : Tensor, shape (..., S, D)
    value : Tensor, shape (..., S, E)
    attn_mask : Tensor, broadcastable to (..., T, S), optional
        Booleans say what takes part; floats are added to the scores.
    dropout_p : float
    is_causal : bool
        Position t sees s <= t.
    scale : float, optional
        1 / sqrt(D) where left out.
    enable_gqa : bool
        Let query have a multiple of key's and value's heads (axis -3); each of theirs serves a group.

    Returns
    -------
    Tensor, shape (..., T, E)

    References
    ----------
    .. [1] Dao et al., FlashAttention, arXiv:2205.14135.
    """
    if enable_gqa:
        if query.dim() < 3 or query.shape[-3] % key.shape[-3] or query.shape[-3] % value.shape[-3]:
            raise ValueError(
                "scaled_dot_product_attention: query's heads must be a multiple of key's and value's, "
                f"got {tuple(query.shape)}, {tuple(key.shape)} and {tuple(value.shape)}"
            )
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
        value = value.repeat_interleave(query.shape[-3] // value.shape[-3], -3)
    return _core.scaled_dot_product_attention(query, key, value, attn_mask, dropout_p, is_causal, scale=scale)


def _float_mask(name: str, mask: Tensor | None, dtype: Any) -> Tensor | None:
    """A mask to add: booleans (True: left out) become -inf and 0."""
    if mask is None or mask.is_floating_point():
        return mask
    if mask.dtype != deepnet.bool:
        raise TypeError(f"multi_head_attention_forward: {name} must be of bool or a float dtype, got {mask.dtype}")
    return deepnet.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(mask, -math.inf)


def _project(
    query: Tensor, key: Tensor, value: Tensor, weights: tuple[Tensor | None, ...], in_proj_weight: Tensor | None,
    bias: Tensor | None, embed_dim: int,
) -> list[Tensor]:  # fmt: skip
    """The projections of query, key and value."""
    if in_proj_weight is not None and query is key and key is value:
        return list(linear(query, in_proj_weight, bias).chunk(3, -1))  # one product for all
    if in_proj_weight is not None:
        weights = tuple(in_proj_weight.chunk(3, 0))
    biases = (None, None, None) if bias is None else bias.split(embed_dim, 0)
    return [linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True) if w is not None]


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """What `nn.MultiheadAttention` computes; see there for the meaning of the arguments.

    Parameters
    ----------
    query : Tensor, shape (T, N, E) or (T, E)
    key, value : Tensor, shape (S, N, E) or (S, E)
    static_k, static_v : Tensor, shape (N * num_heads, S, E / num_heads), optional
        In place of the projected key and value.

    Returns
    -------
    output : Tensor, shape (T, N, E) or (T, E)
    weights : Tensor or None
        With `need_weights`, shape (N, T, S), or (N, num_heads, T, S) without averaging; without N where there is none.
    """
    batched = query.dim() == 3
    if query.dim() not in (2, 3) or key.dim() != query.dim() or value.dim() != query.dim():
        raise ValueError(
            "multi_head_attention_forward: query, key and value must be all 2-D or all 3-D, "
            f"got {tuple(query.shape)}, {tuple(key.shape)} and {tuple(value.shape)}"
        )
    if query.shape[-1] != embed_dim_to_check:
        raise ValueError(
            f"multi_head_attention_forward: expected embedding dimension {embed_dim_to_check}, got {query.shape[-1]}"
        )
    if is_causal and attn_mask is None:
        raise ValueError("multi_head_attention_forward: is_causal is a hint about attn_mask; pass attn_mask too")
    if not batched:
        same = query is key and key is value
        query = query.unsqueeze(1)
        key, value = (query, query) if same else (key.unsqueeze(1), value.unsqueeze(1))
        if key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)
    length, batch, embed_dim = query.shape
    head_dim = embed_dim // num_heads
    if head_dim * num_heads != embed_dim:
        raise ValueError(f"multi_head_attention_forward: embed_dim {embed_dim} not divisible by num_heads {num_heads}")

    separate = (q_proj_weight, k_proj_weight, v_proj_weight)
    q, k, v = _project(
        query, key, value, separate, None if use_separate_proj_weight else in_proj_weight, in_proj_bias, embed_dim
    )
    mask = _float_mask("attn_mask", attn_mask, q.dtype)
    padding = _float_mask("key_padding_mask", key_padding_mask, q.dtype)
    if mask is not None:
        if mask.dim() == 3:
            mask = mask.reshape(batch, num_heads, mask.shape[1], mask.shape[2])
        elif mask.dim() != 2:
            raise ValueError(f"multi_head_attention_forward: attn_mask must be 2-D or 3-D, got shape {tuple(mask.shape)}")
    added = 0
    if bias_k is not None and bias_v is not None:
        k = _core.cat([k, bias_k.expand(1, batch, embed_dim)])
        v = _core.cat([v, bias_v.expand(1, batch, embed_dim)])
        added += 1

    def heads(x: Tensor) -> Tensor:
        """(L, N, E) to (N, heads, L, E / heads)."""
        return x.reshape(x.shape[0], batch, num_heads, head_dim).permute(1, 2, 0, 3)

    q = heads(q)
    k = heads(k) if static_k is None else static_k.reshape(batch, num_heads, -1, head_dim)
    v = heads(v) if static_v is None else static_v.reshape(batch, num_heads, -1, head_dim)
    if add_zero_attn:
        zeros = deepnet.zeros((batch, num_heads, 1, head_dim), dtype=k.dtype, device=k.device)
        k, v = _core.cat([k, zeros], 2), _core.cat([v, zeros], 2)
        added += 1
    if added:
        mask = None if mask is None else _core.constant_pad(mask, [0, added])
        padding = None if padding is None else _core.constant_pad(padding, [0, added])
    if padding is not None:
        if tuple(padding.shape) != (batch, k.shape[2]):
            raise ValueError(
                f"multi_head_attention_forward: key_padding_mask must have shape {(batch, k.shape[2] - added)}, "
                f"got {(padding.shape[0], padding.shape[1] - added)}"
            )
        padding = padding.reshape(batch, 1, 1, -1)
        mask = padding if mask is None else mask + padding

    p = dropout_p if training else 0.0
    weights: Tensor | None = None
    if need_weights:
        scores = (q * (1.0 / math.sqrt(head_dim))) @ k.transpose(-2, -1)
        weights = dropout(softmax(scores if mask is None else scores + mask, -1), p, training)
        attended = weights @ v
    else:
        attended = _core.scaled_dot_product_attention(q, k, v, mask, p)
    output = linear(attended.permute(2, 0, 1, 3).reshape(length, batch, embed_dim), out_proj_weight, out_proj_bias)
    if weights is not None and average_attn_weights:
        weights = weights.mean(1)
    if not batched:
        output = output.squeeze(1)
        weights = None if weights is None else weights.squeeze(0)
    return output, weights


__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]
