import json

from benchmarks import page
from benchmarks.aims import aims

MACHINE = {
    "processor": "A CPU",
    "cores": 2,
    "memory_gb": 8.0,
    "system": "Linux",
    "instructions": "AVX2",
    "python": "3.12.0",
    "versions": {"torch": "2.9.0"},
    "load": 0.1,
}


def result(name, rows, device="cpu"):
    options = {"device": device, "clock": "wall", "rounds": 11}
    found = {"name": name, "about": "About it.", "date": "2026-01-01", "options": options}
    return {**found, "machine": MACHINE, "missing": {"snnTorch": "not here."}, "rows": rows}


def row(case, reference="sgnkit", **sides):
    ms = {name: {"ms": 10 * ratio, "ratio": ratio} for name, ratio in sides.items()}
    return {"case": case, "reference": reference, "sides": ms}


def test_the_page_is_up_to_date():
    expected = page.page(page.load())
    found = page.PAGE.read_text(encoding="utf-8")
    assert found == expected, "docs/benchmarks.md is stale: run python -m benchmarks page"


def test_results_stand_where_the_template_names_them():
    other = result("streaming", [{"case": {"network": "a"}, "values": {"ms": 1234.5, "n": "x"}}])
    network = result("network", [row({"work": "inference"}, sgnkit=1.0, products=0.5)])
    text = page.page([other, network])
    assert text.index("## Whole network") < text.index("| inference | 10 ms | 5 ms, 0.50× |")
    assert text.index("## Memory\n") < text.index(
        "## Streaming\n\nAbout it.\n\n| network | ms | n |"
    )
    assert "| a | 1234 | x |" in text
    assert "Without snnTorch: not here." in text
    assert "A CPU, 2 of its cores (AVX2), 8 GB" in text
    assert "Not measured yet." in text
    assert "<!-- results" not in text


def test_tables_of_unlike_rows():
    rows = [
        row({"a": 1}, sgnkit=1.0),
        row({"a": 2}, sgnkit=1.0, rival=2.0),
        row({"b": 1}, sgnkit=1.0),
    ]
    first, second = page.table(rows).split("\n\n")
    assert first.splitlines()[0] == "| a | sgnkit | rival |"
    assert first.splitlines()[2:] == ["| 1 | 10 ms | – |", "| 2 | 10 ms | 20 ms, 2.00× |"]
    assert second.startswith("| b | sgnkit |")


def test_aims():
    train = {"work": "training step"}
    rival = {"Conv2d + einsum": 1.5, "SpikingJelly + Conv2d + einsum": 1.6}
    rows = [row(train, sgnkit=1.0, **rival), row(train, sgnkit=1.0, **{"Conv2d + einsum": 1.3})]
    rows.append(row({"work": "inference"}, sgnkit=1.0, products=0.8))
    lines = aims([result("network", rows)]).splitlines()
    assert any("training: the faster rival" in x and "1.30 to 1.50× | in part" in x for x in lines)
    assert any("over the floor of products" in x and "1.25× | reached" in x for x in lines)
    assert any("Automatic path" in x and "not measured" in x for x in lines)


def test_files_are_read_back(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(result("network", [])), encoding="utf-8")
    (tmp_path / "b.json").write_text("{}", encoding="utf-8")
    assert [found["name"] for found in page.load(tmp_path)] == ["network"]
