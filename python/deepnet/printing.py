"""How a tensor reads: aligned numbers, long ones summarised."""

from __future__ import annotations

import math
from typing import Any

from deepnet._core import Tensor

_options: dict[str, Any] = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}


def set_printoptions(
    precision: int | None = None,
    threshold: int | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors print.

    Parameters
    ----------
    precision : int
        Digits after the point.
    threshold : int
        Elements above which a tensor is summarised.
    edgeitems : int
        Elements shown at either end then.
    linewidth : int
        Characters a line.
    sci_mode : bool
        Always or never use exponents.
    """
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    _options.update({k: v for k, v in given.items() if v is not None})
    _options["sci_mode"] = sci_mode


def _edges(t: Tensor) -> list[float]:
    """The numbers that will be shown."""
    if t.numel() <= _options["threshold"]:
        return t.reshape(-1).tolist()
    for d, n in enumerate(t.shape):
        k = _options["edgeitems"]
        if n > 2 * k:
            t = _join([t.narrow(d, 0, k), t.narrow(d, n - k, k)], d)
    return t.reshape(-1).tolist()


def _join(parts: list[Tensor], dim: int) -> Tensor:
    """Join without recording."""
    from deepnet import _core

    return _core.cat([p.detach() for p in parts], dim)


class _Formatter:
    """Picks one format for all numbers of a tensor."""

    def __init__(self, t: Tensor) -> None:
        values = _edges(t)
        self.width = 0
        self.style = "plain"
        p = _options["precision"]
        if t.dtype.is_floating_point:
            finite = [abs(v) for v in values if math.isfinite(v)]
            nonzero = [v for v in finite if v != 0]
            whole = all(v == int(v) for v in finite) if finite else True
            high, low = (max(nonzero), min(nonzero)) if nonzero else (0.0, 0.0)
            spread = bool(nonzero) and (high / low > 1000 or high > 1e8 or (not whole and low < 1e-4))
            if _options["sci_mode"] is not None:
                spread = _options["sci_mode"]
            elif whole:
                spread = high > 1e8
            self.style = f"{{:.{p}e}}" if spread else "{:.0f}." if whole else f"{{:.{p}f}}"
        self.width = max((len(self(v)) for v in values), default=0)

    def __call__(self, value: Any) -> str:
        if self.style == "plain":
            return str(value)
        if not math.isfinite(value):
            return str(value)
        return self.style.format(value)


def _body(t: Tensor, form: _Formatter, indent: int) -> str:
    if t.ndim == 0:
        return form(t.item())
    cut = t.numel() > _options["threshold"] or getattr(form, "cut", False)
    form.cut = cut  # type: ignore[attr-defined]
    n, k = t.shape[0], _options["edgeitems"]
    shown = list(range(n)) if not cut or n <= 2 * k else [*range(k), -1, *range(n - k, n)]
    if t.ndim == 1:
        cells = ["..." if i < 0 else form(t[i].item()).rjust(form.width) for i in shown]
        per_line = max(1, (_options["linewidth"] - indent) // (form.width + 2))
        lines = [", ".join(cells[i : i + per_line]) for i in range(0, len(cells), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    rows = ["..." if i < 0 else _body(t[i], form, indent + 1) for i in shown]
    return "[" + ("," + "\n" * (t.ndim - 1) + " " * (indent + 1)).join(rows) + "]"


def tensor_repr(self: Tensor) -> str:
    """Return the text of a tensor: its numbers and what is not evident of dtype, device and gradient."""
    from deepnet import _core

    plain = self.detach()
    prefix = "tensor("
    if self.numel() == 0:
        body = "[]" if self.ndim == 1 else f"[], size={tuple(self.shape)}"
    else:
        host = plain.cpu() if self.is_cuda else plain
        host = host.float() if host.dtype in (_core.bfloat16, _core.float16) else host
        body = _body(host, _Formatter(host), len(prefix))
    notes = []
    if self.is_cuda:
        notes.append(f"device='{self.device}'")
    if self.dtype not in (_core.get_default_dtype(), _core.int64, _core.bool) or (
        self.numel() == 0 and self.dtype is not _core.get_default_dtype()
    ):
        notes.append(f"dtype={self.dtype}")
    if self.grad_fn is not None:
        notes.append(f"grad_fn=<{self.grad_fn.name()}>")
    elif self.requires_grad:
        notes.append("requires_grad=True")
    return prefix + ", ".join([body, *notes]) + ")"


__all__ = ["set_printoptions", "tensor_repr"]
