"""Every generator that a training run may draw from, taken down and put back."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from typing import Any

__all__ = ["random_state", "set_random_state"]


def random_state(data: Any = None) -> dict[str, Any]:
    """Return the states of deepnet's, Python's and NumPy's global generators and of those that ``data`` draws from."""
    import deepnet as dn

    state: dict[str, Any] = {"deepnet": dn.get_rng_state(), "python": random.getstate()}
    if "numpy" in sys.modules:
        import numpy as np

        state["numpy"] = np.random.get_state()  # noqa: NPY002
    state["data"] = [generator.get_state() for generator in _generators(data)]
    return state


def set_random_state(state: dict[str, Any], data: Any = None) -> None:
    """Put back what `random_state` returned."""
    import deepnet as dn

    dn.set_rng_state(state["deepnet"])
    random.setstate(state["python"])
    if "numpy" in state:
        import numpy as np

        np.random.set_state(state["numpy"])  # noqa: NPY002
    generators = list(_generators(data))
    if len(generators) != len(state["data"]):
        raise ValueError(
            f"resume: the data draws from {len(generators)} generators of its own, the checkpoint has {len(state['data'])}"
        )
    for generator, saved in zip(generators, state["data"], strict=True):
        generator.set_state(saved)


def _generators(data: Any) -> Iterator[Any]:
    """The generators of a loader and of its samplers, each once."""
    seen: set[int] = set()
    holders = [data, getattr(data, "sampler", None), getattr(data, "batch_sampler", None)]
    holders.append(getattr(holders[-1], "sampler", None))
    for holder in holders:
        generator = getattr(holder, "generator", None)
        if generator is not None and hasattr(generator, "get_state") and id(generator) not in seen:
            seen.add(id(generator))
            yield generator
