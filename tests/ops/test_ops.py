"""What every row of tests/ops must show: values, derivatives, strides, broadcasting, refusals, devices, instruction sets."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hash_rows import outcome
from op_case import Input, Sample, bits, flatten, floating, map_inputs, resolve, to_numpy
from rows import ROWS

import deepnet as dn
from deepnet.nn import functional as F

HALF = {"float16": 2e-3, "bfloat16": 1.6e-2}  # two roundings
SETS = ["portable", "neon"] if platform.machine() in ("aarch64", "arm64") else ["portable", "avx2", "avx512"]


def dtypes(row):
    return row.only or ("float64", "float32", *row.dtypes)


def each_dtype():
    return [pytest.param(row, dtype, id=f"{name}-{dtype}") for name, row in ROWS.items() for dtype in dtypes(row)]


def having(condition):
    return [pytest.param(row, id=name) for name, row in ROWS.items() if condition(row)]


def samples(row, dtype="float64"):
    return [Sample(row, i, dtype) for i in range(len(row.calls))]


def compare(row, dtype, got, want):
    """Each result has the reference's shape and its values to the row's tolerance."""
    assert len(got) == len(want), f"{len(got)} results, the reference gives {len(want)}"
    for g, w in zip(got, want, strict=True):
        g, w = to_numpy(g), np.asarray(w)
        assert g.shape == w.shape
        if g.dtype.kind != "f":
            np.testing.assert_array_equal(g, w.astype(g.dtype))
            continue
        rtol = HALF.get(dtype) or row.rtol[dtype == "float32"]
        g, w = g.astype(np.float64), w.astype(np.float64)
        finite = np.isfinite(w)
        np.testing.assert_array_equal(g[~finite], w[~finite])
        if row.each and dtype not in HALF:
            np.testing.assert_allclose(g, w, rtol=rtol, atol=0)
        else:
            largest = max([1e-30, *abs(w[finite])])
            np.testing.assert_allclose(g, w, rtol=rtol, atol=rtol * largest)


@pytest.mark.parametrize(("row", "dtype"), each_dtype())
def test_values(row, dtype):
    for sample in samples(row, dtype):
        tensors = sample.tensors()
        result = sample.run(tensors)
        if row.check is not None:
            arguments = map_inputs(sample.call, lambda _, feed=iter(sample.arrays): next(feed))
            row.check(*map(to_numpy, flatten(result)), *arguments.args, **arguments.kwargs)
        else:
            compare(row, dtype, flatten(result), sample.expected())
        for before, after in zip(sample.arrays, tensors, strict=True):
            np.testing.assert_array_equal(to_numpy(after), before)  # inputs stay as they were


EXTREMES = [0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.5, -0.5, 2.5, -2.5, 88.8, -88.8, -103.5, 1e10, -1e10]
EXTREMES_OF = {
    "float32": [1e-40, -1e-40, 1e-45, 3e38, -3e38, 1e-30, -1e-30],
    "float64": [1e-310, -1e-310, 5e-324, 1.7e308, -1.7e308, 1e-200, -1e-200, 709.0, -745.0],
}


@pytest.mark.parametrize("row", having(lambda row: row.extremes))
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_extremes(row, dtype):
    """Infinities, NaN, denormals and the ends of the range give what NumPy gives; denormal results to three units."""
    x = np.array(EXTREMES + EXTREMES_OF[dtype], dtype)
    with np.errstate(all="ignore"):
        want = np.asarray(row.reference(x.astype(np.float64))).astype(row.resolve()(dn.tensor(x)).numpy().dtype)
    got = to_numpy(row.resolve()(dn.tensor(x)))
    unit = np.finfo(dtype).smallest_subnormal
    np.testing.assert_allclose(got, want, rtol=row.rtol[dtype == "float32"], atol=3 * unit if got.dtype.kind == "f" else 0)


# Derivatives, along one random direction, by central differences with Richardson's step: the error falls as h**4.


def slope(f, h=1e-3):
    whole, half = ((f(t) - f(-t)) / (2 * t) for t in (h, h / 2))
    return (4 * half - whole) / 3


def directions(sample, seed):
    rng = np.random.default_rng(seed)
    return {i: rng.uniform(-1, 1, sample.arrays[i].shape) for i in sample.differentiable()}


def moved(sample, along, t):
    return [a + t * along[i] if i in along else a for i, a in enumerate(sample.arrays)]


def leaves(sample, arrays):
    tensors = sample.tensors(arrays)
    wanted = [tensors[i].requires_grad_() for i in sample.differentiable()]
    return tensors, wanted


def weights(sample, seed=5):
    """A random weight for each element of each floating result: what the gradient starts from."""
    rng = np.random.default_rng(seed)
    results = floating(sample.run(sample.tensors()))
    shapes = [tuple(r.shape) for r in results]
    drawn = [rng.uniform(0.5, 1.5, shape) * rng.choice([-1, 1], shape) for shape in shapes]
    return [dn.tensor(d, dtype=r.dtype) for d, r in zip(drawn, results, strict=True)]


def gradients(sample, arrays, start, create_graph=False):
    tensors, wanted = leaves(sample, arrays)
    results = [(r, s) for r, s in zip(floating(sample.run(tensors)), start, strict=True) if r.requires_grad]
    assert results, "no result has a gradient"
    outputs, starts = zip(*results, strict=True)
    grads = dn.autograd.grad(outputs, wanted, starts, create_graph=create_graph, allow_unused=True)
    return wanted, [dn.zeros_like(w) if g is None else g for w, g in zip(wanted, grads, strict=True)]


def agree(numeric, recorded, scale):
    assert abs(numeric - recorded) <= 1e-6 * max(abs(numeric), abs(recorded)) + 1e-9 * scale, (numeric, recorded)


def with_gradients(row):
    return [s for s in samples(row) if s.differentiable() and s.row.derivatives]


@pytest.mark.parametrize("row", having(lambda row: row.derivatives and "float64" in dtypes(row)))
def test_gradient(row):
    found = with_gradients(row)
    assert found, "no call has floating inputs"
    for sample in found:
        start, along = weights(sample), directions(sample, 3)

        def loss(t, sample=sample, start=start, along=along):
            results = floating(sample.run(sample.tensors(moved(sample, along, t))))
            return sum(float((to_numpy(r) * to_numpy(s)).sum()) for r, s in zip(results, start, strict=True))

        _, grads = gradients(sample, sample.arrays, start)
        terms = [to_numpy(g) * along[i] for g, i in zip(grads, along, strict=True)]
        agree(slope(loss), sum(float(t.sum()) for t in terms), 1 + sum(float(abs(t).sum()) for t in terms))


@pytest.mark.parametrize("row", having(lambda row: row.derivatives == 2 and "float64" in dtypes(row)))
def test_second_gradient(row):
    for sample in with_gradients(row):
        start, along, onto = weights(sample), directions(sample, 3), directions(sample, 4)
        rng = np.random.default_rng(6)
        shift = [rng.uniform(-1, 1, tuple(s.shape)) for s in start]

        def projected(t, sample=sample, start=start, along=along, onto=onto, shift=shift):
            """<gradient at the moved inputs and starts, onto>: by the kernels of the first order."""
            begin = [dn.tensor(to_numpy(s) + t * d, dtype=s.dtype) for s, d in zip(start, shift, strict=True)]
            _, grads = gradients(sample, moved(sample, along, t), begin)
            return sum(float((to_numpy(g) * onto[i]).sum()) for g, i in zip(grads, onto, strict=True))

        begin = [s.clone().requires_grad_() for s in start]
        wanted, grads = gradients(sample, sample.arrays, begin, create_graph=True)
        total = sum((g * dn.tensor(onto[i])).sum() for g, i in zip(grads, onto, strict=True))
        recorded, scale = 0.0, 1.0
        if total.requires_grad:
            second = dn.autograd.grad(total, [*wanted, *begin], allow_unused=True)
            for g, d in zip(second, [*along.values(), *shift], strict=True):
                if g is not None:
                    recorded += float((to_numpy(g) * d).sum())
                    scale += float(abs(to_numpy(g) * d).sum())
        agree(slope(projected), recorded, scale)


@pytest.mark.parametrize("row", having(lambda row: row.derivatives == 1))
def test_second_gradient_refuses_by_name(row):
    sample = with_gradients(row)[0]
    start = weights(sample)

    def twice():
        wanted, grads = gradients(sample, sample.arrays, start, create_graph=True)
        dn.autograd.grad(sum(g.sum() for g in grads), wanted, allow_unused=True)

    with pytest.raises(RuntimeError, match=row.name.split(".")[-1]):
        twice()


@pytest.mark.parametrize("row", having(lambda row: not row.derivatives and "float64" in dtypes(row)))
def test_records_nothing(row):
    for sample in samples(row):
        if sample.differentiable():
            tensors, _ = leaves(sample, None)
            assert not any(r.requires_grad for r in flatten(sample.run(tensors)) if isinstance(r, dn.Tensor))


def transposed(t):
    """The same values, dims in reverse order in memory."""
    order = tuple(reversed(range(t.ndim)))
    return t.permute(*order).contiguous().permute(*order) if t.ndim > 1 else t


def spread(t):
    """The same values in every third place, from the second on."""
    if t.ndim == 0:
        return dn.stack([t, t])[1]
    return dn.stack([t, t, t], -1)[..., 1]


def results_and_gradients(sample, tensors):
    wanted = [tensors[i].detach().requires_grad_() for i in sample.differentiable()]
    feed = dict(zip(sample.differentiable(), wanted, strict=True))
    result = sample.run([feed.get(i, t) for i, t in enumerate(tensors)])
    found = flatten(result)
    recorded = [r for r in floating(result) if r.requires_grad]
    if recorded and wanted:
        starts = [dn.linspace(-1, 1, max(r.numel(), 1), dtype=r.dtype)[: r.numel()].reshape(r.shape) for r in recorded]
        found += flatten(dn.autograd.grad(recorded, wanted, starts, allow_unused=True))
    return [bits(r) for r in found]


@pytest.mark.parametrize("row", having(lambda row: row.same_bits))
@pytest.mark.parametrize("layout", [transposed, spread])
def test_strides_do_not_change_bits(row, layout):
    for sample in samples(row, dtypes(row)[-1] if row.only else "float32"):
        plain = sample.tensors()
        assert results_and_gradients(sample, [layout(t) for t in plain]) == results_and_gradients(sample, plain)


@pytest.mark.parametrize("row", having(lambda row: row.elementwise))
def test_broadcast_empty_and_scalar(row):
    """Broadcast inputs give their expanded copies' bits; no elements give none; 0-d gives 0-d."""
    dtype = dtypes(row)[0]
    for sample in samples(row, dtype):
        tensors = sample.tensors()
        shape = dn.broadcast_shapes(*[t.shape for t in tensors]) if tensors else ()
        expanded = [t.expand(shape).contiguous() for t in tensors]
        got, want = flatten(sample.run(tensors)), flatten(sample.run(expanded))
        assert [bits(g) for g in got] == [bits(w) for w in want]
        for size in [(0, 3), ()]:
            cut = [t.reshape(-1)[: int(np.prod(size))].reshape(size) for t in expanded]
            for r in flatten(sample.run(cut)):
                assert r.shape == size
        first = [t.reshape(-1)[0] for t in expanded]
        for r, w in zip(flatten(sample.run(first)), want, strict=True):
            assert bits(r) == bits(w.reshape(-1)[0])


@pytest.mark.parametrize("row", having(lambda row: row.refusals))
def test_refuses(row):
    for refusal in row.refusals:
        dtype = dtypes(row)[0]
        sample = Sample(row, 0, dtype, given=refusal.call)
        tensors = sample.tensors()
        with pytest.raises(refusal.error, match=refusal.words):
            sample.run(tensors)


@pytest.mark.parametrize(("alias", "row"), [pytest.param(a, r, id=a) for r in ROWS.values() for a in r.aliases])
def test_alias(alias, row):
    sample = Sample(row, 0, dtypes(row)[0])
    tensors = sample.tensors()
    got = flatten(sample.run(tensors, resolve(alias)))
    assert [bits(g) for g in got] == [bits(w) for w in flatten(sample.run(tensors))]


def in_place():
    """Functions and methods whose names end in _, and the rows of their plain forms."""
    names = [*dn.operators.__all__, *(f"F.{n}" for n in F.__all__), *(f"Tensor.{n}" for n in dir(dn.Tensor))]
    found = []
    for name in names:
        plain = name.removeprefix("Tensor.")[:-1]
        row = ROWS.get(plain) or ROWS.get(f"F.{plain}") or next((r for r in ROWS.values() if plain in r.aliases), None)
        if name.endswith("_") and not name.endswith("__") and row is not None and row.reference and name not in ROWS:
            found.append(pytest.param(name, row, id=name))
    return found


def changes_its_input(sample):
    """Whether the plain form's result could take its first input's place."""
    if not (sample.call.args and isinstance(sample.call.args[0], Input)):
        return False
    tensors = sample.tensors()
    results = flatten(sample.run(tensors))
    return len(results) == 1 and (results[0].shape, results[0].dtype) == (tensors[0].shape, tensors[0].dtype)


@pytest.mark.parametrize(("name", "row"), in_place())
def test_in_place(name, row):
    """The in-place form returns its first argument, which holds the plain form's bits; its gradient is the plain form's."""
    sample = next((s for s in samples(row, dtypes(row)[0]) if changes_its_input(s)), None)
    if sample is None:
        pytest.skip("no call of the row gives a result of the input's shape and dtype")
    tensors = sample.tensors()
    want = [bits(r) for r in flatten(sample.run(tensors))]
    assert sample.run(tensors, resolve(name)) is tensors[0]
    assert [bits(tensors[0])] == want
    if row.derivatives and sample.differentiable():
        start = weights(sample)
        _, plain = gradients(sample, sample.arrays, start)
        tensors, wanted = leaves(sample, None)
        tensors[0] = tensors[0] * 1
        changed = sample.run(tensors, resolve(name))
        grads = dn.autograd.grad(changed, wanted, start[0], allow_unused=True)
        for p, g, w in zip(plain, grads, wanted, strict=True):
            assert bits(p) == bits(dn.zeros_like(w) if g is None else g)


@pytest.mark.cuda
@pytest.mark.parametrize("row", having(lambda row: "float32" in dtypes(row)))
def test_cuda(row):
    """On a GPU: the CPU's values and gradients in float32, to ten times the row's tolerance; the same bits when run again."""

    def outcome(device):
        tensors = sample.tensors(device=device)
        wanted = [tensors[i].requires_grad_() for i in sample.differentiable()]
        result = sample.run(tensors)
        recorded = [r for r in floating(result) if r.requires_grad]
        starts = [dn.cos(dn.arange(r.numel(), dtype=r.dtype)).reshape(r.shape).to(device) for r in recorded]
        grads = dn.autograd.grad(recorded, wanted, starts, allow_unused=True) if recorded else ()
        assert all(r.device.type == device for r in floating(result))
        return [to_numpy(r) for r in [*flatten(result), *flatten(grads)]]

    for sample in samples(row, "float32"):
        got = outcome("cuda")
        assert [bits(g) for g in got] == [bits(g) for g in outcome("cuda")]
        if row.check is None:
            compare(replace(row, rtol=(row.rtol[0], 10 * row.rtol[1]), each=False), "float32", got, outcome("cpu"))


@pytest.fixture(scope="module")
def here():
    return {name: outcome(row) for name, row in ROWS.items() if row.same_bits}


@pytest.mark.parametrize("isa", SETS)
def test_instruction_sets(isa, here):
    """Values and gradients of every row have the same bits on each instruction set, in a process of its own."""
    script = Path(__file__).with_name("hash_rows.py")
    env = {**os.environ, "DEEPNET_ISA": isa, "DEEPNET_NUM_THREADS": "3"}
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env=env)
    if run.returncode and isa in run.stderr and "Error" in run.stderr.splitlines()[-1]:
        pytest.skip(run.stderr.splitlines()[-1])
    assert run.returncode == 0, run.stderr
    there = json.loads(run.stdout)
    assert {name for name in here if here[name] != there[name]} == set()
