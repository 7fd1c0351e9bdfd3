# SPDX-License-Identifier: Apache-2.0
"""Ending a backing service of a test as a crash does."""

from pons_embedded.nats import EmbeddedNats
from pons_embedded.postgres import EmbeddedPostgres


def crash(embedded: EmbeddedPostgres | EmbeddedNats) -> None:
    """End a server with SIGKILL; its `start` brings it back at the same address."""
    process = embedded._process
    if process is None:
        raise RuntimeError(f"{type(embedded).__name__} is not running")
    process.kill()
    process.wait()
