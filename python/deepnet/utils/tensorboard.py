"""TensorBoard's SummaryWriter, where tensorboardX is installed."""

try:
    from tensorboardX import SummaryWriter
except ImportError:
    raise ImportError("TensorBoard logs need tensorboardX: pip install deepnet-core[tensorboard]") from None

__all__ = ["SummaryWriter"]
