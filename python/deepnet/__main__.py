"""``python -m deepnet``: the command line."""

import sys

from deepnet.cli import main

sys.exit(main())
