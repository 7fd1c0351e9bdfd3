# SPDX-License-Identifier: Apache-2.0
"""What PostgreSQL has to show before it is asked anything, and how it notices who is gone."""

import ssl
from urllib.parse import parse_qs, urlsplit

from pons.settings import DatabaseSettings
from pons.tls.contexts import Terms
from pons.tls.servers import POSTGRESQL, asking_context

NOTICED_GONE = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "2",
    "tcp_user_timeout": "20s",
}
"""Settings of each session, by which the server notices within 20 s that nobody is there any more.

Where a network breaks or a machine is lost, no word of it reaches the server, and by default it
keeps the session, and whatever rows and locks that holds, for more than two hours.
"""


def database_tls(database: DatabaseSettings, url: str) -> ssl.SSLContext | None:
    """For asyncpg, which then speaks to nobody else; None: as the address says.

    asyncpg passes over `sslcert` and `sslkey` of the address `url` beside a context, so they are
    taken from there. Reads files. Raises `Unavailable` where they have no certificates.
    """
    if not database.tls_ca:
        return None
    named = parse_qs(urlsplit(url).query)
    certificate, key = (named.get(name, [""])[-1] for name in ("sslcert", "sslkey"))
    return asking_context(
        Terms(POSTGRESQL, certificate=certificate, private_key=key, trusted=database.tls_ca)
    )


def server_of(url: str) -> str:
    """What people call the server of an address."""
    place = urlsplit(url).netloc.rpartition("@")[2]
    return f"PostgreSQL at {place}" if place else "PostgreSQL"
