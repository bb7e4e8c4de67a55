"""The table of benchmarks/python/steps.py on the GPU: deepnet beside PyTorch."""

import subprocess
import sys
from pathlib import Path

steps = Path(__file__).resolve().parent.parent / "python" / "steps.py"
sys.exit(subprocess.run([sys.executable, steps, "--device", "cuda", *sys.argv[1:]]).returncode)
