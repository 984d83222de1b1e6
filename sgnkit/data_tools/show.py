"""`sgnkit data show`: one clip as an animated picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sgnkit.data import SkeletonData
from sgnkit.data_tools.clip_set import ClipSet
from sgnkit.datasets._sources import Source
from sgnkit.datasets.formats import FORMATS
from sgnkit.datasets.guess_format import guess_format
from sgnkit.errors import DataError
from sgnkit.viz import animate_skeleton

__all__ = ["show"]


def show(
    path: Path,
    name: str | None = None,
    out: Path | None = None,
    format: str = "auto",
    up: str | None = None,
    fps: float = 12.0,
    azimuth: float = 0.0,
    **options: Any,
) -> Path:
    """Draws a clip as an animated GIF and returns its path.

    Args:
        path: Set of clips, or the file of one clip of a set that is still in its place.
        name: Name of the clip; without it, the first one.
        out: File to write, which ends with `.gif`; without it, `NAME.gif` here.
        format: Name of the format; "auto" to tell it from the names.
        up: Coordinate that points upwards; without it `"y"`, in the image plane `"-y"`.
        fps: Frames per second.
        azimuth: Turns the picture about the vertical, in degrees.
        **options: More arguments of [`ClipSet`][sgnkit.data_tools.clip_set.ClipSet].

    Raises:
        sgnkit.errors.DataError: If there is no such clip, or it cannot be read.
    """
    path = Path(path).expanduser().absolute()
    source = _find(path, name, format, options)
    data: SkeletonData = source.read()
    if up is None:
        up = "-y" if data.x.size(-1) == 2 else "y"
    safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in source.name)
    target = Path(f"{safe}.gif") if out is None else Path(out)
    title = source.name if data.y is None else f"{source.name}, class {int(data.y)}"
    return animate_skeleton(data, path=target, up=up, fps=fps, azimuth=azimuth, title=title)


def _find(path: Path, name: str | None, format: str, options: dict[str, Any]) -> Source:
    if format == "auto":
        try:
            format = guess_format(path)
        except DataError:
            if not path.is_file():
                raise
            format = "pose-folder"  # the file of one clip, whose name can be anything
    depth = FORMATS[format].depth if format in FORMATS else 0
    of_one_clip = path.is_file() and depth > 0 and path.suffix.lower() != ".zip"
    sources = ClipSet(path.parents[depth - 1] if of_one_clip else path, format, **options).sources
    if of_one_clip:
        sources = [source for source in sources if source.file == path]
    for source in sources:
        if name in (None, source.name):
            return source
    near = ", ".join(source.name for source in sources[:5])
    raise DataError(
        "there is no such clip",
        file=path,
        expected=f"one of {len(sources)} names: {near}{', ...' if len(sources) > 5 else ''}",
        found=repr(name),
        remedy="give one of these names",
    )
