"""Errors that say what is wrong, where, what was expected and how to mend it."""

from __future__ import annotations

__all__ = ["CheckpointError", "ConfigError", "DataError"]

_LONGEST = 1000


class _ExplainedError(ValueError):
    """Base of the errors below: one message from named parts.

    Args:
        what: What is wrong, in one sentence.
        file: The file in which it was found.
        place: The place inside the file, array or graph.
        expected: What would have been right.
        found: What was there.
        remedy: What to do about it.
    """

    def __init__(
        self,
        what: str,
        *,
        file: object = None,
        place: object = None,
        expected: object = None,
        found: object = None,
        remedy: object = None,
    ) -> None:
        self.what = what
        self.file = file
        self.place = place
        self.expected = expected
        self.found = found
        self.remedy = remedy
        parts = {
            "file": file,
            "place": place,
            "expected": expected,
            "found": found,
            "remedy": remedy,
        }
        lines = [f"  {key + ':':<9} {_cut(v)}" for key, v in parts.items() if v is not None]
        super().__init__("\n".join([what, *lines]))


def _cut(value: object) -> str:
    """Returns a value as text; what a garbled file holds may be of any length."""
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


class DataError(_ExplainedError):
    """A file or an array that does not hold what it should hold.

    Args:
        what: What is wrong, in one sentence.
        file: The file in which it was found.
        place: The place inside the file, array or graph.
        expected: What would have been right.
        found: What was there.
        remedy: What to do about it.

    Examples:
        >>> print(DataError("wrong joint count", place="axis V", expected=25, found=20))
        wrong joint count
          place:    axis V
          expected: 25
          found:    20
    """


class ConfigError(_ExplainedError):
    """A configuration with an unknown key or a value that is not legal.

    Args:
        what: What is wrong, in one sentence.
        file: The file in which it was found.
        place: The place inside the file, array or graph.
        expected: What would have been right.
        found: What was there.
        remedy: What to do about it.
    """


class CheckpointError(_ExplainedError):
    """A checkpoint that does not fit the model, the version or itself.

    Args:
        what: What is wrong, in one sentence.
        file: The file in which it was found.
        place: The place inside the file, array or graph.
        expected: What would have been right.
        found: What was there.
        remedy: What to do about it.
    """
