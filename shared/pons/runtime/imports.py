# SPDX-License-Identifier: Apache-2.0
"""Imports of a program that is about to run.

A service imports some thousand modules, and hardly anything of them is ever garbage. Looking for it
meanwhile took a fifth of the time, and every later collection looked at all of it again.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

NEVER_USED = "pydantic.v1"
"""FastAPI imports it for the first route, to find out that no model is one of pydantic 1, and takes
it that none is where it cannot be imported."""


@contextmanager
def uncollected() -> Iterator[None]:
    """What is imported in this block is not looked at by the garbage collector, now or later.

    From here on pydantic's old version is not found by this program.
    """
    sys.modules.setdefault(NEVER_USED, None)  # type: ignore[arg-type] # so Python refuses it
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
