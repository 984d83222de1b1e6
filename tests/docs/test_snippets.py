"""Every Python block of the documentation and the README runs, page by page.

On pages with the comment `<!-- commands -->` the lines `sgnkit ...` of Bash blocks run too, and
YAML blocks with a title are the files of that name. Python blocks whose title is a file name, or
one of the libraries in FOREIGN, are only compiled: the latter show how it is written elsewhere. A
block with the title `this fails` has to raise the error in the text block that follows it.
"""

import glob
import json
import re
import shlex
import sys
import types
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import sgnkit.layout
import sgnkit.models.registry
from sgnkit import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<kind>python|bash|yaml|text)(?P<info>[^\n]*)\n"
    r"(?P<code>.*?)^(?P=indent)```$",
    re.M | re.S,
)
TITLE = re.compile(r'title="([^"]+)"')
# A page whose blocks take more than a few seconds carries this comment and runs with -m slow.
FOREIGN = ("SpikingJelly", "snnTorch", "PyTorch Geometric Temporal", "pyskl")
SLOW = "<!-- slow -->"
COMMANDS = "<!-- commands -->"
FAILS = "this fails"


def all_blocks(text: str) -> list[tuple[str, str, str]]:
    """Returns kind, info and code of each block, moved to the line where it stands in the page."""
    found = []
    for match in BLOCK.finditer(text):
        indent = len(match["indent"])
        lines = [line[indent:] for line in match["code"].splitlines()]
        code = "\n" * text.count("\n", 0, match.start("code")) + "\n".join(lines)
        found.append((match["kind"], match["info"], code))
    return found


def blocks(text: str) -> list[str]:
    """Returns the code of each Python block."""
    return [code for kind, _, code in all_blocks(text) if kind == "python"]


def is_only_shown(title: str) -> bool:
    """Whether a Python block with this title is a file of the reader's, or of another library."""
    return title.endswith(".py") or title in FOREIGN


def message_of(compiled, scope: dict) -> str:
    """Runs a block that fails and returns the name of its error and the message."""
    with pytest.raises(Exception) as error:
        exec(compiled, scope)
    return f"{error.type.__name__}: {error.value}"


def assert_message(found: str, shown: str) -> None:
    """Compares an error with the one that a page shows, in which `...` stands for anything."""
    wanted = re.escape(shown.strip()).replace(r"\.\.\.", ".*")
    assert re.fullmatch(wanted, found.strip(), re.S), f"the error is\n{found}"


def run_commands(code: str) -> None:
    """Runs the lines of a Bash block that call sgnkit; `\\` continues a line."""
    for line in code.replace("\\\n", " ").splitlines():
        if line.startswith("sgnkit "):
            words = shlex.split(line, comments=True)[1:]
            argv = [path for w in words for path in (sorted(glob.glob(w)) if "*" in w else [w])]
            assert cli.main(argv) == 0, line


def pages():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        if "```python" in text:
            marks = [pytest.mark.slow] if SLOW in text else []
            yield pytest.param(page, id=page.relative_to(ROOT).as_posix(), marks=marks)


def stand_in_for_nw_ucla(folder: Path) -> None:
    """Writes made-up recordings in the form of NW-UCLA: two actions, three subjects and views."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    with zipfile.ZipFile(folder / "all_sqe.zip", "w") as archive:
        for action, label in ((1, 1), (8, 7)):
            for subject in (1, 2, 5):
                for view in (1, 2, 3):
                    name = f"a{action:02d}_s{subject:02d}_e00_v{view:02d}"
                    joints = random.uniform(-1, 1, (5, 20, 3)).round(4).tolist()
                    item = {"file_name": name, "skeletons": joints, "label": label}
                    archive.writestr(f"all_sqe/{name}.json", json.dumps(item))


@pytest.fixture
def workplace(tmp_path, monkeypatch, stand_ins):
    """A folder that holds data/nw_ucla and nothing else, no network, registries that forget."""
    monkeypatch.chdir(tmp_path)
    stand_in_for_nw_ucla(tmp_path / "data" / "nw_ucla")

    def refuse(*args, **kwargs):
        raise urllib.error.URLError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(sgnkit.layout, "_REGISTRY", dict(sgnkit.layout._REGISTRY))
    registry = sgnkit.models.registry
    monkeypatch.setattr(registry, "_MODELS", dict(registry._MODELS))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.mark.filterwarnings("ignore:NWUCLA:UserWarning")  # the stand-ins have fewer clips
@pytest.mark.filterwarnings("ignore:NTURGBD:UserWarning")
@pytest.mark.parametrize("page", list(pages()))
def test_blocks_of_page_run(page, workplace, monkeypatch):
    # A module of its own, because PyG looks up the module of classes that a block defines.
    module = types.ModuleType("docs_page")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    text = page.read_text(encoding="utf-8")
    failure = ""
    for kind, info, code in all_blocks(text):
        title = TITLE.search(info)
        if kind == "python":
            compiled = compile(code, str(page), "exec")
            if title and title[1] == FAILS:
                failure = message_of(compiled, module.__dict__)
            elif not is_only_shown(title[1] if title else ""):
                exec(compiled, module.__dict__)
        elif kind == "text" and failure:
            assert_message(failure, code)
            failure = ""
        elif COMMANDS in text and kind == "bash":
            run_commands(code)
        elif COMMANDS in text and title:
            Path(title[1]).write_text(code, encoding="utf-8")


def test_blocks_are_found_with_their_lines():
    text = "a\n\n```python\nx = 1\n```\n\n- b\n\n    ```python\n    y = 2\n    ```\n"
    text += "\n```bash\nls\n```\n"
    assert blocks(text) == ["\n\n\nx = 1", "\n" * 9 + "y = 2"]


def test_a_shown_message_has_to_be_the_real_one():
    compiled = compile("raise ValueError('got 3 nodes')", "page", "exec")
    found = message_of(compiled, {})
    assert_message(found, "ValueError: got ... nodes\n")
    with pytest.raises(AssertionError):
        assert_message(found, "ValueError: got 4 nodes")


def test_only_marked_blocks_are_left_out():
    assert is_only_shown("snnTorch") and is_only_shown("train.py")
    assert not is_only_shown("") and not is_only_shown("sgnkit")


def test_every_block_is_closed():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert len(blocks(text)) == text.count("```python"), page
