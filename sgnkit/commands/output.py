"""What a command prints: a result, for people or programs, and chatter around it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from types import TracebackType
from typing import Any

__all__ = ["Output"]


class Output:
    """Keeps the result of a command apart from its chatter.

    Inside the `with` block whatever is printed, by any library, is chatter: it goes to standard
    output, with `json` to standard error, and with `quiet` nowhere.

    Args:
        quiet: Whether only the result is wanted.
        json: Whether the result is for programs.

    Examples:
        >>> with Output(json=True) as out:
        ...     print("one moment")
        ...     out.result("three clips", {"clips": 3})
        {
          "clips": 3
        }
    """

    def __init__(self, quiet: bool = False, json: bool = False) -> None:
        self.quiet = quiet
        self.json = json
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Output:
        self._stdout = sys.stdout
        if self.quiet:
            nowhere = self._stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
            self._stack.enter_context(contextlib.redirect_stdout(nowhere))
        elif self.json:
            self._stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def result(self, text: object, value: Any) -> None:
        """Prints the result.

        Args:
            text: The result for people.
            value: The result for programs, of plain values.
        """
        print(
            json.dumps(value, indent=2, default=_plain) if self.json else text,
            file=self._stdout,
            flush=True,
        )


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
