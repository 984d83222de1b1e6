"""Draws the figures of the documentation: `python tools/docs_figures`."""

import argparse
from pathlib import Path

from concepts import FIGURES as CONCEPTS
from models import FIGURES as MODELS
from style import FOLDER, save


def main() -> None:
    """Draws all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder, docs/assets/figures")
    out = parser.parse_args().out
    for name, draw in {**CONCEPTS, **MODELS}.items():
        save(draw(), out / f"{name}.svg")
    print(f"{len(CONCEPTS) + len(MODELS)} figures in {out}")


if __name__ == "__main__":
    main()
