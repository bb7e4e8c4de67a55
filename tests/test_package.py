"""The installed package: light to import, linked to little, typed."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import zlib
from importlib import metadata
from pathlib import Path

import pytest

import deepnet as dn

PACKAGE = Path(dn.__file__).parent
EXTENSIONS = [p for root in {PACKAGE, Path(dn._core.__file__).parent} for p in sorted(root.glob("_c*.so"))]


def python(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


def test_import_leaves_numpy_and_tqdm_alone():
    loaded = python("import deepnet, sys; print(*sys.modules)").split()
    assert "deepnet._core" in loaded
    assert not {"numpy", "tqdm", "safetensors", "PIL", "matplotlib"} & set(loaded)


def test_import_takes_at_most_40_ms():
    def quickest(program):
        times = []
        for _ in range(10):  # processor time: the machine may be busy
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            python(program)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
        return min(times)

    assert quickest("import deepnet") - quickest("pass") < 0.040


def test_every_module_imports_by_itself():
    for name in ("io", "train", "vision", "nn", "optim", "utils.data", "nn.functional", "optim.lr_scheduler", "cli"):
        python(f"import deepnet.{name} as m; assert m.__name__ == 'deepnet.{name}', m.__name__")


@pytest.mark.skipif(shutil.which("readelf") is None, reason="readelf is not installed")
@pytest.mark.parametrize("extension", EXTENSIONS, ids=lambda path: path.name)
def test_extensions_need_the_system_alone(extension):
    dynamic = subprocess.run(["readelf", "-d", extension], capture_output=True, text=True, check=True).stdout
    needed = {line.split("[")[1].rstrip("]") for line in dynamic.splitlines() if "(NEEDED)" in line}
    allowed = (
        "libc.so",
        "libm.so",
        "libpthread.so",
        "libdl.so",
        "librt.so",
        "ld-linux",
        "libgcc_s.so",
        "libstdc++.so",
        "libasan",
        "libubsan",
    )
    assert all(name.startswith(allowed) for name in needed), needed


def test_sizes():
    packed = sum(len(zlib.compress(p.read_bytes(), 6)) for p in EXTENSIONS if p.name.startswith("_core"))
    assert packed < 8 << 20  # as a wheel holds it
    assert (PACKAGE / "vision" / "datasets" / "digits.xz").stat().st_size < 100_000


def test_it_is_typed_and_named():
    assert (PACKAGE / "py.typed").is_file()
    assert (PACKAGE / "_core.pyi").is_file()
    try:
        assert metadata.version("deepnet-core") == dn.__version__
    except metadata.PackageNotFoundError:
        pytest.skip("deepnet is on the path, not installed")
