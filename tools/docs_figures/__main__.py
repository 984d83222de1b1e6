"""Draws the figures of the documentation: `python tools/docs_figures`."""

from concepts import FIGURES as CONCEPTS
from models import FIGURES as MODELS
from style import FOLDER, save


def main() -> None:
    """Draws all of them into docs/assets/figures."""
    for name, draw in {**CONCEPTS, **MODELS}.items():
        save(draw(), name)
    print(f"{len(CONCEPTS) + len(MODELS)} figures in {FOLDER}")


if __name__ == "__main__":
    main()
