"""The finished training and the folders of clips that other tests have as well."""

import importlib.util
from pathlib import Path


def _load(folder):
    path = Path(__file__).parents[1] / folder / "conftest.py"
    spec = importlib.util.spec_from_file_location(f"conftest_of_{folder}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_training, _data = _load("training"), _load("data_tools")
config, values, finished = _training.config, _training.values, _training.finished
clip, folder, write_recording = _data.clip, _data.folder, _data.write_recording
