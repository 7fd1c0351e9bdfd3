# SPDX-License-Identifier: Apache-2.0
"""The certificates of a port, as their files are now."""

import asyncio
import os
import ssl
from collections.abc import Callable, MutableMapping
from pathlib import Path
from threading import Lock

import structlog

from pons.errors import PonsError, log_text
from pons.tls.contexts import Terms

log = structlog.get_logger()
WARNING = "certificates"


class Certificates:
    """The TLS context for the next handshake. Raises what `make` does when there can be none.

    Files that have changed are read again. What cannot be used then is kept out: the context that
    worked last stays, and the log and `warnings`, which the health port shows, say why.

    Parameters
    ----------
    make
        Makes a context of the files as they are; raises `PonsError` where that cannot be.
    terms
        Those that it makes it of.
    """

    def __init__(
        self,
        make: Callable[[], ssl.SSLContext],
        terms: Terms,
        warnings: MutableMapping[str, str],
    ) -> None:
        self._make = make
        self.names = terms.names
        self._files = terms.files
        self._warnings = warnings
        self._lock = Lock()
        self._seen = self._marks()
        self._context = make()

    def context(self) -> ssl.SSLContext:
        """Looks at the files; from any thread."""
        with self._lock:
            marks = self._marks()  # before they are read: what changes meanwhile is seen next time
            if marks != self._seen:
                self._seen = marks
                self._read()
            return self._context

    async def look(self) -> None:
        """See whether they have changed, so that a warning stands on the health port at once."""
        await asyncio.to_thread(self.context)

    def _read(self) -> None:
        try:
            self._context = self._make()
        except PonsError as error:
            self._warnings[WARNING] = f"those read before are still in use: {error}"
            log.error("new certificates cannot be used", error=log_text(error))
        else:
            self._warnings.pop(WARNING, None)
            log.info("certificates read again")

    def _marks(self) -> list[tuple[int, ...]]:
        return [_mark(file) for file in self._files]


def _mark(file: Path) -> tuple[int, ...]:
    """What is another once the file has been written or replaced, behind a link, too."""
    try:
        found = os.stat(file)
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev
