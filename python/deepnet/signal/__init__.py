"""Signal processing."""

from deepnet.signal import windows

__all__ = ["windows"]
