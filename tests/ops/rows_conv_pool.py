"""Convolution, its transpose, pooling, unfolding."""

from __future__ import annotations

import numpy as np
import windows as w
from op_case import OpCase, call, f, given, refuses

SUM = (1e-12, 3e-6)
SHORT = ("float16", "bfloat16")


def channels(name, n):
    x, shape = f(*(1, 3, *[5] * n)), (2, 2, *[3] * n)
    return refuses(x, f(*shape), error=(ValueError, RuntimeError), words=rf"{name}.*: .*3.*2|{name}.*channels")


def conv(n, *calls, **more):
    name = f"F.conv{n}d"
    return OpCase(
        name,
        w.conv,
        calls,
        rtol=SUM,
        refusals=(
            channels("conv", n),
            refuses(f(1, 2, *[2] * n), f(2, 2, *[3] * n), error=(ValueError, RuntimeError), words=r"conv.*: .*kernel.*"),
            refuses(f(2, 2), f(2, 2, *[3] * n), error=ValueError, words=rf"conv{n}d: .*\(2, 2\)")
            if n > 1
            else channels("conv", n),
        ),
        **more,
    )


def transposed(n, *calls):
    return OpCase(f"F.conv_transpose{n}d", w.conv_transpose, calls, rtol=SUM, refusals=(channels("conv_transpose", n),))


def max_pool(n, *calls):
    too_large = refuses(f(1, 1, *[2] * n), 5, error=(ValueError, RuntimeError), words="max_pool.*: ")
    padded = refuses(f(1, 1, *[6] * n), 2, padding=2, error=(ValueError, RuntimeError), words="max_pool.*: pad.*")
    return [
        OpCase(f"F.max_pool{n}d", w.max_pool(n, False), calls, refusals=(too_large, padded), dtypes=SHORT),
        OpCase(f"F.max_pool{n}d_with_indices", w.max_pool(n, True), calls[:2]),
    ]


def avg_pool(n, *calls):
    return OpCase(
        f"F.avg_pool{n}d",
        w.avg_pool(n),
        calls,
        rtol=(1e-13, 1e-6),
        refusals=(
            refuses(f(1, 1, *[2] * n), 5, error=(ValueError, RuntimeError), words="avg_pool.*: "),
            refuses(f(1, 1, *[6] * n), 2, padding=2, error=(ValueError, RuntimeError), words="avg_pool.*: pad.*"),
        ),
    )


def adaptive(n, *sizes):
    calls = tuple(call(f(2, 2, *size), out) for size, out in sizes)
    return [
        OpCase(f"F.adaptive_avg_pool{n}d", w.adaptive_pool(n, lambda window, *_: window.mean(-1)), calls, rtol=(1e-13, 1e-6)),
        OpCase(f"F.adaptive_max_pool{n}d", lambda x, size: w.adaptive_pool(n, w.largest)(x, size)[0], calls),
        OpCase(f"F.adaptive_max_pool{n}d_with_indices", w.adaptive_pool(n, w.largest), calls[:1]),
    ]


def lp_pool(n, *calls):
    return OpCase(f"F.lp_pool{n}d", w.lp_pool(n), calls, rtol=(1e-12, 2e-6))


def unpool(n, size):
    """The indices lie within each window, as pooling gives them."""
    index = np.arange(int(np.prod([s * 2 for s in size]))).reshape([s * 2 for s in size])[
        tuple(slice(1, None, 2) for _ in size)
    ]
    return OpCase(
        f"F.max_unpool{n}d", w.unpool(n), (call(f(2, 3, *size), given(np.broadcast_to(index, (2, 3, *size)).copy()), 2),)
    )


ROWS = [
    conv(1, call(f(2, 3, 9), f(4, 3, 3), f(4)), call(f(2, 4, 9), f(6, 2, 3), None, 2, 1, 2, 2), call(f(1, 2, 40), f(3, 2, 5), stride=3), call(f(2, 3, 8), f(5, 3, 1))),
    conv(2, call(f(2, 3, 6, 7), f(4, 3, 3, 3), f(4)), call(f(2, 4, 7, 8), f(6, 2, 3, 2), f(6), (2, 1), (1, 0), (1, 2), 2), call(f(2, 4, 5, 5), f(8, 1, 3, 3), None, 1, 1, 1, 4),
         call(f(2, 5, 6, 6), f(3, 5, 1, 1), f(3), 2), call(f(2, 3, 9, 9), f(17, 3, 3, 3), f(17), 1, 1), call(f(0, 3, 5, 5), f(4, 3, 3, 3), f(4))),
    conv(3, call(f(1, 2, 4, 5, 4), f(3, 2, 2, 3, 2), f(3)), call(f(2, 4, 4, 4, 5), f(4, 2, 3, 3, 3), None, 2, 1, 1, 2)),
    transposed(1, call(f(2, 3, 5), f(3, 4, 3), f(4)), call(f(2, 4, 5), f(4, 3, 3), f(6), 3, 1, 2, 2, 2)),
    transposed(2, call(f(2, 3, 4, 5), f(3, 4, 3, 3), f(4)), call(f(2, 4, 4, 3), f(4, 3, 3, 2), f(6), (2, 3), (1, 0), (1, 2), 2), call(f(1, 2, 3, 3), f(2, 3, 2, 2), None, 2), call(f(1, 2, 4, 4), f(2, 2, 3, 3), None, 1, 1, 0, 1, 2)),
    transposed(3, call(f(1, 2, 3, 3, 2), f(2, 3, 2, 3, 2), f(3), 2, 1)),
    *max_pool(1, call(f(2, 3, 9), 2), call(f(2, 3, 9), 3, 2, 1, 2, ceil_mode=True)),
    *max_pool(2, call(f(2, 3, 6, 7), 2), call(f(2, 3, 7, 9), (3, 2), (2, 1), (1, 0), (1, 2)), call(f(2, 2, 7, 7), 3, 2, 1, ceil_mode=True), call(f(1, 2, 40, 36), 3, 1, 1)),
    *max_pool(3, call(f(1, 2, 4, 5, 4), 2), call(f(1, 2, 5, 5, 6), 3, 2, 1)),
    avg_pool(1, call(f(2, 3, 9), 2), call(f(2, 3, 9), 3, 2, 1, True, False)),
    avg_pool(2, call(f(2, 3, 6, 7), 2), call(f(2, 3, 7, 9), (3, 2), (2, 1), (1, 0)), call(f(2, 2, 7, 7), 3, 2, 1, ceil_mode=True), call(f(2, 2, 7, 7), 3, 2, 1, count_include_pad=False), call(f(1, 2, 6, 6), 2, divisor_override=3)),
    avg_pool(3, call(f(1, 2, 4, 5, 4), 2), call(f(1, 2, 5, 5, 6), 3, 2, 1, count_include_pad=False)),
    *adaptive(1, ((9,), 4), ((6,), 3), ((3,), 5)),
    *adaptive(2, ((6, 7), (3, 4)), ((8, 8), 1), ((5, 6), (None, 2))),
    *adaptive(3, ((4, 5, 6), (2, 3, 3)),),
    lp_pool(1, call(f(2, 3, 9, low=0.2), 2.0, 3), call(f(2, 3, 9, low=0.2), 3.0, 2, 1)),
    lp_pool(2, call(f(2, 3, 6, 6, low=0.2), 2.0, 2)),
    lp_pool(3, call(f(1, 2, 4, 4, 4, low=0.2), 2.0, 2)),
    unpool(1, (4,)),
    unpool(2, (3, 4)),
    unpool(3, (2, 3, 2)),
    OpCase("F.unfold", w.unfold, (call(f(2, 3, 5, 6), 2), call(f(2, 3, 6, 6), (3, 2), 2, 1, 2)), refusals=(refuses(f(3, 5), 2, error=ValueError, words=r"unfold: .*\(3, 5\)"),)),
    OpCase("F.fold", w.fold, (call(f(2, 12, 20), (5, 6), 2), call(f(2, 8, 9), (5, 5), 2, 1, 1, 2)), refusals=(refuses(f(2, 12, 7), (5, 6), 2, error=ValueError, words="fold: .*blocks"),)),
]  # fmt: skip
