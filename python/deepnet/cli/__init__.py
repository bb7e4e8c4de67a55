"""The command line: ``deepnet train | evaluate | predict | info | bench``."""

from deepnet.cli.main import main

__all__ = ["main"]
