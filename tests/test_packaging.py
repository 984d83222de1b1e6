"""The project as a whole: its files agree with each other, and imports go one way."""

import ast
import configparser
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sgnkit._version import __version__

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "sgnkit").rglob("*.py"))

# What each part may import. Parts that are not named here are leaves and import no other part.
ALLOWED = {
    "data": {"layout"},
    "datasets": {"data", "layout"},
    "transforms": {"data", "layout"},
    "nn": {"data", "layout"},
    "distill": {"nn", "data", "layout"},
    "models": {"nn", "data", "layout"},
    "energy": {"models", "nn", "data", "layout"},
    "recording": {"nn"},
    "viz": {"recording", "energy", "models", "nn", "data", "layout"},
    "report": {"viz", "recording", "energy", "models", "nn", "data", "layout"},
    "export": {"models", "nn", "transforms", "data", "layout"},
    "stream": {"recognizer", "export", "nn", "data", "layout"},
    "recognizer": {"stream", "export", "models", "nn", "transforms", "datasets", "data", "layout"},
    "training": {
        *(
            "recording",
            "energy",
            "viz",
            "report",
            "models",
            "distill",
            "nn",
            "transforms",
            "datasets",
            "data",
            "layout",
        ),
    },
    "data_tools": {"viz", "datasets", "data", "layout"},
    "commands": {
        *(
            "training",
            "report",
            "export",
            "data_tools",
            "viz",
            "energy",
            "models",
            "nn",
            "transforms",
            "datasets",
            "data",
            "layout",
        ),
    },
    "cli": {"commands"},
    "__main__": {"cli"},
    "__init__": {"recognizer", "recording", "data", "layout", "models"},
}
LEAVES = {"errors", "_landmarks", "_extras", "_version", "_probes"}


def config():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def requirements():
    """Maps each section of the requirements to its lines."""
    found = dict(config()["options.extras_require"])
    found["core"] = config()["options"]["install_requires"]
    return {
        name: [line for line in text.splitlines() if line and not line.startswith(("#", "sgnkit["))]
        for name, text in found.items()
    }


def package_name(requirement):
    return re.match(r"[A-Za-z0-9._-]+", requirement)[0].lower()


def test_version_is_the_same_everywhere():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.+)$", citation, re.MULTILINE)[1] == __version__
    assert config()["metadata"]["version"] == "attr: sgnkit._version.__version__"


def test_the_extras_are_the_documented_ones():
    assert set(requirements()) == {"core", "train", "viz", "export", "docs", "test", "all"}
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    for extra in set(requirements()) - {"core"}:
        assert f"`{extra}`" in page


def test_every_dependency_has_its_reason_and_its_version():
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").lower()
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8").lower()
    names = {package_name(line) for lines in requirements().values() for line in lines}
    assert {"torch", "norse", "lightning", "mkdocs"} <= names
    assert [name for name in sorted(names) if f"| `{name}` |" not in page] == []
    assert [name for name in sorted(names) if f"\n{name}==" not in pinned] == []


def test_constraints_pin_exactly():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    marker = r'( ; python_version (<|>=) "3\.11")?'
    assert [pin for pin in pins if not re.fullmatch(rf"[a-z0-9-]+==[\w.]+{marker}", pin)] == []


def test_malicious_and_unusable_releases_are_excluded():
    train, docs = requirements()["train"], requirements()["docs"]
    assert "!=2.6.2,!=2.6.3" in next(line for line in train if line.startswith("lightning"))
    assert "mkdocs>=1.6,<2" in docs


def test_make_help_lists_the_targets():
    result = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("demo", "test", "setup", "lint", "docs", "bench", "help"):
        assert re.search(rf"^  make {target} +\S", result.stdout, re.MULTILINE)


@pytest.mark.slow
def test_data_scale_runs(tmp_path):
    sizes = ["--clips", "100", "200", "--workers", "1", "--batch", "16"]
    command = [sys.executable, "-m", "benchmarks.data_scale", *sizes, "--folder", str(tmp_path)]
    subprocess.run([*command, "--out", str(tmp_path / "table")], cwd=ROOT, check=True)
    rows = json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))["rows"]
    assert [row["clips"] for row in rows] == [100, 200]
    assert all(row["workers_per_second"] > 0 and row["open_seconds"] < 2 for row in rows)
    assert len((tmp_path / "table.md").read_text(encoding="utf-8").splitlines()) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["table.json", "table.md"]


def test_package_data_is_named():
    patterns = config()["options.package_data"]["sgnkit"].split()
    assert (ROOT / "sgnkit" / "py.typed").is_file()
    assert {"py.typed", "*.yaml", "*.txt"} <= set(patterns)
    files = [
        p for p in (ROOT / "sgnkit").rglob("*") if p.is_file() and "__pycache__" not in p.parts
    ]
    unnamed = [
        p
        for p in files
        if p.suffix not in {".py", ".yaml", ".txt", ".html", ".css", ".js", ".cpp", ".h"}
    ]
    assert [p.name for p in unnamed] == ["py.typed"]


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in SOURCES}


def part(module):
    """Returns the part of sgnkit that a module belongs to: `sgnkit._layout_io` is of layout."""
    if module == "sgnkit":
        return "__init__"
    name = module.split(".")[1]
    return "layout" if name.lstrip("_").startswith("layout") else name


def imports(path, top_level):
    """Yields the modules of sgnkit that a file imports, at its top level or anywhere."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(tree.body) if top_level else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} has a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            known = name if name in MODULES else name.rpartition(".")[0]
            if known in MODULES:
                yield known


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_one_way(module):
    own = part(module)
    allowed = ALLOWED.get(own, set()) | LEAVES | {own}
    reached = {part(name) for name in imports(MODULES[module], top_level=False)} - {"__init__"}
    assert reached - allowed == set()


def exported(path):
    """Returns the names in `__all__`."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return ast.literal_eval(node.value)
    return []


@pytest.mark.parametrize("page", sorted(p.stem for p in (ROOT / "docs" / "api").glob("*.md")))
def test_every_export_is_on_its_page(page):
    # the layers stand on several pages: tests/docs/test_api_pages.py looks for each of them
    if f"sgnkit.{page}" not in MODULES or page in ("cli", "nn"):
        return
    text = (ROOT / "docs" / "api" / f"{page}.md").read_text(encoding="utf-8")
    shown = set(re.findall(rf"^::: sgnkit\.{page}\.(\w+)$", text, re.MULTILINE))
    assert shown == set(exported(MODULES[f"sgnkit.{page}"])) - {"Compose"}


def test_no_circle_of_imports():
    graph = {name: set(imports(path, top_level=True)) - {name} for name, path in MODULES.items()}
    done, path = set(), []

    def visit(name):
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name in done:
            return
        path.append(name)
        for other in sorted(graph[name]):
            visit(other)
        done.add(path.pop())

    for name in sorted(graph):
        visit(name)


def test_files_stay_small():
    long = {m: len(p.read_text(encoding="utf-8").splitlines()) for m, p in MODULES.items()}
    assert {module: lines for module, lines in long.items() if lines > 350} == {}
