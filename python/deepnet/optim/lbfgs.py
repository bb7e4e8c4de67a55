"""Limited-memory BFGS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import deepnet
from deepnet import _core
from deepnet._core import Tensor

from .optimizer import Closure, Optimizer, ParamsT

# loss and gradient at a step length along the direction
Evaluate = Callable[[float], tuple[float, Tensor]]


def _cubic_minimum(
    x1: float, f1: float, g1: float, x2: float, f2: float, g2: float, bounds: tuple[float, float] | None = None
) -> float:
    """The minimum, within bounds, of the cubic with these values and slopes."""
    low, high = bounds if bounds is not None else (min(x1, x2), max(x1, x2))
    d1 = g1 + g2 - 3 * (f1 - f2) / (x1 - x2)
    square = d1 * d1 - g1 * g2
    if square < 0:
        return (low + high) / 2
    d2 = square**0.5
    if x1 <= x2:
        x = x2 - (x2 - x1) * ((g2 + d2 - d1) / (g2 - g1 + 2 * d2))
    else:
        x = x1 - (x1 - x2) * ((g1 + d2 - d1) / (g1 - g2 + 2 * d2))
    return min(max(x, low), high)


def _strong_wolfe(
    evaluate: Evaluate, d: Tensor, t: float, f: float, g: Tensor, gtd: float, most: int, c1: float = 1e-4,
    c2: float = 0.9, tolerance: float = 1e-9,
) -> tuple[float, Tensor, float, int]:  # fmt: skip
    """A step length with sufficient decrease and a small slope (Nocedal & Wright, algorithms 3.5 and 3.6).

    Returns the loss and gradient there, the length, and how often the loss was evaluated.
    """
    size = float(d.abs().max())
    f_new, g_new = evaluate(t)
    evaluations = 1
    slope = float(_core.dot(g_new, d))
    t_prev, f_prev, g_prev, slope_prev = 0.0, f, g, gtd
    done = False
    steps = 0
    # Bracket: two lengths between which an acceptable one lies.
    bracket: list[tuple[float, float, Tensor, float]] = []
    while steps < most:
        if f_new > f + c1 * t * gtd or (steps > 1 and f_new >= f_prev):
            bracket = [(t_prev, f_prev, g_prev, slope_prev), (t, f_new, g_new, slope)]
            break
        if abs(slope) <= -c2 * gtd:
            bracket = [(t, f_new, g_new, slope)]
            done = True
            break
        if slope >= 0:
            bracket = [(t_prev, f_prev, g_prev, slope_prev), (t, f_new, g_new, slope)]
            break
        bounds = (t + 0.01 * (t - t_prev), t * 10)
        t_next = _cubic_minimum(t_prev, f_prev, slope_prev, t, f_new, slope, bounds)
        t_prev, f_prev, g_prev, slope_prev = t, f_new, g_new, slope
        t = t_next
        f_new, g_new = evaluate(t)
        evaluations += 1
        slope = float(_core.dot(g_new, d))
        steps += 1
    if not bracket:
        bracket = [(0.0, f, g, gtd), (t, f_new, g_new, slope)]
    # Zoom into the bracket.
    stalled = False
    while not done and steps < most:
        low, high = (0, 1) if bracket[0][1] <= bracket[-1][1] else (1, 0)
        if abs(bracket[1][0] - bracket[0][0]) * size < tolerance:
            break
        (a, fa, _, ga), (b, fb, _, gb) = bracket
        t = _cubic_minimum(a, fa, ga, b, fb, gb)
        start, end = min(a, b), max(a, b)
        margin = 0.1 * (end - start)
        if min(end - t, t - start) < margin:  # too close to an end: once is accepted, then move away from it
            if stalled or t >= end or t <= start:
                t = end - margin if abs(t - end) < abs(t - start) else start + margin
                stalled = False
            else:
                stalled = True
        else:
            stalled = False
        f_new, g_new = evaluate(t)
        evaluations += 1
        slope = float(_core.dot(g_new, d))
        steps += 1
        here = (t, f_new, g_new, slope)
        if f_new > f + c1 * t * gtd or f_new >= bracket[low][1]:
            bracket[high] = here
        else:
            if abs(slope) <= -c2 * gtd:
                done = True
            elif slope * (bracket[high][0] - bracket[low][0]) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = here
    best = min(bracket, key=lambda point: point[1])
    return best[1], best[2], best[0], evaluations


class LBFGS(Optimizer):
    """A quasi-Newton method; `step` needs a closure that computes the loss and its gradients.

    Parameters
    ----------
    params : iterable of Tensor
        One group only.
    lr : float
    max_iter, max_eval : int
        Iterations, and evaluations of the closure, per step; max_iter * 5 / 4 of the latter where left out.
    tolerance_grad, tolerance_change : float
        Stop where the largest gradient, or the change, is below.
    history_size : int
        Updates remembered.
    line_search_fn : {None, 'strong_wolfe'}

    References
    ----------
    .. [1] Nocedal & Wright, Numerical optimization, 2006, chapters 3 and 7.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        if line_search_fn not in (None, "strong_wolfe"):
            raise ValueError(f"LBFGS: line_search_fn must be None or 'strong_wolfe', got {line_search_fn!r}")
        super().__init__(
            params,
            {
                "lr": lr,
                "max_iter": max_iter,
                "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
                "tolerance_grad": tolerance_grad,
                "tolerance_change": tolerance_change,
                "history_size": history_size,
                "line_search_fn": line_search_fn,
            },
        )
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params = self.param_groups[0]["params"]

    def _gradient(self) -> Tensor:
        zeros = [deepnet.zeros_like(p) if p.grad is None else p.grad for p in self._params]
        return _core.cat([g.detach().reshape(-1) for g in zeros])

    def _add(self, t: float, d: Tensor) -> None:
        at = 0
        for p in self._params:
            n = p.numel()
            p.add_(d[at : at + n].view_as(p), alpha=t)
            at += n

    @staticmethod
    def _direction(g: Tensor, steps: list[Tensor], changes: list[Tensor], scale: float) -> Tensor:
        """Minus the approximate inverse Hessian times g: the two-loop recursion over the history."""
        q = -g
        weights = []
        rho = [1.0 / float(_core.dot(y, s)) for y, s in zip(changes, steps, strict=True)]
        for s, y, r in zip(reversed(steps), reversed(changes), reversed(rho), strict=True):
            weights.append(float(_core.dot(s, q)) * r)
            q = q - y * weights[-1]
        d = q * scale
        for s, y, r, w in zip(steps, changes, rho, reversed(weights), strict=True):
            d = d + s * (w - float(_core.dot(y, d)) * r)
        return d

    def step(self, closure: Closure | None = None) -> Any:
        """Run up to `max_iter` iterations.

        Parameters
        ----------
        closure : callable
            Clears the gradients, computes the loss, calls backward and returns the loss.
        """
        if closure is None:
            raise ValueError("LBFGS.step needs a closure that computes the loss and its gradients")
        with deepnet.no_grad():
            loss = self._iterate(closure)
        self._steps_taken += 1
        return loss

    def _iterate(self, closure: Closure) -> Any:
        group = self.param_groups[0]
        lr, tolerance = float(group["lr"]), group["tolerance_change"]
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)

        def run() -> Any:
            with deepnet.enable_grad():
                return closure()

        first_loss = run()
        loss = float(first_loss)
        evaluations = 1
        state["func_evals"] += 1
        g = self._gradient()
        if float(g.abs().max()) <= group["tolerance_grad"]:
            return first_loss
        d, t = state.get("d"), state.get("t", lr)
        steps, changes = state.setdefault("old_stps", []), state.setdefault("old_dirs", [])
        scale, g_prev, prev_loss = state.get("H_diag", 1.0), state.get("prev_flat_grad"), state.get("prev_loss")
        iterations = 0
        while iterations < group["max_iter"]:
            iterations += 1
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                d, scale = -g, 1.0
                steps.clear()
                changes.clear()
            else:
                y, s = g - g_prev, d * t
                ys = float(_core.dot(y, s))
                if ys > 1e-10:
                    if len(steps) == group["history_size"]:
                        steps.pop(0)
                        changes.pop(0)
                    steps.append(s)
                    changes.append(y)
                    scale = ys / float(_core.dot(y, y))
                d = self._direction(g, steps, changes, scale)
            g_prev, prev_loss = g.clone(), loss
            t = min(1.0, 1.0 / float(g.abs().sum())) * lr if state["n_iter"] == 1 else lr
            gtd = float(_core.dot(g, d))
            if gtd > -tolerance:
                break
            used = 0
            if group["line_search_fn"] is not None:
                start = [p.detach().clone() for p in self._params]

                def evaluate(length: float, start: list[Tensor] = start, d: Tensor = d) -> tuple[float, Tensor]:
                    for p, x in zip(self._params, start, strict=True):
                        p.copy_(x)
                    self._add(length, d)
                    value = float(run())
                    return value, self._gradient()

                loss, g, t, used = _strong_wolfe(evaluate, d, t, loss, g, gtd, group["max_eval"] - evaluations)
                for p, x in zip(self._params, start, strict=True):
                    p.copy_(x)
                self._add(t, d)
            else:
                self._add(t, d)
                if iterations != group["max_iter"]:
                    loss = float(run())
                    g = self._gradient()
                    used = 1
            evaluations += used
            state["func_evals"] += used
            flat = float(g.abs().max()) <= group["tolerance_grad"]
            small = float((d * t).abs().max()) <= tolerance or abs(loss - prev_loss) < tolerance
            if iterations == group["max_iter"] or evaluations >= group["max_eval"] or flat or small:
                break
        state.update(d=d, t=t, H_diag=scale, prev_flat_grad=g_prev, prev_loss=prev_loss)
        return first_loss


__all__ = ["LBFGS"]
