"""A moving skeleton whose joints light up as they spike."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from torch_geometric.data import Data

from sgnkit._extras import require
from sgnkit.viz.moving_pictures import ENDINGS, write_moving_picture
from sgnkit.viz.style import ACCENT, INK, LEFT, MUTED

__all__ = ["animate_skeleton", "brightness", "glow", "observed"]

_Array = np.ndarray[Any, Any]
_FINE = 2
"""Frames are drawn this many times larger, then reduced, for smooth edges."""
_RAMP = ("#b9c2c9", "#f0b400", ACCENT)
"""From a silent joint to the one with the most spikes."""
_PERSONS = (INK, LEFT, MUTED)
"""Bones of the first, second and third person."""


def animate_skeleton(
    data: Data,
    spikes: Any = None,
    path: str | PathLike[str] = "skeleton.gif",
    *,
    fps: float = 12.0,
    up: str = "y",
    azimuth: float = 0.0,
    size: int = 320,
    title: str = "",
) -> Path:
    r"""Writes a clip as a moving picture, seen from the front.

    Joints grow and turn orange with the number of their spikes in a frame; the key says which
    numbers the colours stand for, the fewest and the most of the clip. Joints that were not
    observed (`data.mask`) are not drawn.

    Args:
        data: A clip with `x` and `parent_index`, such as a
            [`SkeletonData`][sgnkit.data.SkeletonData].
        spikes: Spikes of each joint and frame, counts or rates. With fewer frames than the
            clip, as after a temporal stride, each is shown for several frames.
        path: Where to write the file: `.gif`; `.mp4`, which needs ffmpeg; or `.html`, one page
            with a slider that loads nothing from elsewhere.
        fps: Frames per second, above 0 and up to 50.
        up: Coordinate that points upwards, `"x"`, `"y"` or `"z"`; with a minus sign where it
            points down, as in image coordinates: `"-y"`.
        azimuth: Turns a three-dimensional clip about the vertical, in degrees.
        size: Width and height of the picture in pixels.
        title: Text at the top.

    Shapes:
        - **data.x**: $(N, T, C)$, C is 2 or 3
        - **spikes**: $(T, N)$, *optional*

    Returns:
        The path.

    Raises:
        ValueError: A shape does not fit, an argument is not legal, or ffmpeg is missing.

    Examples:
        >>> import tempfile, torch
        >>> data = Data(x=torch.rand(3, 4, 2), parent_index=torch.tensor([0, 0, 1]))
        >>> path = animate_skeleton(data, path=tempfile.mkdtemp() + "/clip.gif")
        >>> path.name
        'clip.gif'
    """
    require("PIL", "viz")
    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        raise ValueError(
            f"animate_skeleton: path must end in one of {', '.join(ENDINGS)}, got {str(path)!r}"
        )
    if not 0 < fps <= 50:
        raise ValueError(f"animate_skeleton: fps must be above 0 and up to 50, got {fps}")
    place, parents, persons = observed("animate_skeleton", data, up, azimuth)
    light, key = brightness("animate_skeleton", spikes, place.shape[1], place.shape[0])
    seen = np.asarray(np.isfinite(place).all(axis=2))
    frames = place.shape[1]
    place = _fit(place, seen, size)
    images = []
    for t in range(frames):
        image = _draw(place[:, t], None if light is None else light[t], parents, persons, size)
        _caption(image, t, frames, title, key)
        images.append(image)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_moving_picture(path, images, fps, _palette(), title)
    return path


def observed(
    function: str, data: Data, up: str, azimuth: float
) -> tuple[_Array, list[int], list[int]]:
    """Returns where joints are seen `[N, T, 2]`, NaN if not observed; parents; persons."""
    x = _numbers(data.x)
    if x.ndim != 3 or x.shape[2] not in (2, 3) or 0 in x.shape:
        raise ValueError(
            f"{function}: expected data.x [N, T, C] with C = 2 or 3, got shape {x.shape}"
        )
    place = _project(function, x, up, azimuth)
    if getattr(data, "mask", None) is not None:
        place[~_numbers(data.mask).astype(bool)] = np.nan
    if not np.isfinite(place).all(axis=2).any():
        raise ValueError(f"{function}: no joint of the clip was observed")
    person = getattr(data, "person", None)
    persons = [0] * len(x) if person is None else [int(p) for p in person]
    return place, [int(p) for p in data.parent_index], persons


def _numbers(values: Any) -> _Array:
    if hasattr(values, "detach"):
        values = values.detach().cpu().double().numpy()
    return np.array(values, dtype=float)


def brightness(
    function: str, spikes: Any, frames: int, nodes: int
) -> tuple[_Array | None, tuple[float, float] | None]:
    """Returns how far each joint of each frame lights up, 0 to 1, and the ends of that scale."""
    if spikes is None:
        return None, None
    counts = _numbers(spikes)
    if counts.ndim != 2 or counts.shape[1] != nodes or not 0 < len(counts) <= frames:
        raise ValueError(
            f"{function}: expected spikes [T, N] with T up to {frames} frames and "
            f"N = {nodes} nodes, got shape {counts.shape}"
        )
    counts = counts[np.arange(frames) * len(counts) // frames]
    low, high = float(counts.min()), float(counts.max())
    if low == high:
        low = min(low, 0.0)
    return (counts - low) / max(high - low, 1e-12), (low, high)


def _project(function: str, x: _Array, up: str, azimuth: float) -> _Array:
    """Returns what the viewer sees: to the right and upwards, [N, T, 2]."""
    axis = "xyz".find(up.removeprefix("-")) if up.removeprefix("-") else -1
    if not 0 <= axis < x.shape[2] or len(up.removeprefix("-")) != 1:
        raise ValueError(
            f"{function}: up must be one of {list('xyz'[: x.shape[2]])}, with or without "
            f"'-', got {up!r}"
        )
    height = -x[..., axis] if up.startswith("-") else x[..., axis]
    flat = [x[..., i] for i in range(x.shape[2]) if i != axis]
    turn = np.deg2rad(azimuth)
    right = flat[0] if len(flat) == 1 else flat[0] * np.cos(turn) - flat[1] * np.sin(turn)
    return np.stack([right, height], axis=-1)


def _fit(place: _Array, seen: _Array, size: int) -> _Array:
    """Scales and shifts positions into the picture, in fine pixels."""
    low, high = place[seen].min(axis=0), place[seen].max(axis=0)
    scale = 0.78 * size / max(float((high - low).max()), 1e-9)
    shifted = (place - (low + high) / 2) * scale * (1, -1)
    return (shifted + np.array([0.5, 0.52]) * size) * _FINE


def _draw(
    place: _Array,
    light: _Array | None,
    parents: list[int],
    persons: list[int],
    size: int,
) -> Any:
    """Draws bones and joints of one frame; joints without a finite position are left out."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (size * _FINE, size * _FINE), "white")
    draw = ImageDraw.Draw(image)
    seen = np.asarray(np.isfinite(place).all(axis=1))
    bone, radius = size * _FINE / 130, size * _FINE / 95
    for joint, parent in enumerate(parents):
        if joint != parent and seen[joint] and seen[parent]:
            color = _PERSONS[persons[joint] % len(_PERSONS)]
            draw.line([tuple(place[joint]), tuple(place[parent])], fill=color, width=round(bone))
    for joint in range(len(place)):
        if not seen[joint]:
            continue
        share = 0.0 if light is None else float(light[joint])
        _disc(draw, place[joint], radius * (1.0 + 0.9 * share) + bone / 2, "white")
        color = INK if light is None else glow(share)
        _disc(draw, place[joint], radius * (1.0 + 0.9 * share), color)
    return image.resize((size, size), Image.Resampling.BOX)


def _disc(draw: Any, center: _Array, radius: float, color: str) -> None:
    x, y = center
    draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=color)


def _caption(
    image: Any, frame: int, frames: int, title: str, key: tuple[float, float] | None
) -> None:
    """Writes the title, a bar of time, and the key of the spikes."""
    from PIL import ImageDraw, ImageFont

    size = image.width
    draw = ImageDraw.Draw(image)
    font = ImageFont.truetype(
        str(Path(require("matplotlib", "viz").get_data_path(), "fonts/ttf/DejaVuSans.ttf")),
        max(10, size // 28),
    )
    edge, line = size // 40, size - size // 60
    draw.text((edge, edge), title, fill=INK, font=font)
    draw.text((size - edge, edge), f"{frame + 1}/{frames}", fill=INK, font=font, anchor="ra")
    draw.line([(0, line), (size, line)], fill=_RAMP[0], width=2)
    draw.line([(0, line), (size * (frame + 1) / frames, line)], fill=INK, width=2)
    if key:
        y, x = size - 2 * edge - size // 50, edge
        low, high = f"{key[0]:.3g}", f"{key[1]:.3g} spikes"
        draw.text((x, y), low, fill=INK, font=font, anchor="lm")
        x += round(draw.textlength(low, font=font)) + 2 * edge
        for share in (0.0, 0.5, 1.0):
            _disc(draw, np.array([x, y]), size / 95 * (1.0 + 0.9 * share), glow(share))
            x += 2 * edge
        draw.text((x, y), high, fill=INK, font=font, anchor="lm")


def glow(share: float) -> str:
    """Returns the colour of a joint that has this share of the most spikes."""
    if share < 0.5:
        return _blend(_RAMP[0], _RAMP[1], 2 * share)
    return _blend(_RAMP[1], _RAMP[2], 2 * share - 1)


def _blend(start: str, end: str, share: float) -> str:
    """Returns the colour between two, in sixteenths, so that one palette serves all frames."""
    share = round(share * 16) / 16
    pairs = zip(bytes.fromhex(start[1:]), bytes.fromhex(end[1:]), strict=True)
    return "#" + bytes(round(a + (b - a) * share) for a, b in pairs).hex()


def _palette() -> Any:
    """Returns a palette of all colours in use and their shades towards white."""
    from PIL import Image

    colors = ["#ffffff"]
    for color in (*_PERSONS, *_RAMP):
        colors += [_blend(color, "#ffffff", i / 16) for i in range(0, 16, 2)]
    colors += [glow(i / 32) for i in range(33)]
    palette = Image.new("P", (1, 1))
    palette.putpalette(b"".join(bytes.fromhex(color[1:]) for color in colors))
    return palette
