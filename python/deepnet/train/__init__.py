"""Training: a loop that reads like its description, listeners, checkpoints, evaluation, a model's summary."""

from deepnet.train.callbacks import Callback, CSVLog, EarlyStopping, Schedule, TensorBoard
from deepnet.train.checkpoint import Checkpoint
from deepnet.train.evaluate import evaluate, predict
from deepnet.train.fit import fit
from deepnet.train.history import History
from deepnet.train.metrics import accuracy, confusion_matrix
from deepnet.train.nonfinite import NonFiniteLoss
from deepnet.train.run import Run
from deepnet.train.summary import Summary, summary

__all__ = [
    "CSVLog",
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "History",
    "NonFiniteLoss",
    "Run",
    "Schedule",
    "Summary",
    "TensorBoard",
    "accuracy",
    "confusion_matrix",
    "evaluate",
    "fit",
    "predict",
    "summary",
]
