"""Wrappers that spread a module over devices."""

from __future__ import annotations

from typing import Any

from ..modules.module import Module


class DataParallel(Module):
    """Runs the module on one device, whatever `device_ids` names; the state's keys begin with "module." as in PyTorch.

    Parameters
    ----------
    module : Module
    device_ids, output_device : optional
        Accepted; one process here drives one device.
    dim : int
        The batch axis.
    """

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        super().__init__()
        self.module = module
        self.device_ids = list(device_ids) if device_ids is not None else []
        self.output_device = output_device
        self.dim = dim

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Call the module."""
        return self.module(*inputs, **kwargs)


__all__ = ["DataParallel"]
