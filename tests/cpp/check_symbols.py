"""Fail where objects of two instruction sets share a weak symbol: the linker keeps one of them for both.

python check_symbols.py BUILD_DIR
"""

import subprocess
import sys
from pathlib import Path


def weak_symbols(objects):
    listing = subprocess.run(["nm", "-C", *map(str, objects)], capture_output=True, text=True, check=True).stdout
    found = set()
    for line in listing.splitlines():
        parts = line.split(maxsplit=2)
        if len(parts) == 3 and parts[1] in "WVu":
            found.add(parts[2])
    return found


def main():
    build = Path(sys.argv[1])
    sets = {
        p.name.removeprefix("deepnet_").removesuffix(".dir"): sorted(p.rglob("*.o"))
        for p in build.glob("CMakeFiles/deepnet_*.dir")
    }
    sets = {name: objects for name, objects in sets.items() if objects and name in ("portable", "avx2", "avx512", "neon")}
    if not sets:
        sys.exit(f"no objects of any instruction set below {build}")
    bad = 0
    for name, objects in sets.items():
        foreign = sorted(s for s in weak_symbols(objects) if f"{name}::" not in s and not s.startswith("DW.ref."))
        print(f"{name}: {len(objects)} objects, {len(foreign)} weak symbols outside of its namespace")
        for symbol in foreign[:20]:
            print(f"  {symbol}")
        bad += len(foreign)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
