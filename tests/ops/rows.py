"""Every row, by name."""

from __future__ import annotations

import importlib
from pathlib import Path

from op_case import OpCase

ROWS: dict[str, OpCase] = {}
for path in sorted(Path(__file__).parent.glob("rows_*.py")):
    for row in importlib.import_module(path.stem).ROWS:
        if row.name in ROWS:
            raise ValueError(f"two rows are called {row.name}")
        ROWS[row.name] = row
