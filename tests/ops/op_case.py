"""What one test row says of an operator: how it is called, what NumPy gives, which derivatives it has, what it refuses."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import deepnet as dn


@dataclass(frozen=True)
class Input:
    """A tensor that a row asks for: distinct values in [low, high), none within 0.05 of a kink."""

    shape: tuple[int, ...]
    low: float = -2.0
    high: float = 2.0
    kinks: tuple[float, ...] = ()
    dtype: str | None = None  # None: the one that the test runs in
    grad: bool = True
    values: Any = None

    def array(self, rng: np.random.Generator, dtype: str) -> np.ndarray:
        """Draw the values: float32's where the test's dtype is floating, so that every dtype sees the same."""
        kind = self.dtype or dtype
        if self.values is not None:
            return np.array(self.values, numpy_dtype(kind)).reshape(self.shape)
        if kind == "bool":
            return np.array(rng.random(self.shape) < 0.5)
        if not kind.startswith(("float", "bfloat")):
            low = max(self.low, 0) if kind.startswith("u") else self.low
            return rng.integers(round(low), max(round(self.high), round(low) + 1), self.shape).astype(kind)
        n = int(np.prod(self.shape))
        spread = (rng.permutation(n) + rng.uniform(0.25, 0.75, n)) / max(n, 1)
        x = (self.low + (self.high - self.low) * spread).reshape(self.shape)
        for kink in self.kinks:
            x = np.where(abs(x - kink) < 0.05, kink + np.where(x < kink, -0.07, 0.07), x)
        return np.array(x, np.float32).astype(numpy_dtype(kind))

    @property
    def floats(self) -> bool:
        return self.dtype is None and self.grad


def numpy_dtype(name: str) -> str:
    return {"bfloat16": "float32", "float16": "float32"}.get(name, name)


def f(*shape: int, low: float = -2.0, high: float = 2.0, kinks: tuple[float, ...] = (), grad: bool = True) -> Input:
    """Return floating values of a shape."""
    return Input(shape, low, high, kinks, grad=grad)


def ints(*shape: int, low: int = 0, high: int = 5) -> Input:
    """Return int64 in [low, high): indices, classes."""
    return Input(shape, low, high, dtype="int64")


def bools(*shape: int) -> Input:
    return Input(shape, dtype="bool")


def given(values: Any, dtype: str | None = None, grad: bool = True) -> Input:
    """Return values written out; floats follow the test's dtype."""
    array = np.asarray(values)
    kind = dtype or (None if array.dtype.kind == "f" else array.dtype.name)
    return Input(array.shape, dtype=kind, values=array, grad=grad)


@dataclass(frozen=True)
class Call:
    """Arguments for one call; Input stands for tensors, also within lists."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def call(*args: Any, **kwargs: Any) -> Call:
    return Call(args, kwargs)


@dataclass(frozen=True)
class Refusal:
    """Arguments that an operator refuses, the error's type, and words that must stand in it (a regular expression)."""

    call: Call
    error: type[Exception]
    words: str


def refuses(*args: Any, error: type[Exception] = RuntimeError, words: str, **kwargs: Any) -> Refusal:
    return Refusal(call(*args, **kwargs), error, words)


@dataclass(frozen=True)
class OpCase:
    """One operator's row."""

    name: str  # "softmax" of deepnet, or "F.conv2d" of deepnet.nn.functional
    reference: Callable[..., Any] | None
    calls: tuple[Call, ...]
    derivatives: int = 2  # 0: none is recorded; 1: the second refuses by name
    elementwise: bool = False  # shapes broadcast: empty, 0-d and expanded inputs are tried too
    dtypes: tuple[str, ...] = ()  # beyond float64 and float32
    only: tuple[str, ...] = ()  # instead of them
    refusals: tuple[Refusal, ...] = ()
    rtol: tuple[float, float] = (1e-13, 1e-6)  # of float64 and float32, of each value or of the largest
    each: bool = False  # each value's own relative error
    aliases: tuple[str, ...] = ()  # other names of the same function
    check: Callable[..., None] | None = None  # instead of a reference: check(result, *arguments)
    extremes: bool = False  # the reference holds for infinities, NaN, denormals and the largest numbers too
    same_bits: bool = True  # held to the same bits on strided inputs and every instruction set
    function: Callable[..., Any] | None = field(default=None, repr=False)

    def resolve(self) -> Callable[..., Any]:
        if self.function is not None:
            return self.function
        return resolve(self.name)

    def rng(self, i: int) -> np.random.Generator:
        return np.random.default_rng([zlib.crc32(self.name.encode()), i])

    def with_refusals(self, *refusals: Refusal) -> OpCase:
        return replace(self, refusals=refusals)


def resolve(name: str) -> Callable[..., Any]:
    """Find a public function by its row's name."""
    where: Any = dn
    if name.startswith("F."):
        where, name = dn.nn.functional, name[2:]
    for part in name.split("."):
        where = getattr(where, part)
    return where


def map_inputs(value: Any, f: Callable[[Input], Any]) -> Any:
    """Replace each Input in nested arguments."""
    if isinstance(value, Input):
        return f(value)
    if isinstance(value, Call):
        return call(*map_inputs(value.args, f), **map_inputs(value.kwargs, f))
    if isinstance(value, dict):
        return {k: map_inputs(v, f) for k, v in value.items()}
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return type(value)(map_inputs(v, f) for v in value)
    return value


class Sample:
    """One call of a row with its values drawn: for NumPy and, again and again, for deepnet."""

    def __init__(self, row: OpCase, i: int, dtype: str = "float64", given: Call | None = None) -> None:
        self.row, self.call, self.dtype = row, given or row.calls[i], dtype
        rng = row.rng(i)
        self.specs: list[Input] = []
        self.arrays: list[np.ndarray] = []

        def draw(spec: Input) -> Any:
            x = spec.array(rng, dtype)
            if dtype in ("float16", "bfloat16") and spec.dtype is None:
                x = dn.tensor(x).to(getattr(dn, dtype)).float().numpy()
            self.specs.append(spec)
            self.arrays.append(x)
            return None

        map_inputs(self.call, draw)

    def expected(self) -> list[Any]:
        """Return the reference's results, computed in float64."""
        wide = iter([a.astype(np.float64) if a.dtype.kind == "f" else a for a in self.arrays])
        with_arrays = map_inputs(self.call, lambda _: next(wide))
        with np.errstate(all="ignore"):
            return flatten(self.row.reference(*with_arrays.args, **with_arrays.kwargs))

    def tensors(self, arrays: list[np.ndarray] | None = None, device: str = "cpu") -> list[dn.Tensor]:
        """Return fresh tensors of the values, in the dtype that the sample runs in."""
        made = []
        for spec, a in zip(self.specs, arrays or self.arrays, strict=True):
            t = dn.tensor(a, dtype=getattr(dn, spec.dtype or self.dtype), device=device)
            made.append(t)
        return made

    def run(self, tensors: list[dn.Tensor], function: Callable[..., Any] | None = None) -> Any:
        """Call the operator; draws of random numbers are the same each time."""
        feed = iter(tensors)
        filled = map_inputs(self.call, lambda _: next(feed))
        dn.manual_seed(11)
        return (function or self.row.resolve())(*filled.args, **filled.kwargs)

    def differentiable(self) -> list[int]:
        """Return the positions of the inputs that gradients are asked for."""
        return [i for i, s in enumerate(self.specs) if s.floats and self.dtype.startswith("float")]


def flatten(result: Any) -> list[Any]:
    """Return the results one by one, whatever holds them; None is left out."""
    if isinstance(result, (tuple, list)):
        return [leaf for part in result for leaf in flatten(part)]
    return [] if result is None else [result]


def floating(result: Any) -> list[dn.Tensor]:
    return [t for t in flatten(result) if isinstance(t, dn.Tensor) and t.dtype.is_floating_point]


def to_numpy(value: Any) -> np.ndarray:
    if isinstance(value, dn.Tensor):
        value = value.detach().cpu()
        return (value.float() if value.dtype in (dn.float16, dn.bfloat16) else value).numpy()
    return np.asarray(value)


def bits(value: Any) -> bytes:
    """Return shape and bytes of a result, every NaN as the same one."""
    a = np.ascontiguousarray(to_numpy(value))
    if a.dtype.kind == "f":
        a = np.where(np.isnan(a), np.array(np.nan, a.dtype), a)
    return repr((a.shape, a.dtype.str)).encode() + a.tobytes()
