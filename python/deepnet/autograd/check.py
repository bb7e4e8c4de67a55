"""Gradient checks: recorded gradients against differences of the function itself, in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from deepnet import _core
from deepnet._core import Tensor
from deepnet.autograd.backward import grad


def _outputs(f: Callable[..., Any], inputs: Sequence[Any]) -> list[Tensor]:
    out = f(*inputs)
    outs = list(out) if isinstance(out, (tuple, list)) else [out]
    return [o for o in outs if isinstance(o, Tensor) and o.dtype.is_floating_point]


def _numeric_column(f: Callable[..., Any], inputs: Sequence[Any], x: Tensor, i: int, eps: float) -> list[Tensor]:
    """The derivative of every output with respect to element i of x, by a central difference."""
    flat = x.detach().view(-1)
    kept = flat[i].clone()
    flat[i] = kept + eps
    high = [o.detach().clone() for o in _outputs(f, inputs)]
    flat[i] = kept - eps
    low = [o.detach().clone() for o in _outputs(f, inputs)]
    flat[i] = kept
    return [(h - lo) / (2 * eps) for h, lo in zip(high, low, strict=True)]


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    **ignored: Any,
) -> bool:
    """Compare func's recorded gradients with central differences.

    Parameters
    ----------
    func : callable
        From tensors to a tensor or a tuple of them.
    inputs : Tensor or tuple
        Contiguous float64 tensors; those that require a gradient are checked.
    eps : float
        The step of the differences.
    atol, rtol : float

    Returns
    -------
    bool

    Raises
    ------
    RuntimeError
        Where a gradient differs, unless raise_exception is False.

    Examples
    --------
    >>> import deepnet
    >>> x = deepnet.randn(3, dtype=deepnet.float64, requires_grad=True)
    >>> deepnet.autograd.gradcheck(deepnet.sin, x)
    True
    """
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    checked = [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]
    if not checked:
        raise ValueError("gradcheck: no input requires a gradient")
    for x in checked:
        if x.dtype is not _core.float64 or not x.is_contiguous():
            raise ValueError("gradcheck: checked inputs must be contiguous float64")
    for k, x in enumerate(checked):
        outs = _outputs(func, inputs)  # anew for each: the differences write into the input before
        rows: list[list[Tensor]] = []
        for o in outs:
            analytic = []
            for j in range(o.numel()):
                seed = _core.full_size(o.shape, 0, dtype=o.dtype)
                seed.view(-1)[j] = 1.0
                g = grad(o, x, seed, retain_graph=True, allow_unused=True)[0] if o.requires_grad else None
                analytic.append((_core.full_size(x.shape, 0, dtype=x.dtype) if g is None else g.detach()).reshape(-1))
            rows.append(analytic)
        for i in range(x.numel()):
            for j, (analytic, numeric) in enumerate(zip(rows, _numeric_column(func, inputs, x, i, eps), strict=True)):
                if not analytic:
                    continue
                got = _core.stack([a[i] for a in analytic])
                want = numeric.reshape(-1)
                worst = ((got - want).abs() - (atol + rtol * want.abs())).max().item()
                if not worst <= 0:
                    if raise_exception:
                        raise RuntimeError(
                            f"gradcheck: output {j}, input {k}, element {i}: recorded {got.tolist()}, "
                            f"differences {want.tolist()}"
                        )
                    return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    **ignored: Any,
) -> bool:
    """As gradcheck, for the gradient of the gradient."""
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    outs = _outputs(func, inputs)
    if grad_outputs is None:
        grad_outputs = [_core.empty_size(o.shape, dtype=_core.float64).normal_().requires_grad_() for o in outs]
    grad_outputs = [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs)
    n = len(inputs)

    def gradients(*args: Any) -> tuple[Tensor, ...]:
        xs, seeds = args[:n], args[n:]
        wanted = [x for x in xs if isinstance(x, Tensor) and x.requires_grad]
        ys = _outputs(func, xs)
        pairs = [(y, s) for y, s in zip(ys, seeds, strict=True) if y.requires_grad]
        found = grad([y for y, _ in pairs], wanted, [s for _, s in pairs], create_graph=True, allow_unused=True)
        return tuple(_core.full_size(x.shape, 0, dtype=x.dtype) if g is None else g for g, x in zip(found, wanted, strict=True))

    return gradcheck(gradients, (*inputs, *grad_outputs), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception)


__all__ = ["gradcheck", "gradgradcheck"]
