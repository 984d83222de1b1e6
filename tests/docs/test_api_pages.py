"""Every public name stands on an API page, and its docstring tells arguments and shapes."""

import functools
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import sgnkit

API = Path(__file__).resolve().parents[2] / "docs" / "api"
NAMED = {
    name
    for page in sorted(API.glob("*.md"))
    for name in re.findall(r"^::: ([\w.]+)$", page.read_text(encoding="utf-8"), re.M)
}


def public_modules():
    """The package, what lies directly in it, and every package below it."""
    yield "sgnkit"
    for module in pkgutil.walk_packages(sgnkit.__path__, "sgnkit."):
        parts = module.name.split(".")
        if not any(part.startswith("_") for part in parts[1:]) and (
            module.ispkg or len(parts) == 2
        ):
            yield module.name


@functools.cache
def public_names():
    """Pairs of module and name; not what belongs to others, such as PyG's Compose."""
    found = []
    for module in public_modules():
        for name in getattr(importlib.import_module(module), "__all__", ()):
            value = getattr(importlib.import_module(module), name)
            ours = getattr(value, "__module__", "sgnkit").startswith("sgnkit")
            if not name.startswith("__") and (ours or not callable(value)):
                found.append((module, name))
    return sorted(found)


def documented(module, name):
    """Whether a page names this, its module, or the same object in another place."""
    value = getattr(importlib.import_module(module), name)
    if {f"{module}.{name}", module} & NAMED:
        return True
    for entry in NAMED:
        place, _, last = entry.rpartition(".")
        if last == name and getattr(importlib.import_module(place), name, None) is value:
            return True
    return False


def test_walk_finds_what_is_known():
    names = public_names()
    assert ("sgnkit", "Recognizer") in names
    assert ("sgnkit.nn", "SASGC") in names
    assert len(names) > 150


def test_every_name_stands_on_a_page():
    missing = [
        f"::: {place}.{name}" for place, name in public_names() if not documented(place, name)
    ]
    assert not missing, "add these to pages in docs/api"


def problems(value):
    """What the docstring of a class or function leaves out."""
    text = inspect.getdoc(value) or ""
    if not text:
        return ["no docstring"]
    found = []
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    try:
        parameters = inspect.signature(value).parameters.values()
    except ValueError:  # a base class that is written in C
        parameters = ()
    words = ("Args:", "Attributes:") if inspect.isclass(value) else ("Args:",)
    if any(p.kind not in variadic for p in parameters) and not any(w in text for w in words):
        found.append("arguments, but no section Args")
    call = vars(value).get("forward", value) if inspect.isclass(value) else value
    try:
        signature = str(inspect.signature(call))
    except ValueError:
        signature = ""
    if "Tensor" in signature and "Shapes:" not in text:
        found.append("tensors, but no section Shapes")
    return found


def test_docstrings_tell_arguments_and_shapes():
    bad = {}
    for place, name in public_names():
        value = getattr(importlib.import_module(place), name)
        if inspect.isclass(value) or inspect.isfunction(value):
            bad[f"{place}.{name}"] = problems(value)
    assert not {name: found for name, found in bad.items() if found}


def test_a_missing_section_is_seen():
    def f(x):
        """Does."""

    def g(x: "Tensor"):  # noqa: F821
        """Does.

        Args:
            x: Something.
        """

    assert problems(f) == ["arguments, but no section Args"]
    assert problems(g) == ["tensors, but no section Shapes"]
    assert problems(lambda: 0) == ["no docstring"]


def test_pages_name_what_is_there():
    for name in sorted(NAMED):
        place, _, last = name.rpartition(".")
        assert hasattr(importlib.import_module(place), last) or importlib.import_module(name)
