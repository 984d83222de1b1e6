import pytest

from sgnkit._extras import require


def test_returns_the_module():
    assert require("json.decoder", "viz").JSONDecoder


def test_missing_names_the_extra():
    with pytest.raises(ImportError, match=r"absent_pkg is not installed.*'sgnkit\[viz\]'"):
        require("absent_pkg.part", "viz")


@pytest.mark.parametrize(
    "source", ["import absent_requirement", "raise RuntimeError('operator does not exist')"]
)
def test_broken_is_not_called_missing(source, tmp_path, monkeypatch):
    (tmp_path / "broken_pkg.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match="broken_pkg is installed but cannot be imported") as info:
        require("broken_pkg", "viz")
    assert "sgnkit doctor" in str(info.value)
