"""``deepnet info``."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

import deepnet as dn

__all__ = ["info"]


def info() -> int:
    """Print versions, the build, the instruction set chosen, threads, and whether CUDA can be used."""
    print(f"deepnet {dn.__version__} in Python {platform.python_version()} ({sys.executable})")
    for name in ("numpy", "safetensors", "tqdm", "pillow", "matplotlib", "tensorboardX"):
        try:
            print(f"  {name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            print(f"  {name} not installed")
    print(f"{platform.system()} {platform.release()} on {platform.machine()}")
    shown = dn.show_config()
    if isinstance(shown, str):
        print(shown)
    return 0
