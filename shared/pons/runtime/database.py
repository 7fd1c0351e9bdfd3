# SPDX-License-Identifier: Apache-2.0
"""What PostgreSQL has to show before it is asked anything."""

import ssl
from urllib.parse import urlsplit

from pons.settings import DatabaseSettings
from pons.tls.contexts import Terms
from pons.tls.servers import POSTGRESQL, asking_context


def database_tls(database: DatabaseSettings) -> ssl.SSLContext | None:
    """For asyncpg, which then speaks to nobody else; None: as the address says.

    Reads a file. Raises `Unavailable` where that has no certificates.
    """
    if not database.tls_ca:
        return None
    return asking_context(Terms(POSTGRESQL, trusted=database.tls_ca))


def server_of(url: str) -> str:
    """What people call the server of an address."""
    place = urlsplit(url).netloc.rpartition("@")[2]
    return f"PostgreSQL at {place}" if place else "PostgreSQL"
