"""NVIDIA GPUs: whether there are any, and what they do.

The CUDA backend is a module of its own, loaded when it is first asked for; without a driver everything here answers, and says
why.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from deepnet import _core

_module: ModuleType | None = None
_why: str | None = None


def _load() -> ModuleType | None:
    """Import the CUDA module once and register its devices."""
    global _module, _why
    if _module is not None or _why is not None:
        return _module if _why is None else None
    try:
        from deepnet import _cuda
    except ImportError as error:
        _why = (
            "this build of deepnet has no CUDA backend"
            if "_cuda" in str(error) and "cannot import" in str(error)
            else str(error)
        )
        _core.set_why_no_cuda(_why)
        return None
    reason = _cuda.why_not()
    if reason:
        _why = reason
        _core.set_why_no_cuda(_why)
        return None
    for i in range(_cuda.device_count()):
        _core.register_cuda_backend(i, _cuda.backend_pointer(i))
    _module = _cuda
    return _module


_core.set_cuda_loader(_load)


def is_available() -> bool:
    """Return whether a GPU can be used. Never raises."""
    return _load() is not None and device_count() > 0


def why_not() -> str | None:
    """Return why no GPU can be used, or None where one can."""
    _load()
    return _why


def device_count() -> int:
    """Return how many GPUs there are."""
    module = _load()
    return 0 if module is None else int(module.device_count())


def _need() -> Any:
    module = _load()
    if module is None:
        raise RuntimeError(f"cuda: not available: {_why}")
    return module


def _index(device: Any) -> int:
    if device is None:
        return current_device()
    if isinstance(device, int):
        return device
    return _core.device(device).index or 0


_current = 0


def current_device() -> int:
    """Return the index of the device that 'cuda' means."""
    return _current


def set_device(device: Any) -> None:
    """Set the device that 'cuda' means."""
    global _current
    _current = _index(device)


@contextlib.contextmanager
def device(index: Any) -> Iterator[None]:
    """Make 'cuda' mean another device inside the block."""
    before = current_device()
    set_device(index)
    try:
        yield
    finally:
        set_device(before)


def synchronize(device: Any = None) -> None:
    """Wait for a device's kernels, and raise what they reported."""
    _need().synchronize(_index(device))


def get_device_name(device: Any = None) -> str:
    """Return a device's name."""
    return str(_need().device_name(_index(device)))


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """Return a device's compute capability."""
    major, minor = _need().device_capability(_index(device))
    return int(major), int(minor)


def memory_stats(device: Any = None) -> dict[str, int]:
    """Return the caching allocator's counts of bytes."""
    return dict(_need().memory_stats(_index(device)))


def memory_allocated(device: Any = None) -> int:
    """Return the bytes of live tensors on a device; 0 where there is none."""
    return int(memory_stats(device).get("allocated_bytes", 0)) if is_available() else 0


def max_memory_allocated(device: Any = None) -> int:
    """Return the most bytes that were ever live on a device; 0 where there is none."""
    return int(memory_stats(device).get("peak_allocated_bytes", 0)) if is_available() else 0


def empty_cache() -> None:
    """Give cached device memory back; nothing where there is no device."""
    if is_available():
        _need().empty_cache(_index(None))


def manual_seed(seed: int) -> None:
    """Set the seed: one stream serves every device."""
    _core.default_generator.manual_seed(int(seed))


manual_seed_all = manual_seed


def is_bf16_supported() -> bool:
    """Return whether kernels take bfloat16: they do wherever there is a device."""
    return is_available()


def is_initialized() -> bool:
    """Return whether the CUDA module is loaded."""
    return _module is not None


def __getattr__(name: str) -> Any:
    if name in ("Stream", "Event"):
        return getattr(_need(), name)
    raise AttributeError(f"module 'deepnet.cuda' has no attribute {name!r}")
