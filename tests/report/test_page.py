import json
import re

import pytest

from sgnkit.report.page import SCRIPTS, render, safe_json
from sgnkit.report.run_files import RunFiles

EVIL = "</script><script>alert(1)</script><!--\u2028&{{data}}"


def files(tmp_path, **results):
    return RunFiles(tmp_path, results, {}, None, None, EVIL, [])


def embedded(page):
    """Returns the data of a page, read as a browser finds it."""
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_nothing_in_the_data_ends_the_script(tmp_path):
    run = files(tmp_path, model=EVIL, command=EVIL, per_class={EVIL: 1.0}, confusion=[[1]])
    listed = {"name": [EVIL], "label": [0], "predicted": [0], "share": [1.0], "copy": [0]}
    page = render(run, None, None, listed, [EVIL])
    assert embedded(page)["classes"] == [EVIL]
    assert embedded(page)["clips"]["name"] == [EVIL]
    assert page.count("</script>") == 2
    assert "<script>alert" not in page and "<!--" not in page
    assert page.count("{{data}}") == 7  # as text in five places and twice in the data


def test_safe_json_keeps_the_value():
    value = {"a": [EVIL, 1.5, None, True], "b": {}}
    assert json.loads(safe_json(value)) == value
    assert not set("<>&\u2028") & set(safe_json(value))
    with pytest.raises(ValueError):
        safe_json(float("nan"))


def test_nothing_is_loaded_from_elsewhere(tmp_path):
    page = render(files(tmp_path), None, None, None, [])
    assert "default-src 'none'" in page
    addresses = set(re.findall(r"https?://[^\s\"'<]+", page))
    assert addresses == {"http://www.w3.org/2000/svg"}  # the name of SVG, which nobody opens
    assert not re.search(r'(src|href)="(?!#|data:,)', page)
    assert all(name.endswith(".js") for name in SCRIPTS)


def test_figures_of_the_run(tmp_path):
    run = files(
        tmp_path, accuracy=0.5, clips=4, clean_clips=3, clean_accuracy=1 / 3, parameters=12345
    )
    page = render(run, None, None, None, [])
    for text in ("50.00 %", "all 4 test clips", "33.33 %", "the 3 test clips", "12 345"):
        assert text in page
    assert 'aria-label="What is missing" hidden' in page
