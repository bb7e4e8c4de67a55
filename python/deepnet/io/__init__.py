"""Files: safetensors and JSON, written atomically, checked on reading, never running code."""

from deepnet.io.checkpoint import CheckpointFolder
from deepnet.io.serialization import load, load_weights, save, save_weights
from deepnet.io.tensors import weights_hash

__all__ = ["CheckpointFolder", "load", "load_weights", "save", "save_weights", "weights_hash"]
