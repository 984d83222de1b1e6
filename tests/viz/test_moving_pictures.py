import json
import re
import shutil
import subprocess

import pytest
import torch
from PIL import Image
from torch_geometric.data import Data

from sgnkit.viz import animate_skeleton
from sgnkit.viz.moving_pictures import write_moving_picture


def clip():
    return Data(x=torch.rand(4, 6, 3), parent_index=torch.tensor([0, 0, 1, 2]))


def test_html_loads_nothing_and_escapes_its_title(tmp_path):
    path = animate_skeleton(clip(), torch.rand(6, 4), tmp_path / "a.html", title="</title><b>")
    text = path.read_text(encoding="utf-8")
    assert len(re.findall(r'data:image/png;base64,[\w+/=]+"[,\]]', text)) == 6
    assert "<title>&lt;/title&gt;&lt;b&gt;</title>" in text and "<b>" not in text
    assert not re.search(r'(src|href)="(?!data:)', text) and "http" not in text


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg here")
def test_mp4(tmp_path):
    path = animate_skeleton(clip(), path=tmp_path / "a.mp4", fps=12, size=161)
    command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(path)]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    (stream,) = found["streams"]
    assert (stream["width"], stream["height"], stream["nb_frames"]) == (162, 162, "6")
    assert (stream["pix_fmt"], stream["r_frame_rate"]) == ("yuv420p", "12/1")


def test_mp4_without_ffmpeg(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ValueError, match=r"a\.mp4: MP4 needs ffmpeg.*write \.gif or \.html"):
        animate_skeleton(clip(), path=tmp_path / "a.mp4")


def test_ffmpeg_that_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/false")
    with pytest.raises(ValueError, match="could not write it: no reason given"):
        write_moving_picture(tmp_path / "a.mp4", [Image.new("RGB", (2, 2))], 5, None, "")
