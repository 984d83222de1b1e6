"""The finished training that other tests have as well."""

import importlib.util
from pathlib import Path

_PATH = Path(__file__).parents[1] / "training" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("conftest_of_training", _PATH)
_TRAINING = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_TRAINING)
finished = _TRAINING.finished
