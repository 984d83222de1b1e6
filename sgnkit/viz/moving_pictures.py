"""Files of moving pictures: GIF, MP4 and HTML."""

from __future__ import annotations

import base64
import io
import shutil
import subprocess
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

__all__ = ["ENDINGS", "write_moving_picture"]

ENDINGS = (".gif", ".mp4", ".html")


def write_moving_picture(
    path: Path, images: Sequence[Any], fps: float, palette: Any, title: str
) -> None:
    """Writes pictures of one size in the format that the ending of the path names.

    Args:
        path: File to write.
        images: Pictures of Pillow, all of one size.
        fps: Pictures a second.
        palette: The colours of a GIF.
        title: What an HTML file calls itself.

    Raises:
        ValueError: The file is an MP4, and ffmpeg is missing or fails.
    """
    if path.suffix.lower() == ".mp4":
        _write_mp4(path, images, fps)
        return
    few = [image.quantize(palette=palette, dither=0) for image in images]
    if path.suffix.lower() == ".html":
        path.write_text(_html(few, fps, title or path.stem), encoding="utf-8")
        return
    few[0].save(path, save_all=True, append_images=few[1:], duration=round(1000 / fps), loop=0)


def _write_mp4(path: Path, images: Sequence[Any], fps: float) -> None:
    program = shutil.which("ffmpeg")
    if program is None:
        raise ValueError(
            f"{path.name}: MP4 needs ffmpeg, which is not installed; install it with the packages "
            "of your system, or write .gif or .html"
        )
    width, height = images[0].size
    done = subprocess.run(
        [
            *(program, "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"),
            *("-s", f"{width}x{height}", "-r", f"{fps:g}", "-i", "-"),
            # Players want an even size and halved colours.
            *("-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white", "-pix_fmt", "yuv420p"),
            *("-movflags", "+faststart", str(path.resolve())),
        ],
        input=b"".join(image.tobytes() for image in images),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise ValueError(f"{path.name}: ffmpeg could not write it: {reason[-1]}")


def _html(images: Sequence[Any], fps: float, title: str) -> str:
    sources = []
    for image in images:
        file = io.BytesIO()
        image.save(file, "PNG", optimize=True)
        sources.append("data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii"))
    frames = ",".join(f'"{source}"' for source in sources)
    return _PAGE.format(
        title=escape(title), frames=frames, delay=1000 / fps, last=len(images) - 1, first=sources[0]
    )


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
body {{ font-family: system-ui, sans-serif; margin: 1rem; }}
figure {{ margin: 0 auto; max-width: 40rem; }}
img {{ width: 100%; display: block; border-radius: .5rem; }}
p {{ display: flex; gap: .75rem; align-items: center; margin: .75rem 0; }}
button {{ font: inherit; min-width: 5rem; min-height: 2.5rem; }}
input {{ flex: 1; }}
</style>
</head>
<body>
<figure>
<img id="picture" src="{first}" alt="{title}">
<p><button id="play" type="button">Pause</button>
<input id="frame" type="range" min="0" max="{last}" value="0" aria-label="Frame"></p>
</figure>
<script>
"use strict";
const frames = [{frames}];
const ids = ["picture", "play", "frame"];
const [picture, button, range] = ids.map((id) => document.getElementById(id));
let playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;
function show(frame) {{ range.value = frame; picture.src = frames[frame]; }}
function play(on) {{ playing = on; button.textContent = on ? "Pause" : "Play"; }}
button.addEventListener("click", () => play(!playing));
range.addEventListener("input", () => {{ play(false); show(Number(range.value)); }});
setInterval(() => {{ if (playing) show((Number(range.value) + 1) % frames.length); }}, {delay});
play(playing);
</script>
</body>
</html>
"""
