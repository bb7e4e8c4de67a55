"""``deepnet info``."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

import deepnet as dn

__all__ = ["info"]


def info() -> int:
    """Print versions, the build, the instruction set chosen, threads, and whether CUDA can be used."""
    dn.show_config()
    print(
        f"Python {platform.python_version()} ({sys.executable}) on {platform.system()} {platform.release()}, "
        f"{platform.machine()}"
    )
    for name in ("numpy", "safetensors", "tqdm", "pillow", "matplotlib", "tensorboardX"):
        try:
            print(f"  {name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            print(f"  {name} not installed")
    return 0
