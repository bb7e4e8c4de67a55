"""Random tensors: Philox streams, the same on every device and for any number of threads."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from deepnet import _core
from deepnet._core import Generator, Tensor, default_generator
from deepnet._core import dtype as DType
from deepnet.creation import _into, _sizes

__all__ = [
    "manual_seed",
    "seed",
    "initial_seed",
    "get_rng_state",
    "set_rng_state",
    "fork_rng",
    "Generator",
    "default_generator",
    "rand",
    "randn",
    "randint",
    "randperm",
    "rand_like",
    "randn_like",
    "randint_like",
    "normal",
    "bernoulli",
    "multinomial",
    "poisson",
]


def manual_seed(seed: int) -> Generator:
    """Set the seed of the default generator and return it."""
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Give the default generator a seed that does not repeat, and return it."""
    return default_generator.seed()


def initial_seed() -> int:
    """Return the default generator's seed."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """Return the default generator's state: its seed and its place in the stream, two int64."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Set the default generator's state."""
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True) -> Iterator[None]:
    """Put the default generator back to where it was at the end of the block."""
    state = get_rng_state()
    try:
        yield
    finally:
        if enabled:
            set_rng_state(state)


def _floating(size: tuple[Any, ...], dtype: DType | None, device: Any, named: dict[str, Any]) -> Tensor:
    return _core.empty_size(_sizes(size, named.get("size")), dtype=dtype, device=device)


def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Tensor | None = None,
    layout: Any = None,
    pin_memory: bool = False,
    **named: Any,
) -> Tensor:
    """Return draws uniform in [0, 1).

    Examples
    --------
    >>> import deepnet
    >>> deepnet.rand(2, 2).shape
    Size([2, 2])
    """
    t = _floating(size, dtype, device, named).uniform_(generator=generator)
    return _into(out, t.requires_grad_() if requires_grad else t)


def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Tensor | None = None,
    layout: Any = None,
    pin_memory: bool = False,
    **named: Any,
) -> Tensor:
    """Return draws of the standard normal distribution."""
    t = _floating(size, dtype, device, named).normal_(generator=generator)
    return _into(out, t.requires_grad_() if requires_grad else t)


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Tensor | None = None,
    layout: Any = None,
) -> Tensor:
    """Return integers drawn uniformly from [low, high); `randint(high, size)` starts at 0."""
    if size is None and not isinstance(high, int):
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    t = _core.empty_size(_sizes((size,)), dtype=dtype or _core.int64, device=device)
    return _into(out, _core.integers_(t, low, high, generator=generator))


def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Tensor | None = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Return a random permutation of 0 to n - 1."""
    return _into(out, _core.randperm_plain(n, dtype or _core.int64, device, generator))


def _like(input: Tensor, dtype: DType | None, device: Any) -> Tensor:
    return _core.empty_size(input.shape, dtype=dtype or input.dtype, device=device or input.device)


def rand_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    layout: Any = None,
    generator: Generator | None = None,
) -> Tensor:
    """Return draws uniform in [0, 1) of input's shape."""
    return _like(input, dtype, device).uniform_(generator=generator).requires_grad_(requires_grad)


def randn_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    layout: Any = None,
    generator: Generator | None = None,
) -> Tensor:
    """Return standard normal draws of input's shape."""
    return _like(input, dtype, device).normal_(generator=generator).requires_grad_(requires_grad)


def randint_like(
    input: Tensor,
    low: Any = None,
    high: Any = None,
    *,
    dtype: DType | None = None,
    device: Any = None,
    memory_format: Any = None,
    layout: Any = None,
) -> Tensor:
    """Return integers drawn uniformly from [low, high) of input's shape."""
    low, high = (0, low) if high is None else (low, high)
    return _core.integers_(_like(input, dtype, device), int(low), int(high))


def normal(
    mean: Any,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    out: Tensor | None = None,
) -> Tensor:
    """Return draws of normal distributions with the given means and standard deviations (numbers or tensors)."""
    if size is not None:
        return _into(
            out,
            _core.empty_size(_sizes((size,)), dtype=dtype, device=device).normal_(float(mean), float(std), generator=generator),
        )
    like = mean + std if isinstance(mean, Tensor) or isinstance(std, Tensor) else None
    if like is None:
        raise TypeError("normal: needs a tensor for mean or std, or size")
    if isinstance(std, Tensor) and bool((std.detach() < 0).any()):
        raise RuntimeError("normal: std must not be negative")
    z = _core.empty_size(like.shape, dtype=like.dtype, device=like.device).normal_(generator=generator)
    return _into(out, z * std + mean)


def bernoulli(
    input: Tensor, p: float | None = None, *, generator: Generator | None = None, out: Tensor | None = None
) -> Tensor:
    """Return 1 with probability input (or p), else 0."""
    if p is not None:
        return _into(out, _core.bernoulli_fill(_like(input, None, None), p, generator=generator))
    return _into(out, _core.bernoulli_sample(input, generator=generator))


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None, out: Tensor | None = None
) -> Tensor:
    """Return indices drawn from each row's weights.

    Parameters
    ----------
    input : Tensor, shape (categories,) or (rows, categories)
    num_samples : int
    replacement : bool

    Returns
    -------
    Tensor of int64, shape (num_samples,) or (rows, num_samples)
    """
    return _into(out, _core.multinomial(input, num_samples, replacement, generator=generator))


def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Return Poisson draws with the given rates, by counting exponential waiting times (rates up to a few thousand)."""
    rate = input.detach().to(_core.float64)
    count, elapsed = _core.full_size(rate.shape, 0, dtype=_core.float64), _core.full_size(rate.shape, 0.0, dtype=_core.float64)
    while True:
        elapsed = elapsed + _core.empty_size(rate.shape, dtype=_core.float64).exponential_(generator=generator)
        inside = elapsed < rate
        if not bool(inside.any()):
            return count.to(input.dtype)
        count = count + inside
