"""Gradients: backward passes, modes, custom functions, checks."""

from deepnet.autograd import functional, graph
from deepnet.autograd.anomaly import detect_anomaly, set_detect_anomaly
from deepnet.autograd.backward import backward, grad
from deepnet.autograd.check import gradcheck, gradgradcheck
from deepnet.autograd.function import Function, FunctionCtx, once_differentiable
from deepnet.autograd.mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from deepnet.autograd.variable import Variable

__all__ = [
    "Function",
    "FunctionCtx",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "once_differentiable",
    "set_detect_anomaly",
    "set_grad_enabled",
]
