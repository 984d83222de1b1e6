"""The tables of the built-in layouts, and what the documentation says of them."""

import re
from pathlib import Path

import pytest

from sgnkit.layout import get_layout
from sgnkit.layouts import TABLES

PAGE = Path(__file__).parents[1] / "docs" / "concepts" / "skeletons.md"


@pytest.mark.parametrize("name", TABLES)
def test_rows_name_their_parents_and_counterparts(name):
    center, source, rows = TABLES[name]
    joints = [row[0] for row in rows]
    assert len(set(joints)) == len(joints)
    assert {row[1] for row in rows} <= set(joints)
    assert center in joints
    assert source
    for joint in joints:
        if "left" in joint or "right" in joint:
            other = re.sub("left|right", lambda m: {"left": "right", "right": "left"}[m[0]], joint)
            assert other in joints


@pytest.mark.parametrize("name", TABLES)
def test_documented_joints(name):
    layout = get_layout(name)
    joints = ", ".join(
        f"{j} {joint} ({'root' if parent == j else parent})"
        for j, (joint, parent) in enumerate(zip(layout.joints, layout.parents, strict=True))
    )
    assert f"**`{name}`**: {joints}\n" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", TABLES)
def test_documented_numbers(name):
    layout = get_layout(name)
    cells = [f"`{name}`", str(layout.num_joints)]
    cells += [f"{layout.joints[layout.center]} ({layout.center})"]
    cells += [str(layout.edge_index()[0].size(1))]
    for partition, digits in (("spatial", 0), ("distance", 2)):
        adj = layout.adjacency(partition)
        cells += [", ".join(str(int((subset > 0).sum())) for subset in adj)]
        cells += [", ".join(f"{float(subset.sum()):.{digits}f}" for subset in adj)]
    row = f"| {' | '.join(cells)} | {layout.source} |\n"
    assert row in PAGE.read_text(encoding="utf-8")
