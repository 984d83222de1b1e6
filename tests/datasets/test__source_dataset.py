import os
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from sgnkit.data import SkeletonData
from sgnkit.datasets._source_dataset import SourceDataset
from sgnkit.datasets._sources import Source
from sgnkit.errors import DataError
from sgnkit.layout import get_layout


def read(path):
    if path.read_text() == "bad":
        raise DataError("a bad clip", file=path)
    x = np.full((2, 17, 2), float(path.read_text()))
    return SkeletonData.from_array(x, "coco17", y=0, name=path.stem)


class Numbers(SourceDataset):
    """A file with a number for each clip."""

    name = "numbers"
    layout = get_layout("coco17")
    class_names = ("one",)
    reads = 0

    def sources(self):
        type(self).reads += 1
        for path in sorted(self.given.glob("*.txt")):
            yield Source(path.stem, path, partial(read, path))

    def stamp(self):
        return [(path.name, path.stat().st_mtime_ns) for path in sorted(self.given.glob("*.txt"))]

    def wanted(self, clip):
        return self.split == "all" or clip.name == self.split

    def notes(self):
        return {"word": "kept"}

    def restore(self, notes):
        self.word = notes["word"]


@pytest.fixture
def folder(tmp_path):
    Numbers.reads = 0
    for name in ("train", "test", "other"):
        (tmp_path / f"{name}.txt").write_text("1")
    return tmp_path


def test_source_dataset(folder):
    assert str(Numbers(folder)) == "Numbers(3)"
    assert Numbers(folder, "train").names == ["train"] and Numbers.reads == 1
    assert Numbers(folder).word == "kept" and Numbers.reads == 1
    assert Numbers(folder, force_reload=True).skipped == {} and Numbers.reads == 2
    with pytest.raises(DataError, match=r"split 'val' has no clip(?s:.*)none of 3 clips"):
        Numbers(folder, "val")
    with pytest.raises(ValueError, match="split must be one of train, val"):
        Numbers(folder, "valid")
    with pytest.raises(DataError, match="no raw data"):
        Numbers(folder / "none")


def test_reads_again_when_something_changed(folder):
    assert float(Numbers(folder, "train")[0].x[0, 0, 0]) == 1
    time.sleep(0.01)
    (folder / "train.txt").write_text("2")
    assert float(Numbers(folder, "train")[0].x[0, 0, 0]) == 2 and Numbers.reads == 2
    assert len(Numbers(folder, options="other")) == 3 and Numbers.reads == 3
    assert len(Numbers(folder)) == 3 and Numbers.reads == 3  # each option has its own clips

    def only_train(data):
        return data.name == "train"

    assert len(Numbers(folder, pre_filter=only_train)) == 1 and Numbers.reads == 4
    assert len(Numbers(folder)) == 3 and Numbers.reads == 5
    for notes in (folder / "processed").glob("*.notes.json"):
        notes.write_text("[1]")
    assert len(Numbers(folder)) == 3 and Numbers.reads == 6


def test_skipped_clips_are_told_each_time(folder):
    (folder / "other.txt").write_text("bad")
    with pytest.raises(DataError, match="a bad clip"):
        Numbers(folder)
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"1 clips were skipped:\s+other: a bad clip"):
            dataset = Numbers(folder, on_error="skip")
        assert dataset.skipped.keys() == {"other"} and len(dataset) == 2
    assert Numbers.reads == 2
    with pytest.raises(DataError, match="a bad clip"):  # not hidden by what was stored
        Numbers(folder)
    (folder / "other.txt").write_text("3")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(Numbers(folder)) == 3


def test_processed_root(folder, tmp_path_factory):
    place = tmp_path_factory.mktemp("processed")
    assert len(Numbers(folder, processed_root=place)) == 3
    assert not (folder / "processed").exists() and any(Path(place / "processed").iterdir())
    os.chmod(folder, 0o500)
    try:
        with pytest.raises(
            DataError, match=r"cannot be stored(?s:.*)Numbers\(root, processed_root"
        ):
            Numbers(folder)
    finally:
        os.chmod(folder, 0o700)


def test_note_of_pyg_that_holds_code(folder):
    Numbers(folder)
    torch.save(Path("x"), folder / "processed" / "pre_filter.pt")
    with pytest.raises(DataError, match=r"not PyG's(?s:.*)pre_filter\.pt"):
        Numbers(folder)
