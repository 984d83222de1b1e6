"""Keeps freed memory in the process, so that a step on a CPU does not fetch it page by page."""

from __future__ import annotations

import ctypes

__all__ = ["keep_memory"]

# Names of malloc.h of the GNU C library
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4


def keep_memory() -> bool:
    """Keeps memory that tensors free in this process, for the tensors to come.

    By default the C library of Linux returns every large block to the system at once and fetches
    a new one, page by page, for the next tensor; the tensors of a training step are such blocks.
    `sgnkit train`, `test` and `predict` call this themselves, unless `trainer.keep_memory` is
    false. The process keeps the peak of its memory until it ends. Tensors on a GPU are not
    concerned, as PyTorch keeps their memory anyway.

    Returns:
        Whether it can be done here: with the GNU C library, so not on macOS, Windows or Alpine.

    Examples:
        >>> keep_memory() in (True, False)
        True
    """
    try:
        if not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"):
            return False
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # TypeError: Windows has no CDLL(None)
        return False
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, -1))
