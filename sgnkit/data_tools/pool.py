"""Work on many clips: shared out among processes, with a bar that tells how far it is."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from typing import Any, TypeVar

import torch
from tqdm import tqdm

from sgnkit.layout import SkeletonLayout, get_layout, list_layouts, register_layout

__all__ = ["chunks", "progress", "spread"]

T = TypeVar("T")
R = TypeVar("R")


def chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Returns a list in parts of one size; the last part may be shorter.

    Examples:
        >>> chunks("abcde", 2)
        ['ab', 'cd', 'e']
    """
    return [items[k : k + size] for k in range(0, len(items), size)]


def spread(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """Calls a function on items in several processes, and gives the results in their order.

    Few items are on their way at a time, so memory does not grow with their number.

    Args:
        function: A function of a module; items and results travel between processes.
        items: What it is called on.
        workers: Number of processes; with 0 or 1 everything is done in this one.
    """
    if workers <= 1:
        yield from map(function, items)
        return
    rest = iter(items)
    # A fork would take threads and locks of torch along.
    context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
    context.set_forkserver_preload(["sgnkit.data_tools"])
    layouts = [get_layout(name) for name in list_layouts()]
    with ProcessPoolExecutor(workers, context, _begin, (layouts,)) as pool:
        waiting: deque[Future[R]] = deque()
        try:
            waiting.extend(pool.submit(function, item) for item in islice(rest, 2 * workers))
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(function, item) for item in islice(rest, 1))
                yield result
        finally:
            for future in waiting:
                future.cancel()


def _begin(layouts: list[SkeletonLayout]) -> None:
    """Makes a new process like its parent in what reading depends on."""
    torch.set_num_threads(1)
    for layout in layouts:
        register_layout(layout, overwrite=True)


def progress(total: int, what: str, quiet: bool = False) -> Any:
    """Returns a bar on standard error; where that is no terminal, nothing is drawn.

    Args:
        total: Number of clips.
        what: What is being done.
        quiet: Whether to draw nothing anywhere.
    """
    return tqdm(total=total, desc=what, unit=" clips", disable=True if quiet else None)
