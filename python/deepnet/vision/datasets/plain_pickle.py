"""Reading a pickle of plain values and arrays without running it.

CIFAR's "python version" is a pickle of a dict of strings, integers and one uint8 array. Python's unpickler would call
whatever a file names; this reader interprets the few opcodes such files use, builds arrays itself, and refuses the rest.
"""

from __future__ import annotations

import pickletools
from typing import Any, NamedTuple

import numpy as np

__all__ = ["read_plain_pickle"]

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
_VALUES = frozenset(
    """
    INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING BINBYTES
    SHORT_BINBYTES UNICODE BINUNICODE SHORT_BINUNICODE
    """.split()
)
_RECONSTRUCT = ("numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct")
_NAMES = frozenset([*_RECONSTRUCT, "numpy ndarray", "numpy dtype", "_codecs encode", "__builtin__ bytes", "builtins bytes"])


class _Name(NamedTuple):
    """A global that the file mentions; never looked up."""

    name: str


class _Array:
    """An ndarray or a dtype half built."""

    def __init__(self, dtype: np.dtype | None = None) -> None:
        self.dtype = dtype
        self.value: np.ndarray | None = None


def read_plain_pickle(data: bytes) -> Any:
    """Return the value of a pickle of dicts, lists, tuples, strings, bytes, numbers and NumPy arrays of numbers.

    Raises
    ------
    ValueError
        If the pickle holds anything else; nothing it names was imported or called.
    """
    reader = _Reader()
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if reader.step(opcode.name, argument):
                return _finished(reader.stack.pop())
    except (IndexError, KeyError, TypeError) as error:
        raise ValueError(f"not a pickle of plain values: {error!r}") from None
    raise ValueError("not a pickle of plain values: it has no end")


class _Reader:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> bool:
        """Do one opcode; True at the end."""
        if name == "STOP":
            return True
        if name in _VALUES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[int(argument)] = self.stack[-1]
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = self.stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[int(argument)])
        elif name == "MARK":
            self.marks.append(len(self.stack))
        elif name in ("PROTO", "FRAME"):
            pass
        else:
            self._combine(name, argument)
        return False

    def _combine(self, name: str, argument: Any) -> None:
        stack = self.stack
        if name in ("GLOBAL", "STACK_GLOBAL"):
            if name == "STACK_GLOBAL":
                attribute, module = stack.pop(), stack.pop()
                argument = f"{module} {attribute}"
            if argument not in _NAMES:
                raise ValueError(f"the pickle names {argument.replace(' ', '.')}, which plain data has no need of; refused")
            stack.append(_Name(argument))
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            count = int(name[-1])
            stack[-count:] = [tuple(stack[-count:])]
        elif name == "APPEND":
            item = stack.pop()
            stack[-1].append(item)
        elif name == "SETITEM":
            value, key = stack.pop(), stack.pop()
            stack[-1][key] = value
        elif name in ("TUPLE", "LIST", "DICT", "APPENDS", "SETITEMS"):
            self._collect(name)
        elif name == "REDUCE":
            arguments, function = stack.pop(), stack.pop()
            stack.append(_reduced(function, arguments))
        elif name == "BUILD":
            _build(stack[-2], stack.pop())
        else:
            raise ValueError(f"the pickle uses opcode {name}, which plain data has no need of; refused")

    def _collect(self, name: str) -> None:
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        if name == "APPENDS":
            self.stack[-1].extend(items)
        elif name == "SETITEMS":
            self.stack[-1].update(zip(items[::2], items[1::2], strict=True))
        else:
            self.stack.append(
                {"TUPLE": tuple, "LIST": list}[name](items)
                if name != "DICT"
                else dict(zip(items[::2], items[1::2], strict=True))
            )


def _reduced(function: Any, arguments: tuple[Any, ...]) -> Any:
    """What the call of an allowed name would give."""
    name = function.name if isinstance(function, _Name) else ""
    if name in _RECONSTRUCT:
        return _Array()
    if name == "numpy dtype":
        dtype = np.dtype(arguments[0])
        if dtype.kind not in "biuf":
            raise ValueError(f"the pickle holds an array of {dtype}; only numbers are read")
        return _Array(dtype)
    if name == "_codecs encode":
        text, encoding = arguments
        return text.encode({"latin1": "latin1"}[encoding])
    if name in ("__builtin__ bytes", "builtins bytes") and arguments == ():
        return b""
    raise ValueError("the pickle makes a call that plain data has no need of; refused")


def _build(target: Any, state: Any) -> None:
    """Fill in a half-built dtype (its byte order) or array."""
    if not isinstance(target, _Array):
        raise ValueError("the pickle sets the state of an object; refused")
    if target.dtype is not None:
        order = state[1].decode() if isinstance(state[1], bytes) else state[1]
        if order in ("<", ">"):
            target.dtype = np.dtype(f"{order}{target.dtype.str[1:]}")
        return
    _, shape, dtype, by_columns, raw = state
    data = raw.encode("latin1") if isinstance(raw, str) else raw
    array = np.frombuffer(data, dtype.dtype).reshape(shape, order="F" if by_columns else "C")
    target.value = array


def _finished(value: Any) -> Any:
    """The value with arrays in place of their builders."""
    if isinstance(value, _Array):
        if value.value is None:
            raise ValueError("the pickle holds an array without values")
        return value.value
    if isinstance(value, _Name):
        raise ValueError(f"the pickle holds {value.name.replace(' ', '.')} itself; refused")
    if isinstance(value, dict):
        return {_finished(key): _finished(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_finished(item) for item in value)
    return value
