"""Views, copies of views, joins, splits, grids."""

from __future__ import annotations

import itertools

import numpy as np
from op_case import OpCase, call, f, given, ints, refuses
from scipy import linalg

import deepnet as dn

EVERY = ("float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")


def row(name, reference, *calls, refusals=(), **more):
    return OpCase(name, reference, calls, dtypes=EVERY, refusals=refusals, **more)


def off(name, *before, **more):
    return refuses(f(2, 3), *before, error=IndexError, words=rf"^{name}: dim must be in \[-2, 1\], got 5", **more)


def as_strided(x, size, stride, storage_offset=0):
    flat = np.ascontiguousarray(x).ravel()
    places = np.full(size, storage_offset)
    for d, (n, s) in enumerate(zip(size, stride, strict=True)):
        places = places + (np.arange(n) * s).reshape([-1 if i == d else 1 for i in range(len(size))])
    return flat[places]


def diag_embed(x, offset=0):
    n = x.shape[-1] + abs(offset)
    y = np.zeros((*x.shape[:-1], n, n), x.dtype)
    i = np.arange(x.shape[-1])
    y[..., i + max(-offset, 0), i + max(offset, 0)] = x
    return y


def unfold(x, dim, size, step):
    return np.moveaxis(np.lib.stride_tricks.sliding_window_view(x, size, dim), -1, -1)[
        (slice(None),) * dim + (slice(None, None, step),)
    ]


def parts(size, dim=0):
    """Where NumPy cuts what PyTorch splits in parts of a size, or of given sizes."""

    def split(x, size, dim=0):
        cuts = np.cumsum(size)[:-1] if isinstance(size, list) else np.arange(size, x.shape[dim], size)
        return np.split(x, cuts, dim)

    return split


def chunk(x, chunks, dim=0):
    size = -(-x.shape[dim] // chunks)
    return np.split(x, np.arange(size, x.shape[dim], size), dim)


def sum_to_size(x, *size):
    lead = x.ndim - len(size)
    return x.sum(tuple(range(lead)) + tuple(lead + i for i, n in enumerate(size) if n == 1), keepdims=True).reshape(size)


VIEWS = [
    row("reshape", lambda x, *s: x.reshape(*s), call(f(3, 4), (2, 6)), call(f(3, 4), -1), call(f(0, 4), (2, 0)), call(f(), (1, 1)),
        refusals=(refuses(f(2, 3), (4, 2), words=r"reshape: .*\(2, 3\).*\(4, 2\)"),)),
    row("permute", np.transpose, call(f(2, 3, 4), (2, 0, 1)), call(f(2, 3), (-1, 0)), refusals=(refuses(f(2, 3), (0, 0), words="permute: .*twice|permute: .*repeat"),)),
    row("transpose", np.swapaxes, call(f(2, 3, 4), 0, 2), call(f(2, 3), -1, 0), refusals=(off("transpose", 5, 0),), aliases=("swapaxes", "swapdims")),
    row("t", np.transpose, call(f(2, 3)), call(f(4)), refusals=(refuses(f(2, 3, 4), words=r"t: .*2 dims.*\(2, 3, 4\)"),)),
    row("adjoint", lambda x: np.swapaxes(x, -1, -2), call(f(2, 3, 4))),
    row("movedim", np.moveaxis, call(f(2, 3, 4), 0, 2), call(f(2, 3, 4), (0, 1), (-1, 0)), aliases=("moveaxis",)),
    row("squeeze", lambda x, dim=None: np.squeeze(x, dim) if dim is None or x.shape[dim] == 1 else x, call(f(1, 3, 1)), call(f(1, 3, 1), 0), call(f(2, 3), 0), refusals=(off("squeeze", 5),)),
    row("unsqueeze", np.expand_dims, call(f(2, 3), 1), call(f(2, 3), -1), call(f(), 0), refusals=(refuses(f(2), 5, error=IndexError, words="unsqueeze: dim must be in"),)),
    row("flatten", lambda x, a=0, b=-1: x.reshape(x.shape[:a] + (-1,) + (x.shape[b + x.ndim + 1 if b < 0 else b + 1 :] if b not in (-1, x.ndim - 1) else ())),
        call(f(2, 3, 4)), call(f(2, 3, 4), 1), call(f(2, 3, 4), 0, 1), call(f())),
    row("unflatten", lambda x, dim, sizes: x.reshape(x.shape[:dim] + tuple(sizes) + x.shape[dim + 1 :]), call(f(2, 6), 1, (2, 3)), refusals=(refuses(f(2, 6), 1, (4, 2), words="unflatten: "),)),
    row("ravel", np.ravel, call(f(2, 3))),
    row("narrow", lambda x, dim, start, length: x.take(range(start, start + length), dim), call(f(4, 5), 1, 1, 3), call(f(4, 5), 0, 4, 0),
        refusals=(refuses(f(4, 5), 1, 3, 4, error=(IndexError, RuntimeError, ValueError), words="narrow: "),)),
    row("select", lambda x, dim, index: np.take(x, index, dim), call(f(4, 5), 1, 3), call(f(4, 5), 0, -1), refusals=(refuses(f(4, 5), 1, 5, error=IndexError, words="select: index .*5"),)),
    row("diagonal", lambda x, offset=0, dim1=0, dim2=1: x.diagonal(offset, dim1, dim2), call(f(4, 5)), call(f(4, 5), 1), call(f(2, 4, 5), -2, 1, 2), call(f(2, 3), 7),
        refusals=(refuses(f(3), error=(IndexError, RuntimeError), words="diagonal: "),)),
    row("as_strided", as_strided, call(f(3, 4), (2, 3), (1, 2)), call(f(3, 4), (2, 2), (4, 1), 3), call(f(3, 4), (2, 3), (0, 1)), same_bits=False,
        refusals=(refuses(f(4), (3, 3), (3, 1), words="as_strided: "),)),
    row("broadcast_to", np.broadcast_to, call(f(3, 1), (2, 3, 4)), call(f(), (3,)), refusals=(refuses(f(3), (2, 4), words=r"\(3,\).*\(2, 4\)"),)),
    row("broadcast_tensors", np.broadcast_arrays, call(f(3, 1), f(4), f())),
    row("atleast_1d", np.atleast_1d, call(f()), call(f(3))),
    row("atleast_2d", np.atleast_2d, call(f()), call(f(3))),
    row("atleast_3d", np.atleast_3d, call(f()), call(f(3)), call(f(2, 3))),
    row("unbind", lambda x, dim=0: [np.take(x, i, dim) for i in range(x.shape[dim])], call(f(3, 4)), call(f(3, 4), -1), refusals=(off("unbind", 5),)),
    row("split", parts(0), call(f(7, 2), 3), call(f(2, 7), [2, 4, 1], 1), refusals=(refuses(f(4), [1, 2], words="split.*: "), off("split", 1, 5))),
    row("chunk", chunk, call(f(7, 2), 3), call(f(2, 6), 3, 1), refusals=(refuses(f(4), 0, error=(ValueError, RuntimeError), words="chunk: "),)),
    row("tensor_split", lambda x, n, dim=0: np.array_split(x, list(n) if isinstance(n, tuple) else n, dim), call(f(7, 2), 3), call(f(2, 7), (1, 5), 1)),
    row("hsplit", np.hsplit, call(f(2, 6), 3), call(f(6), 2), refusals=(refuses(f(), 2, words="hsplit: "),)),
    row("vsplit", np.vsplit, call(f(6, 2), 3), refusals=(refuses(f(3), 3, words="vsplit: "),)),
    row("dsplit", np.dsplit, call(f(2, 2, 6), 3), refusals=(refuses(f(3, 3), 3, words="dsplit: "),)),
]  # fmt: skip

COPIES = [
    row("alias_copy", np.copy, call(f(3, 4))),
    row("detach_copy", np.copy, call(f(3, 4)), derivatives=0),
    row("diagonal_copy", lambda x, offset=0: x.diagonal(offset), call(f(4, 5), 1)),
    row("expand_copy", np.broadcast_to, call(f(3, 1), (2, 3, 4))),
    row("narrow_copy", lambda x, dim, start, length: x.take(range(start, start + length), dim), call(f(4, 5), 1, 1, 3)),
    row("permute_copy", np.transpose, call(f(2, 3, 4), (2, 0, 1))),
    row("select_copy", lambda x, dim, index: np.take(x, index, dim), call(f(4, 5), 1, 3)),
    row("split_copy", parts(0), call(f(7, 2), 3)),
    row("split_with_sizes_copy", parts(0), call(f(7, 2), [3, 4])),
    row("squeeze_copy", np.squeeze, call(f(1, 3, 1))),
    row("t_copy", np.transpose, call(f(2, 3))),
    row("transpose_copy", np.swapaxes, call(f(2, 3, 4), 0, 2)),
    row("unbind_copy", list, call(f(3, 4))),
    row("unfold_copy", unfold, call(f(3, 7), 1, 3, 2)),
    row("unsqueeze_copy", np.expand_dims, call(f(2, 3), 1)),
    row("view_copy", np.reshape, call(f(2, 6), (3, 4)), same_bits=False),
]

JOINS = [
    row("cat", np.concatenate, call([f(2, 3), f(4, 3)]), call([f(2, 3), f(2, 1), f(2, 0)], 1), call([f(3)]), aliases=("concat", "concatenate"),
        refusals=(refuses([f(2, 3), f(2, 4)], words=r"^cat: .*\(2, 3\).*\(2, 4\)"), refuses([], words="^cat: needs at least one tensor"))),
    row("stack", np.stack, call([f(2, 3), f(2, 3)]), call([f(3), f(3), f(3)], -1), refusals=(refuses([f(2), f(3)], words=r"^stack: .*\(2,\).*\(3,\)"),)),
    row("hstack", np.hstack, call([f(2, 3), f(2, 1)]), call([f(2), f()])),
    row("vstack", np.vstack, call([f(2, 3), f(3)]), aliases=("row_stack",)),
    row("dstack", np.dstack, call([f(2, 3), f(2, 3)]), call([f(3), f(3)])),
    row("column_stack", np.column_stack, call([f(3), f(3, 2)])),
    OpCase("block_diag", lambda *x: linalg.block_diag(*x), (call(f(2, 3), f(1, 2)), call(f(3), f(2, 2)))),
    row("cartesian_prod", lambda *x: np.array(list(itertools.product(*x))), call(f(3), f(2))),
    row("combinations", lambda x, r=2, with_replacement=False: np.array(list((itertools.combinations_with_replacement if with_replacement else itertools.combinations)(x, r))),
        call(f(4)), call(f(4), 3), call(f(3), 2, with_replacement=True)),
    row("meshgrid", lambda *x, indexing: np.meshgrid(*x, indexing=indexing), call(f(3), f(2), indexing="ij"), call(f(3), f(2), indexing="xy")),
    row("repeat", lambda x, *n: np.tile(x, n), call(f(2, 3), 2, 2), call(f(2, 3), 2, 1, 2), function=lambda x, *n: x.repeat(*n)),
    row("tile", np.tile, call(f(2, 3), (2, 2)), call(f(2, 3), (2,))),
    row("repeat_interleave", lambda x, n, dim=None: np.repeat(x, n, dim), call(f(2, 3), 2), call(f(2, 3), 3, 1), call(f(3), given([1, 0, 2]), 0)),
]  # fmt: skip

PLACES = [
    row("flip", lambda x, dims: np.flip(x, dims), call(f(2, 3, 4), (0, 2)), call(f(5), (0,)), refusals=(off("flip", (5,)),)),
    row("fliplr", np.fliplr, call(f(2, 3)), refusals=(refuses(f(3), words="fliplr: "),)),
    row("flipud", np.flipud, call(f(2, 3))),
    row("roll", lambda x, shifts, dims=None: np.roll(x, shifts, dims), call(f(3, 4), 2), call(f(3, 4), (1, -2), (0, 1)), refusals=(refuses(f(3, 4), (1, 2), (0,), words="roll: "),)),
    row("rot90", np.rot90, call(f(3, 4)), call(f(2, 3, 4), 3, (1, 2))),
    row("tril", np.tril, call(f(3, 4)), call(f(2, 3, 4), 1), call(f(3, 3), -1), refusals=(refuses(f(3), words="^tril: needs at least 2 dims"),)),
    row("triu", np.triu, call(f(3, 4)), call(f(2, 3, 4), 1), call(f(3, 3), -1), refusals=(refuses(f(3), words="^triu: needs at least 2 dims"),)),
    row("diag", np.diag, call(f(4)), call(f(3, 4), 1), call(f(3), -1), refusals=(refuses(f(2, 2, 2), words="diag: "),)),
    row("diagflat", np.diagflat, call(f(2, 2)), call(f(3), 1)),
    row("diag_embed", diag_embed, call(f(2, 3)), call(f(3), -1)),
    OpCase("sum_to_size", sum_to_size, (call(f(2, 3, 4), 3, 1), call(f(3, 4), 1, 4))),
    row("constant_pad_nd", lambda x, pad, value=0: np.pad(x, [(0, 0), (pad[0], pad[1])], constant_values=value), call(f(2, 3), (1, 2), 3)),
    OpCase("broadcast_shapes", lambda *s: np.array(np.broadcast_shapes(*s)), (call((3, 1), (2, 1, 4)),), derivatives=0,
           function=lambda *s: dn.tensor(list(dn.broadcast_shapes(*s)))),
    OpCase("numel", np.size, (call(f(3, 4)), call(f(0, 2))), derivatives=0),
    OpCase("is_same_size", lambda a, b: a.shape == b.shape, (call(f(3), f(3)), call(f(3), f(3, 1))), derivatives=0),
    OpCase("is_floating_point", lambda x: x.dtype.kind == "f", (call(f(3)), call(ints(3))), derivatives=0),
    OpCase("is_complex", np.iscomplexobj, (call(f(3)),), derivatives=0),
    OpCase("is_nonzero", lambda x: bool(x), (call(given(2.0)), call(given([0]))), derivatives=0, refusals=(refuses(f(2), words="is_nonzero: "),)),
    OpCase("is_tensor", lambda x: True, (call(f(3)),), derivatives=0),
]  # fmt: skip

ROWS = [*VIEWS, *COPIES, *JOINS, *PLACES]
