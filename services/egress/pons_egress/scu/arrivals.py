# SPDX-License-Identifier: Apache-2.0
"""The folder in which pynetdicom writes what it receives, and what is left there.

Where it writes, and that it does instead of gathering data sets in memory, are settings of the
whole process. Nothing else in this one receives instances or makes temporary files.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from pynetdicom import _config

from pons.objects.disk import disk_errors
from pons.objects.spool import LEFT_OVER

PREFIX = "c-get-"


class Arrivals:
    """A folder of this process below `parent`.

    What processes that crashed have left there is removed, once nobody wrote to it for an hour.
    """

    def __init__(self, parent: Path) -> None:
        self._folder = parent / f"{PREFIX}{uuid4().hex}"
        self._receiving = 0
        for left in parent.glob(f"{PREFIX}*"):
            if _written(left) < time.time() - LEFT_OVER.total_seconds():
                shutil.rmtree(left, ignore_errors=True)

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """What arrives while the block runs goes to the folder; several blocks may run at once.

        After the last one, what an association that broke has left is removed.
        """
        with disk_errors(self._folder):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._receiving += 1
        if self._receiving == 1:
            self._before = tempfile.tempdir, _config.STORE_RECV_CHUNKED_DATASET
            tempfile.tempdir, _config.STORE_RECV_CHUNKED_DATASET = str(self._folder), True
        try:
            yield
        finally:
            self._receiving -= 1
            if not self._receiving:
                tempfile.tempdir, _config.STORE_RECV_CHUNKED_DATASET = self._before
                shutil.rmtree(self._folder, ignore_errors=True)


def _written(folder: Path) -> float:
    """When something in the folder was written last; infinite for one that is gone."""
    with suppress(OSError):
        return max(one.stat().st_mtime for one in (folder, *folder.iterdir()))
    return float("inf")
