"""Runs the command line as ``python -m sgnkit``."""

from __future__ import annotations

import sys

from sgnkit.cli import main

if __name__ == "__main__":
    sys.exit(main())
