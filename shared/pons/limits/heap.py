# SPDX-License-Identifier: Apache-2.0
"""What becomes of memory that is freed, where the C library (glibc) lets us say so."""

import ctypes
import sys
from functools import cache
from typing import Any

M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
KEPT = 16 * 1024 * 1024
"""Free bytes at the end of the heap that stay with the process: sixteen uploads of images."""
MAPPED = 2 * 1024 * 1024
"""Bytes of a piece of memory from which on it goes back to the system as soon as it is freed."""


def keep_freed_memory() -> None:
    """Let the memory of an image be the next one's, as long as this process runs.

    The system gives memory page by page, and clears each: for an image of 0.5 MB that took a third
    of the CPU of its upload.
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(M_TRIM_THRESHOLD, KEPT)
        mallopt(M_MMAP_THRESHOLD, MAPPED)


def give_back_memory() -> None:
    """Return freed memory to the system; what is in pieces would stay with the process for good."""
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


@cache
def _of_glibc(name: str) -> Any:
    """A function of the C library; None where it is another one, which does as it does."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
