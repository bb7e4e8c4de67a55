"""What was built, what was chosen, threads and memory."""

from __future__ import annotations

import sys
from typing import Any, TextIO

from deepnet import _core
from deepnet._core import empty_cache, get_num_threads, memory_stats, reset_peak_memory_stats, set_num_threads


def show_config(file: TextIO | None = None) -> None:
    """Print the version, instruction sets built and chosen, threads, and CUDA."""
    from deepnet import cuda
    from deepnet.version import __version__

    out = file or sys.stdout
    chosen = _core.active_isa()
    print(f"deepnet {__version__}", file=out)
    print(f"  instruction sets built: {', '.join(_core.built_isas())}; chosen: {chosen}", file=out)
    if chosen == "portable":
        print("  portable is the scalar reference: right everywhere and slow by design", file=out)
    print(f"  threads: {get_num_threads()} of {_core.available_threads()} that affinity and cgroup allow", file=out)
    state = f"{cuda.device_count()} device(s)" if cuda.is_available() else f"not available: {cuda.why_not()}"
    print(f"  CUDA: {state}", file=out)
    memory = memory_stats()
    print(
        f"  CPU memory: {memory['allocated_bytes'] / 2**20:.1f} MiB in use, {memory['cached_bytes'] / 2**20:.1f} MiB cached",
        file=out,
    )


class _Info:
    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in self.__dict__.items())})"


class finfo(_Info):
    """Limits of a floating dtype: bits, eps, max, min, tiny.

    Examples
    --------
    >>> import deepnet
    >>> deepnet.finfo(deepnet.float32).bits
    32
    """

    def __init__(self, dtype: Any = None) -> None:
        t = dtype or _core.get_default_dtype()
        table = {
            _core.float16: (16, 2.0**-10, 65504.0, 2.0**-14, 2.0**-24),
            _core.bfloat16: (16, 2.0**-7, (2 - 2.0**-7) * 2.0**127, 2.0**-126, 2.0**-133),
            _core.float32: (32, 2.0**-23, (2 - 2.0**-23) * 2.0**127, 2.0**-126, 2.0**-149),
            _core.float64: (64, 2.0**-52, sys.float_info.max, sys.float_info.min, 2.0**-1074),
        }
        if t not in table:
            raise TypeError(f"finfo: needs a floating dtype, got {t}")
        bits, eps, top, tiny, least = table[t]
        super().__init__(
            bits=bits,
            eps=eps,
            max=top,
            min=-top,
            tiny=tiny,
            smallest_normal=tiny,
            smallest_subnormal=least,
            resolution=eps,
            dtype=str(t).split(".")[-1],
        )


class iinfo(_Info):
    """Limits of an integer dtype: bits, max, min."""

    def __init__(self, dtype: Any) -> None:
        if dtype.is_floating_point or dtype is _core.bool:
            raise TypeError(f"iinfo: needs an integer dtype, got {dtype}")
        bits = dtype.itemsize * 8
        signed = dtype.is_signed
        super().__init__(
            bits=bits, max=2 ** (bits - signed) - 1, min=-(2 ** (bits - 1)) if signed else 0, dtype=str(dtype).split(".")[-1]
        )


__all__ = [
    "empty_cache",
    "finfo",
    "get_num_threads",
    "iinfo",
    "memory_stats",
    "reset_peak_memory_stats",
    "set_num_threads",
    "show_config",
]
