"""The layers as functions, in PyTorch's names: one file per family."""

from .activation import *
from .attention import *
from .conv import *
from .ctc import *
from .distance import *
from .dropout import *
from .embedding import *
from .fold import *
from .interpolate import *
from .linear import *
from .loss import *
from .margin_loss import *
from .norm import *
from .padding import *
from .pooling import *
from .vision import *
