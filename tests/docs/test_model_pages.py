"""The pages of the models state what the code does: options, legal values, parameter counts."""

import ast
import importlib
import inspect
import re
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import sgnkit
import sgnkit.models

PAGES = Path(__file__).resolve().parents[2] / "docs" / "models"
TEXT = {page.name: page.read_text(encoding="utf-8") for page in sorted(PAGES.glob("*.md"))}
OPTIONS = re.compile(r"<!-- options of ([\w.]+)\.(\w+) -->\n((?:\|.*\n)+)")
TABLES = [match.groups() for text in TEXT.values() for match in OPTIONS.finditer(text)]
ROW = re.compile(r"^\| `(\w+)` \| `(.+?)` \| (.+?) \|", re.M)
COUNT = re.compile(r"^\| `(\w+)` \| ([\d,]+) \| ([\d,]+) \|$", re.M)


@pytest.mark.parametrize(("module", "name", "table"), TABLES, ids=[name for _, name, _ in TABLES])
def test_options(module, name, table):
    cls = getattr(importlib.import_module(module), name)
    hints = get_type_hints(cls.__init__)
    options = {
        key: parameter.default
        for key, parameter in inspect.signature(cls).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    rows = {key: (default, legal) for key, default, legal in ROW.findall(table)}
    assert list(rows) == list(options)
    for key, (default, legal) in rows.items():
        assert ast.literal_eval(default) == options[key], key
        for part in (hints[key], *get_args(hints[key])):
            if get_origin(part) is Literal:
                for value in get_args(part):
                    assert f'`"{value}"`' in legal, key


def test_parameter_counts():
    rows = COUNT.findall(TEXT["index.md"])
    assert [name for name, *_ in rows] == sgnkit.list_models()
    for name, *written in rows:
        for figure, (layout, classes) in zip(
            written, (("kinect20", 10), ("ntu25", 60)), strict=True
        ):
            model = sgnkit.create_model(name, layout=layout, num_classes=classes)
            count = sum(p.numel() for p in model.parameters() if p.requires_grad)
            assert figure == f"{count:,}", (name, layout)
            million = (
                f"`{name}` has {count / 1e6:.2f} million",
                f"`{name}` {count / 1e6:.2f} million",
            )
            if layout == "kinect20":
                assert any(words in text for text in TEXT.values() for words in million), name


def test_parameters_with_the_published_input_norm():
    rows = COUNT.findall(TEXT["gcn_baselines.md"])
    assert [name for name, *_ in rows] == ["agcn", "ctrgcn"]
    for name, *written in rows:
        for figure, persons in zip(written, (None, 2), strict=True):
            model = sgnkit.create_model(name, layout="ntu25", num_classes=60, num_persons=persons)
            assert figure == f"{sum(p.numel() for p in model.parameters()):,}", name


def test_operations():
    rows = re.findall(
        r"^\| `(\w+)` \| ([\d.]+) G \| ([\d.]+) G \|$", TEXT["gcn_baselines.md"], re.M
    )
    assert [name for name, *_ in rows] == ["stgcn", "agcn", "ctrgcn"]
    for name, *written in rows:
        for figure, (layout, frames, persons) in zip(
            written, (("kinect20", 52, 1), ("ntu25", 64, 2)), strict=True
        ):
            classes = {"kinect20": 10, "ntu25": 60}[layout]
            model = sgnkit.create_model(name, layout=layout, num_classes=classes).eval()
            x = torch.rand(persons, frames, sgnkit.get_layout(layout).num_joints, 3)
            clip = sgnkit.SkeletonData.from_array(x.numpy(), layout, axes="MTVC")
            with FlopCounterMode(display=False) as counter:
                model.requires_grad_(False)(clip)
            assert figure == f"{counter.get_total_flops() / 1e9:.3f}", (name, layout)


PARTITION = re.compile(r'^\| `\{"partition": "(\w+)"\}`.*\| ([\d, ]+) \| ([\d., ]+) \|$', re.M)


def test_partitions_of_st_gcn():
    rows = PARTITION.findall(TEXT["stgcn.md"])
    assert len(rows) == 4
    for name, entries, sums in rows:
        graph = sgnkit.get_layout("ntu25").adjacency(name)
        assert entries == ", ".join(str(int((a > 0).sum())) for a in graph)
        assert sums == ", ".join(f"{float(a.sum()):.2f}" for a in graph)


def test_every_option_dictionary_has_a_table():
    assert {name for _, name, _ in TABLES} == {
        "GraphNetwork",
        "SpikingGraphNetwork",
        "SpikingMultimodalFusion",
        "SpikingSelfAttention",
    }


CALL = re.compile(r"`(\w+)\((\w+)=")
FIDELITY = (PAGES.parent / "fidelity.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "option"), sorted(set(CALL.findall(FIDELITY))))
def test_fidelity_names_real_options(name, option):
    places = ("sgnkit.nn", "sgnkit.models", "sgnkit.transforms", "sgnkit.distill")
    found = [getattr(importlib.import_module(place), name, None) for place in places]
    (cls,) = [cls for cls in found if cls is not None]
    if name == "MKSGN":
        cls = sgnkit.models.SpikingGraphNetwork
    assert option in inspect.signature(cls).parameters
