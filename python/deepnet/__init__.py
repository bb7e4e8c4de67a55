"""deepnet: deep learning with the same bits everywhere.

PyTorch's names over kernels of its own. `import deepnet as torch` is what most programs must change.
"""

from typing import TYPE_CHECKING

from deepnet import _core, autograd, cuda, documentation, linalg, methods, random
from deepnet._core import (
    Tensor,
    bfloat16,
    bool,
    device,
    double,
    dtype,
    float,
    float16,
    float32,
    float64,
    get_default_dtype,
    half,
    int,
    int8,
    int16,
    int32,
    int64,
    long,
    promote_types,
    result_type,
    set_default_dtype,
    short,
    uint8,
)
from deepnet.accumulate import accumulate
from deepnet.autograd import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from deepnet.capture import capture
from deepnet.config import *
from deepnet.creation import *
from deepnet.linalg import cholesky, det, logdet, matrix_power, slogdet
from deepnet.linalg import inv as inverse
from deepnet.operators import *
from deepnet.printing import set_printoptions
from deepnet.random import *
from deepnet.size import Size
from deepnet.version import __version__

if TYPE_CHECKING:
    from deepnet import nn, optim, utils

documentation.apply()

strided = "strided"
contiguous_format = "contiguous_format"
channels_last = "channels_last"
channels_last_3d = "channels_last_3d"
preserve_format = "preserve_format"

_LAZY = {"io", "masked", "nn", "optim", "signal", "special", "train", "utils", "vision"}


def __getattr__(name):  # type: ignore[no-untyped-def]
    """Import heavy parts when they are first used."""
    import importlib

    if name in _LAZY:
        return importlib.import_module(f"deepnet.{name}")
    if name in ("save", "load"):
        return getattr(importlib.import_module("deepnet.io"), name)
    if name == "summary":
        return importlib.import_module("deepnet.train").summary
    raise AttributeError(f"module 'deepnet' has no attribute {name!r}")
