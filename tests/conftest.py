"""What all tests share: fresh random state, data folders, and reasons for skipping."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import deepnet as dn


@pytest.fixture(autouse=True)
def _seeded():
    """Each test draws the same numbers whatever ran before it."""
    dn.manual_seed(0)


@pytest.fixture(scope="session")
def data_folder():
    """Return the path of a real data set under DEEPNET_DATA, or skip."""

    def find(name: str) -> Path:
        root = os.environ.get("DEEPNET_DATA")
        if not root:
            pytest.skip(f"DEEPNET_DATA is not set; it should name a folder that holds {name}")
        folder = Path(root) / name
        if not folder.is_dir():
            pytest.skip(f"there is no {folder}")
        return folder

    return find


def pytest_collection_modifyitems(items):
    if dn.cuda.is_available():
        return
    reason = f"no CUDA: {dn.cuda.why_not()}"
    for item in items:
        if "cuda" in item.keywords:
            item.add_marker(pytest.mark.skip(reason=reason))
