"""Window functions: weights that fade a signal's stretch in and out.

All take `sym`: True for a window that is symmetric, False for the first M of M + 1 points, which repeats without a seam.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from deepnet import _core
from deepnet._core import Tensor

__all__ = [
    "bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine", "general_hamming", "hamming", "hann",
    "nuttall",
]  # fmt: skip


def _points(name: str, M: int, sym: bool, dtype: Any, device: Any) -> tuple[Tensor, int]:
    """Positions 0 to M - 1 and the number of points of the whole window."""
    dtype = dtype or _core.get_default_dtype()
    if M < 0:
        raise ValueError(f"{name}: M must not be negative, got {M}")
    if not dtype.is_floating_point:
        raise ValueError(f"{name}: dtype must be floating, got {dtype}")
    return _core.arange_plain(0, M, 1, _core.float64, device), M if sym else M + 1


def _finish(window: Tensor, dtype: Any, requires_grad: bool) -> Tensor:
    t = _core.convert(window, dtype or _core.get_default_dtype())
    return t.requires_grad_() if requires_grad else t


def general_cosine(M: int, *, a: Sequence[float], sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None,
                   requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Return sum over i of (-1)^i a_i cos(2 pi i n / (M - 1)), n from 0 to M - 1.

    Raises
    ------
    ValueError
        If M is negative, a is empty, or dtype is not floating.
    """
    n, whole = _points("general_cosine", M, sym, dtype, device)
    if not len(a):
        raise ValueError("general_cosine: a must not be empty")
    if M == 1:
        return _finish(n + 1, dtype, requires_grad)
    angle = n * (2 * math.pi / max(whole - 1, 1))
    window = n * 0
    for i, weight in enumerate(a):
        window = window + _core.cos(angle * i) * (weight * (-1) ** i)
    return _finish(window, dtype, requires_grad)


def general_hamming(M: int, *, alpha: float = 0.54, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None,
                    requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Return alpha - (1 - alpha) cos(2 pi n / (M - 1))."""
    return general_cosine(M, a=[alpha, 1 - alpha], sym=sym, dtype=dtype, device=device, requires_grad=requires_grad)


def hamming(
    M: int, *, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return the Hamming window, 0.54 - 0.46 cos(2 pi n / (M - 1))."""
    return general_hamming(M, sym=sym, dtype=dtype, device=device, requires_grad=requires_grad)


def hann(
    M: int, *, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return the Hann window, 0.5 - 0.5 cos(2 pi n / (M - 1))."""
    return general_hamming(M, alpha=0.5, sym=sym, dtype=dtype, device=device, requires_grad=requires_grad)


def blackman(
    M: int, *, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return the Blackman window, of three cosine terms."""
    return general_cosine(M, a=[0.42, 0.5, 0.08], sym=sym, dtype=dtype, device=device, requires_grad=requires_grad)


def nuttall(
    M: int, *, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return Nuttall's window, of four cosine terms with minimal side lobes."""
    a = [0.3635819, 0.4891775, 0.1365995, 0.0106411]
    return general_cosine(M, a=a, sym=sym, dtype=dtype, device=device, requires_grad=requires_grad)


def bartlett(
    M: int, *, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return the triangle 1 - |2 n / (M - 1) - 1|."""
    n, whole = _points("bartlett", M, sym, dtype, device)
    window = n + 1 if M == 1 else 1 - _core.abs(n * (2 / max(whole - 1, 1)) - 1)
    return _finish(window, dtype, requires_grad)


def cosine(
    M: int, *, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return sin(pi (n + 1/2) / M), half a wave."""
    n, whole = _points("cosine", M, sym, dtype, device)
    window = n + 1 if M == 1 else _core.sin((n + 0.5) * (math.pi / max(whole, 1)))
    return _finish(window, dtype, requires_grad)


def exponential(M: int, *, center: float | None = None, tau: float = 1.0, sym: bool = True, dtype: Any = None,
                layout: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Return exp(-|n - center| / tau); center is the middle unless given, which sym excludes.

    Raises
    ------
    ValueError
        If tau is not positive, or center is given with sym.
    """
    if tau <= 0:
        raise ValueError(f"exponential: tau must be positive, got {tau}")
    if sym and center is not None:
        raise ValueError("exponential: center goes with sym=False")
    n, whole = _points("exponential", M, sym, dtype, device)
    middle = (whole - 1) / 2 if center is None else center
    window = n + 1 if M == 1 else _core.exp(_core.abs(n - middle) * (-1 / tau))
    return _finish(window, dtype, requires_grad)


def gaussian(M: int, *, std: float = 1.0, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Return exp(-((n - (M - 1) / 2) / std)^2 / 2).

    Raises
    ------
    ValueError
        If std is not positive.
    """
    if std <= 0:
        raise ValueError(f"gaussian: std must be positive, got {std}")
    n, whole = _points("gaussian", M, sym, dtype, device)
    z = (n - (whole - 1) / 2) * (1 / std)
    window = n + 1 if M == 1 else _core.exp(z * z * -0.5)
    return _finish(window, dtype, requires_grad)
