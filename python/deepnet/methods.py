"""Tensor's methods that are not operators of the extension as they stand."""

from __future__ import annotations

import builtins
from typing import Any

from deepnet import _core, creation, draws, linalg, operators, printing
from deepnet._core import Tensor
from deepnet._core import dtype as DType
from deepnet.autograd import backward as _backward
from deepnet.autograd.graph import RemovableHandle
from deepnet.operators._call import dims as _dims

_DTYPES = {
    "float": _core.float32,
    "double": _core.float64,
    "half": _core.float16,
    "bfloat16": _core.bfloat16,
    "int": _core.int32,
    "long": _core.int64,
    "short": _core.int16,
    "bool": _core.bool,
    "char": _core.int8,
    "byte": _core.uint8,
}


# Operators that also write into their first argument, under their name with an underscore.
_INPLACE = """
    masked_scatter scatter scatter_add scatter_reduce index_add index_copy tril triu gather cumsum cumprod renorm index_fill
    index_reduce clip clamp_min clamp_max addbmm addmm addmv addr baddbmm deg2rad rad2deg float_power frac fix ldexp logit
    nan_to_num sinc logaddexp2 i0 igamma igammac mvlgamma put absolute negative multiply subtract divide greater
    greater_equal less less_equal not_equal arccos arcsin arctan arccosh arcsinh arctanh arctan2 eq ne lt le gt ge
    logical_and logical_or logical_xor logical_not polygamma
""".split()

# Operators whose first argument is not the tensor that a method would belong to.
_NOT_METHODS = set(
    """
    atleast_1d atleast_2d atleast_3d block_diag broadcast_shapes broadcast_tensors bucketize cartesian_prod cat cdist celu
    chain_matmul column_stack combinations concat concatenate cumulative_trapezoid dstack einsum elu embedding gelu hstack i1
    is_tensor isin meshgrid polygamma row_stack searchsorted selu stack tensordot trapezoid trapz unravel_index vander vstack
""".split()
)


def size(self: Tensor, dim: int | None = None) -> Any:
    """Return the shape, or the size of one dim."""
    return self.shape if dim is None else self.shape[dim]


def view(self: Tensor, *shape: Any) -> Tensor:
    """Return a view of another shape (or, given a dtype, the same bytes as that type)."""
    if len(shape) == 1 and isinstance(shape[0], DType):
        return _view_dtype(self, shape[0])
    return _core.view(self, _dims(shape))


def _view_dtype(self: Tensor, dtype: DType) -> Tensor:
    if dtype.itemsize != self.dtype.itemsize:
        raise RuntimeError(f"view: {dtype} and {self.dtype} differ in size")
    return self if dtype is self.dtype else _core.reinterpret(self, dtype)


def expand(self: Tensor, *sizes: Any) -> Tensor:
    """Return a view with dims of size 1 repeated."""
    return _core.expand(self, _dims(sizes))


def to(
    self: Tensor,
    *args: Any,
    dtype: DType | None = None,
    device: Any = None,
    non_blocking: bool = False,
    copy: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Return the tensor with another dtype or device, or both; itself where nothing changes."""
    for a in args:
        if isinstance(a, Tensor):
            dtype, device = a.dtype, a.device
        elif isinstance(a, DType):
            dtype = a
        elif isinstance(a, bool):
            continue
        elif a is not None:
            device = a
    return _core.convert(self, dtype, device, copy)


def type(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """Return the type's name, or the tensor converted to a dtype or to such a name."""
    if dtype is None:
        names = {
            _core.float32: "Float",
            _core.float64: "Double",
            _core.float16: "Half",
            _core.bfloat16: "BFloat16",
            _core.int64: "Long",
            _core.int32: "Int",
            _core.int16: "Short",
            _core.int8: "Char",
            _core.uint8: "Byte",
            _core.bool: "Bool",
        }
        return f"deepnet.{'cuda.' if self.is_cuda else ''}{names[self.dtype]}Tensor"
    if isinstance(dtype, str):
        short = dtype.split(".")[-1].removesuffix("Tensor").lower()
        dtype = _DTYPES.get(short) or getattr(_core, short)
    return _core.convert(self, getattr(dtype, "dtype", dtype))


def numpy(self: Tensor, *, force: bool = False) -> Any:
    """Return a NumPy array that shares the memory (force: detached and copied to the CPU as needed)."""
    import numpy as np

    t = self.detach().cpu() if force else self
    if t.requires_grad:
        raise RuntimeError("numpy: the tensor requires a gradient; use detach().numpy()")
    if t.dtype is _core.bfloat16:
        raise TypeError("numpy: NumPy has no bfloat16; convert to float32 first")
    if t.is_cuda:
        raise TypeError("numpy: the tensor is not on the CPU; use .cpu() first")
    return np.asarray(memoryview(t)) if t.numel() else np.empty(tuple(t.shape), dtype=str(t.dtype).split(".")[-1])


def __array__(self: Tensor, dtype: Any = None, copy: Any = None) -> Any:
    array = numpy(self)
    if dtype is not None and array.dtype != dtype:
        return array.astype(dtype, copy=bool(copy))
    return array.copy() if copy else array


def tolist(self: Tensor) -> Any:
    """Return the elements as nested lists of Python numbers."""
    if self.ndim == 0:
        return self.item()
    t = self.detach().cpu()
    if t.dtype is _core.bfloat16:
        t = t.float()
    if t.numel() == 0:
        return [tolist(row) for row in t] if t.ndim > 1 else []
    return memoryview(t.contiguous()).tolist()


def backward(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Accumulate the gradients of this tensor into the leaves' `.grad`; see `deepnet.autograd.backward`."""
    if gradient is None and retain_graph is None and not create_graph and inputs is None:
        _core.backward_one(self)
        return
    _backward(self, None if gradient is None else [gradient], retain_graph, create_graph, inputs)


def register_hook(self: Tensor, hook: Any) -> RemovableHandle:
    """Call hook with this tensor's gradient; what it returns replaces it."""
    return RemovableHandle(_core.register_hook(self, hook, False))


def register_post_accumulate_grad_hook(self: Tensor, hook: Any) -> RemovableHandle:
    """Call hook with this leaf after its gradient was accumulated."""
    return RemovableHandle(_core.register_hook(self, hook, True))


def __deepcopy__(self: Tensor, memo: dict[int, Any]) -> Tensor:
    if id(self) in memo:
        return memo[id(self)]
    if not self.is_leaf:
        raise RuntimeError("deepcopy: only leaves can be copied; detach the tensor first")
    copy = self.detach().clone()
    cls = self.__class__
    result = copy.requires_grad_(self.requires_grad) if cls is Tensor else _core.make_subclass(cls, copy, self.requires_grad)
    memo[id(self)] = result
    if self.grad is not None:
        result.grad = self.grad.__deepcopy__(memo)
    result.__dict__.update(self.__dict__)
    return result


def _rebuild(
    cls: Any, data: bytes, dtype: str, shape: tuple[int, ...], requires_grad: bool, attributes: dict[str, Any]
) -> Tensor:
    raw = bytearray(data)
    kind = getattr(_core, dtype)
    flat = _core.from_buffer(memoryview(raw)) if raw else _core.empty_size((0,), dtype=_core.uint8)
    t = _core.reinterpret(flat, kind).reshape(shape).clone()
    t = t.requires_grad_(requires_grad) if cls is Tensor else _core.make_subclass(cls, t, requires_grad)
    t.__dict__.update(attributes)
    return t


def __reduce_ex__(self: Tensor, protocol: Any) -> Any:
    if not self.is_leaf:
        raise RuntimeError("pickle: only leaves can be pickled; detach the tensor first")
    host = self.detach().cpu().contiguous()
    data = memoryview(_core.reinterpret(host.view(-1), _core.uint8)).tobytes() if host.numel() else b""
    name = str(self.dtype).split(".")[-1]
    return _rebuild, (self.__class__, data, name, tuple(self.shape), self.requires_grad, dict(self.__dict__))


def __format__(self: Tensor, spec: str) -> str:
    return format(self.item(), spec) if self.ndim == 0 and spec else format(str(self), spec)


def __contains__(self: Tensor, value: Any) -> bool:
    return bool((self == value).any())


def __dlpack__(self: Tensor, *, stream: Any = None, **ignored: Any) -> Any:
    return _core.to_dlpack(self)


def __dlpack_device__(self: Tensor) -> tuple[int, int]:
    return (2, self.device.index or 0) if self.is_cuda else (1, 0)


def cuda(self: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Tensor:
    """Return the tensor on a GPU."""
    return _core.convert(self, None, "cuda" if device is None else device)


def cpu(self: Tensor, memory_format: Any = None) -> Tensor:
    """Return the tensor on the CPU."""
    return _core.convert(self, None, "cpu")


def new(self: Tensor, *args: Any) -> Tensor:
    """Return a tensor of this dtype and device from sizes or data."""
    if args and not isinstance(args[0], int):
        return creation.tensor(args[0], dtype=self.dtype, device=self.device)
    return _core.empty_size(args if args else (0,), dtype=self.dtype, device=self.device)


def _maker(make: Any) -> Any:
    def method(self: Tensor, *args: Any, dtype: DType | None = None, device: Any = None, **kwargs: Any) -> Tensor:
        return make(*args, dtype=dtype or self.dtype, device=device or self.device, **kwargs)

    method.__doc__ = f"As `deepnet.{make.__name__}`, with this tensor's dtype and device unless given."
    return method


def _inplace(name: str, compute: Any) -> Any:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return _core.assign_(self, compute, args, kwargs)

    method.__name__, method.__doc__ = name, f"As `{name.rstrip('_')}`, into this tensor."
    return method


def _view_inplace(name: str, view: Any) -> Any:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return _core.take_view_(self, view(self, *args, **kwargs))

    method.__name__, method.__doc__ = name, f"Give this tensor the geometry that `{name.rstrip('_')}` gives a view of it."
    return method


def _attach() -> None:
    T: Any = Tensor
    for name in operators.__all__:
        f = getattr(operators, name)
        if callable(f) and not isinstance(f, builtins.type) and name not in _NOT_METHODS:
            setattr(T, name, f)
    own = dict(globals())
    for name in (
        "size",
        "view",
        "expand",
        "to",
        "type",
        "numpy",
        "__array__",
        "tolist",
        "backward",
        "register_hook",
        "register_post_accumulate_grad_hook",
        "__deepcopy__",
        "__reduce_ex__",
        "__format__",
        "__contains__",
        "__dlpack__",
        "__dlpack_device__",
        "cuda",
        "cpu",
        "new",
    ):
        setattr(T, name, own[name])
    for name in draws.__all__:
        setattr(T, name, getattr(draws, name))
    for name, dtype in _DTYPES.items():
        setattr(T, name, _converter(name, dtype))
    for make in (creation.zeros, creation.ones, creation.full, creation.empty, creation.tensor):
        setattr(T, f"new_{make.__name__}", _maker(make))
    T.__repr__ = printing.tensor_repr
    T.__array_priority__ = 1000
    T.grad_fn = property(_core.grad_fn)
    T._make_subclass = staticmethod(lambda cls, data, requires_grad=False: _core.make_subclass(cls, data, requires_grad))
    T.unfold, T.dim, T.stride, T.nelement, T.ndimension = _core.unfold_dim, _core.dim, _stride, _core.numel, _core.dim
    T.element_size = lambda self: self.itemsize
    T.get_device = lambda self: self.device.index if self.is_cuda else -1
    T.is_pinned = lambda self, device=None: False
    T.pin_memory = lambda self, device=None: self
    T.share_memory_ = lambda self: self
    T.is_shared = lambda self: False
    T.is_set_to = lambda self, other: (
        self.data_ptr() == other.data_ptr() and self.shape == other.shape and self.stride() == other.stride()
    )
    T.expand_as = lambda self, other: _core.expand(self, other.shape)
    T.view_as = lambda self, other: _core.view(self, other.shape)
    T.reshape_as = lambda self, other: _core.reshape(self, other.shape)
    T.type_as = lambda self, other: _core.convert(self, other.dtype, other.device)
    T.is_inference = lambda self: self._is_inference
    T.apply_ = lambda self, f: self.copy_(
        creation.tensor([f(v) for v in self.reshape(-1).tolist()], dtype=self.dtype).reshape(self.shape)
    )
    T.is_sparse = T.is_quantized = T.is_mps = T.is_xpu = T.is_meta = T.is_nested = T.is_mkldnn = False
    T.layout = "strided"
    T.H = property(lambda self: self.mT)
    T.mH = property(lambda self: self.mT)
    T.real = property(lambda self: self)
    T.retains_grad = property(_core.retains_grad)
    T.names = property(lambda self: (None,) * self.ndim)
    T.cholesky, T.det, T.inverse, T.logdet, T.slogdet = linalg.cholesky, linalg.det, linalg.inv, linalg.logdet, linalg.slogdet
    T.matrix_power = linalg.matrix_power
    T.__rdiv__ = lambda self, other: _core.reciprocal(self) * other
    T.where = lambda self, condition, other: _core.where(condition, self, other)
    for name in ("squeeze", "unsqueeze", "transpose", "t", "swapaxes", "swapdims", "as_strided"):
        setattr(T, name + "_", _view_inplace(name + "_", getattr(T, name)))
    T.round_ = _inplace("round_", operators.round)
    T.polygamma = lambda self, n: operators.polygamma(n, self)
    T.storage = T.untyped_storage = lambda self: _Storage(self)
    for name in _INPLACE:
        if hasattr(T, name) and not hasattr(T, name + "_"):
            setattr(T, name + "_", _inplace(name + "_", getattr(T, name)))


class _Storage:
    """What programs ask of a tensor's memory."""

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor

    def data_ptr(self) -> int:
        """Return the address of the first byte."""
        return self._tensor.data_ptr() - self._tensor.storage_offset() * self._tensor.itemsize

    def nbytes(self) -> int:
        """Return the bytes of the elements shown."""
        return self._tensor.nbytes


def _stride(self: Tensor, dim: int | None = None) -> Any:
    strides = _core.strides(self)
    return strides if dim is None else strides[dim]


def _converter(name: str, dtype: DType) -> Any:
    def method(self: Tensor, memory_format: Any = None) -> Tensor:
        return _core.convert(self, dtype)

    method.__name__, method.__doc__ = name, f"Return the tensor as {str(dtype).split('.')[-1]}."
    return method


_attach()
