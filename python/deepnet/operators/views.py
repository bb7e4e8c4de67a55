"""Other shapes of the same elements: views, and the copies of views."""

from __future__ import annotations

import builtins
import itertools
from typing import Any

from deepnet import _core
from deepnet._core import Tensor
from deepnet.operators._call import dims as _dims
from deepnet.operators._call import takes_out, wrap_dim
from deepnet.operators._call import tensors as _tensors
from deepnet.size import Size


def reshape(input: Tensor, *shape: Any, **named: Any) -> Tensor:
    """Return input's elements in another shape: a view where one shows them, else a copy. One size may be -1."""
    return _core.reshape(input, _dims(shape) if shape or "shape" not in named else named["shape"])


def permute(input: Tensor, *dims: Any, **named: Any) -> Tensor:
    """Return a view with the dims in another order."""
    return _core.permute(input, _dims(dims) if dims or "dims" not in named else named["dims"])


def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Return a view without dims of size 1: all of them, or those named."""
    return _core.squeeze(input, dim)


def broadcast_to(input: Tensor, size: Any) -> Tensor:
    """Return a view expanded to size."""
    return _core.expand(input, size)


def moveaxis(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Return a view with dims moved."""
    return _core.movedim(input, source, destination)


def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """Return a view with two dims swapped."""
    return _core.transpose(input, axis0, axis1)


def swapdims(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Return a view with two dims swapped."""
    return _core.transpose(input, dim0, dim1)


def adjoint(input: Tensor) -> Tensor:
    """Return a view with the last two dims swapped: the transposes of a batch of matrices, shape (..., N, M)."""
    return _core.transpose(input, -2, -1)


def t(input: Tensor) -> Tensor:
    """Return the transpose of a tensor of at most 2 dims."""
    if input.ndim > 2:
        raise RuntimeError(f"t: needs at most 2 dims, got shape {tuple(input.shape)}")
    return _core.view_as_self(input) if input.ndim < 2 else _core.transpose(input, 0, 1)


def ravel(input: Tensor) -> Tensor:
    """Return the elements in one dim: a view where input is contiguous."""
    return _core.reshape(input, (-1,))


def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of consecutive parts along dim: of one size (the last may be smaller), or of the sizes listed."""
    if isinstance(split_size_or_sections, (list, tuple)):
        return _core.split_with_sizes(tensor, list(split_size_or_sections), dim)
    if tensor.ndim == 0:
        raise RuntimeError("split: needs at least 1 dim, got a 0-d tensor")
    step, total = int(split_size_or_sections), tensor.shape[wrap_dim("split", dim, tensor.ndim)]
    if step <= 0 and (step < 0 or total):
        raise RuntimeError(f"split: split_size must be positive, got {step}")
    if total == 0:
        return (_core.view_as_self(tensor),)
    sizes = [step] * (total // step) + ([total % step] if total % step else [])
    return _core.split_with_sizes(tensor, sizes, dim)


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Return at most `chunks` views of nearly equal parts along dim."""
    if chunks < 1:
        raise RuntimeError(f"chunk: chunks must be positive, got {chunks}")
    if input.ndim == 0:
        raise RuntimeError("chunk: needs at least 1 dim, got a 0-d tensor")
    total = input.shape[wrap_dim("chunk", dim, input.ndim)]
    if total == 0:
        return tuple(_core.view_as_self(input) for _ in builtins.range(chunks))
    return split(input, -(-total // chunks), dim)


def tensor_split(
    input: Tensor, indices_or_sections: Any = None, dim: int = 0, *, indices: Any = None, sections: Any = None
) -> tuple[Tensor, ...]:
    """Return views of parts along dim: a number of nearly equal ones, or those between the indices given.

    Raises
    ------
    RuntimeError
        If input is 0-d, the number of sections is not positive, or a tensor of indices is not 0-d or 1-d.
    """
    if input.ndim == 0:
        raise RuntimeError("tensor_split: needs at least 1 dim, got a 0-d tensor")
    d = wrap_dim("tensor_split", dim, input.ndim)
    where = next((w for w in (indices_or_sections, indices, sections) if w is not None), None)
    if isinstance(where, Tensor):
        if where.ndim > 1 or where.dtype is not _core.int64:
            raise RuntimeError(
                f"tensor_split: indices must be int64 and 0-d or 1-d, got {where.dtype} of shape {tuple(where.shape)}"
            )
        where = where.tolist()
    total = input.shape[d]
    if isinstance(where, int):
        if where < 1:
            raise RuntimeError(f"tensor_split: sections must be positive, got {where}")
        small, extra = divmod(total, where)
        bounds = [0]
        for i in builtins.range(where):
            bounds.append(bounds[-1] + small + (i < extra))
    else:
        bounds = [0, *(int(i) for i in where), total]  # type: ignore[union-attr]
    parts = []
    for start, end in itertools.pairwise(bounds):
        first, last, _ = slice(start, end).indices(total)
        parts.append(_core.narrow(input, d, first, max(last - first, 0)))
    return tuple(parts)


def _along(name: str, dim: int, least: int) -> Any:
    def part(input: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, ...]:
        if input.ndim < least:
            raise RuntimeError(f"{name}: needs at least {least} dim{'s' * (least > 1)}, got shape {tuple(input.shape)}")
        d = dim if name != "hsplit" or input.ndim > 1 else 0
        given = [*args, *kwargs.values()]
        if len(given) != 1:
            raise TypeError(f"{name}: takes a number of parts or the indices between them, got {len(given)} arguments")
        where = given[0]
        if isinstance(where, int) and (where < 1 or input.shape[d] % where):
            raise RuntimeError(f"{name}: dim {d} of size {input.shape[d]} does not split into {where} equal parts")
        return tensor_split(input, where, d)

    part.__name__ = part.__qualname__ = name
    part.__doc__ = f"Return views of parts along dim {dim}: a number of equal ones, or those between the indices given."
    return part


hsplit = _along("hsplit", 1, 1)
vsplit = _along("vsplit", 0, 2)
dsplit = _along("dsplit", 2, 3)


def _at_least(n: int) -> Any:
    def widen(x: Any) -> Tensor:
        if x.ndim >= n:
            return x
        if n == 3 and x.ndim == 1:
            return _core.reshape(x, (1, -1, 1))
        return _core.reshape(x, (1,) * (n - x.ndim) + tuple(x.shape)) if n < 3 or x.ndim == 0 else _core.unsqueeze(x, -1)

    def atleast(*tensors: Any) -> Any:
        if len(tensors) == 1 and isinstance(tensors[0], Tensor):
            return widen(tensors[0])
        return tuple(widen(x) for x in _tensors(tensors))

    atleast.__name__ = atleast.__qualname__ = f"atleast_{n}d"
    atleast.__doc__ = f"Return a view of a tensor, or of each tensor, with at least {n} dims."
    return atleast


atleast_1d, atleast_2d, atleast_3d = _at_least(1), _at_least(2), _at_least(3)


@takes_out
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return a matrix with a vector on a diagonal, or a copy of a matrix's diagonal."""
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    if input.ndim != 2:
        raise RuntimeError(f"diag: needs 1 or 2 dims, got shape {tuple(input.shape)}")
    return _core.clone(_core.diagonal(input, diagonal, 0, 1))


def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Return matrices, in dims dim1 and dim2, with input's last dim on a diagonal and zeros elsewhere."""
    n = input.ndim + 1
    d1, d2 = wrap_dim("diag_embed", dim1, n), wrap_dim("diag_embed", dim2, n)
    if d1 == d2:
        raise RuntimeError(f"diag_embed: dim1 and dim2 must differ, got {dim1} and {dim2}")
    size = input.shape[-1] + abs(offset)
    result = _core.full_size((*input.shape[:-1], size, size), 0, dtype=input.dtype, device=input.device)
    _core.diagonal(result, offset, -2, -1).copy_(input)
    return _core.movedim(result, (-2, -1), (d1, d2))


def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """Return a matrix with all of input's elements on a diagonal."""
    return diag_embed(_core.reshape(input, (-1,)), offset)


@takes_out
def trace(input: Tensor) -> Tensor:
    """Return the sum of a matrix's diagonal, 0-d.

    Raises
    ------
    RuntimeError
        If input is not 2-d.
    """
    if input.ndim != 2:
        raise RuntimeError(f"trace: needs a matrix, got shape {tuple(input.shape)}")
    return _core.sum(_core.diagonal(input, 0, 0, 1))


def flip(input: Tensor, *dims: Any, **named: Any) -> Tensor:
    """Return a copy with the order along dims reversed."""
    return _core.flip(input, _dims(dims) if dims or "dims" not in named else named["dims"])


def fliplr(input: Tensor) -> Tensor:
    """Return a copy with dim 1 reversed."""
    if input.ndim < 2:
        raise RuntimeError(f"fliplr: needs at least 2 dims, got shape {tuple(input.shape)}")
    return _core.flip(input, 1)


def flipud(input: Tensor) -> Tensor:
    """Return a copy with dim 0 reversed."""
    if input.ndim < 1:
        raise RuntimeError("flipud: needs at least 1 dim, got a 0-d tensor")
    return _core.flip(input, 0)


def rot90(input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """Return a copy turned by k quarter turns from the first of two dims towards the second.

    Raises
    ------
    RuntimeError
        If dims are not two different ones.
    """
    a, b = (wrap_dim("rot90", d, input.ndim) for d in dims)
    if a == b:
        raise RuntimeError(f"rot90: dims must differ, got {tuple(dims)}")
    k %= 4
    if k == 0:
        return _core.clone(input)
    if k == 2:
        return _core.flip(input, (a, b))
    return _core.transpose(_core.flip(input, b if k == 1 else a), a, b).contiguous()


def roll(input: Tensor, shifts: Any, dims: Any = ()) -> Tensor:
    """Return a copy with elements moved by shifts along dims; those that leave one end enter at the other."""
    return _core.roll(input, shifts, () if dims is None else dims)


def broadcast_shapes(*shapes: Any) -> Size:
    """Return the shape that shapes broadcast to.

    Raises
    ------
    RuntimeError
        If a dim has two sizes other than 1.
    """
    result: list[int] = []
    for shape in shapes:
        sizes = [shape] if isinstance(shape, int) else list(shape)
        if len(sizes) > len(result):
            result = [1] * (len(sizes) - len(result)) + result
        for i in builtins.range(1, len(sizes) + 1):
            if sizes[-i] < 0:
                raise RuntimeError(f"broadcast_shapes: sizes must not be negative, got {tuple(sizes)}")
            if sizes[-i] != 1 and result[-i] not in (1, sizes[-i]):
                raise RuntimeError(f"broadcast_shapes: shapes must broadcast, got {shapes}")
            result[-i] = sizes[-i] if sizes[-i] != 1 else result[-i]
    return Size(result)


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Return views of the tensors expanded to their common shape."""
    given = _tensors(tensors)
    shape = broadcast_shapes(*(x.shape for x in given))
    return tuple(_core.expand(x, shape) for x in given)


def sum_to_size(input: Tensor, *size: Any) -> Tensor:
    """Return input summed over what broadcasting from `size` repeats, so that it has that shape.

    Raises
    ------
    RuntimeError
        If size does not broadcast to input's shape.
    """
    target = _dims(size)
    lead = input.ndim - len(target)
    if lead < 0 or any(s not in (1, n) for s, n in zip(target, input.shape[lead:], strict=True)):
        raise RuntimeError(f"sum_to_size: {tuple(target)} does not broadcast to {tuple(input.shape)}")
    over = [i for i in builtins.range(input.ndim) if i < lead or (target[i - lead] == 1 and input.shape[i] != 1)]
    return _core.reshape(_core.sum(input, over), target) if over else input


def _copied(view: Any, name: str) -> Any:
    def copy(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        result = view(input, *args, **kwargs)
        return _core.clone(result) if isinstance(result, Tensor) else tuple(_core.clone(part) for part in result)

    copy.__name__ = copy.__qualname__ = f"{name}_copy"
    copy.__doc__ = f"As `{name}`, but in memory of its own."
    return takes_out(copy)


def _expand(input: Tensor, size: Any, *, implicit: bool = False) -> Tensor:
    return _core.expand(input, size)


def _view(input: Tensor, size: Any) -> Tensor:
    return _core.view(input, size)


alias_copy = _copied(_core.view_as_self, "alias")
detach_copy = _copied(_core.detach, "detach")
diagonal_copy = _copied(_core.diagonal, "diagonal")
expand_copy = _copied(_expand, "expand")
narrow_copy = _copied(_core.narrow, "narrow")
permute_copy = _copied(_core.permute, "permute")
select_copy = _copied(_core.select, "select")
split_copy = _copied(split, "split")
split_with_sizes_copy = _copied(_core.split_with_sizes, "split_with_sizes")
squeeze_copy = _copied(squeeze, "squeeze")
t_copy = _copied(t, "t")
transpose_copy = _copied(_core.transpose, "transpose")
unbind_copy = _copied(_core.unbind, "unbind")
unfold_copy = _copied(_core.unfold_dim, "unfold")
unsqueeze_copy = _copied(_core.unsqueeze, "unsqueeze")
view_copy = _copied(_view, "view")
