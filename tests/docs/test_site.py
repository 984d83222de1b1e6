"""What the pages show and load: small pictures, links that lead somewhere, no other site."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def test_the_animation_of_the_readme():
    path = DOCS / "assets" / "skeleton.gif"
    assert path.stat().st_size < 2_000_000
    with Image.open(path) as image:
        assert image.n_frames > 20
    assert "docs/assets/skeleton.gif" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_links_of_the_readme_lead_to_files():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert len(links) > 20
    assert not [link for link in links if not (ROOT / link.split("#")[0]).exists()]


def test_every_guide_can_be_found_from_the_readme_or_the_home_page():
    for page in ("README.md", "docs/index.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        named = set(re.findall(r"guides/(\w+)\.md", text))
        assert {"own_fusion", "own_layout", "own_model", "own_skeletons", "wrap_pyg"} <= named


class Loader(yaml.SafeLoader):
    """Reads mkdocs.yml, whose tags for Python objects do not matter here."""


Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: None)


def test_nothing_is_loaded_from_another_site():
    config = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader)
    assert config["theme"]["font"] is False
    for kind in ("extra_css", "extra_javascript"):
        for path in config[kind]:
            assert (DOCS / path).is_file()
    loads = re.compile(
        r"!\[[^\]]*\]\(https?:|<(?:img|script|iframe|link)[^>]+https?:|@import|url\(['\"]?https?:"
    )
    for path in (*DOCS.rglob("*.md"), *DOCS.rglob("*.css")):
        assert not loads.search(path.read_text(encoding="utf-8")), path


def test_every_figure_stands_on_a_page():
    text = "".join(path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md"))
    for figure in (DOCS / "assets" / "figures").iterdir():
        assert f"assets/figures/{figure.name}" in text, figure.name


@pytest.mark.slow
@pytest.mark.parametrize(
    "script",
    [
        ("tools/docs_figures", "--out"),
        ("tools/readme_gif.py", "--clips", "120", "--epochs", "1", "--frames", "4", "--out"),
    ],
    ids=["figures", "gif"],
)
def test_pictures_can_be_drawn_again(script, tmp_path):
    out = tmp_path / ("one.gif" if "gif" in script[0] else "figures")
    name, *arguments = script
    command = [sys.executable, str(ROOT / name), *arguments, str(out)]
    subprocess.run(command, check=True, cwd=tmp_path, capture_output=True)
    if out.is_dir():
        drawn = {path.name for path in out.iterdir()}
        assert drawn == {path.name for path in (DOCS / "assets" / "figures").iterdir()}
    else:
        assert out.stat().st_size > 1000
