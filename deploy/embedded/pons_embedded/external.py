# SPDX-License-Identifier: Apache-2.0
"""Servers that settings name in place of the embedded ones: whether anybody is there at all."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from pons.settings import Settings
from pons_embedded.errors import Refusal

PATIENCE = 5.0
"""Seconds that a server may take to accept a connection."""
PORTS = {"nats": 4222, "tls": 4222, "postgresql": 5432, "postgres": 5432, "http": 80, "https": 443}

Place = tuple[str, int]


def check_servers(settings: Settings) -> None:
    """Raise `Refusal` naming the first setting at whose address nobody accepts a connection."""
    for setting, places in _servers(settings):
        errors = [error for place in places if (error := _connection_error(place))]
        if places and len(errors) == len(places):
            where = ", ".join(f"{host}:{port}" for host, port in places)
            raise Refusal(
                f"nobody answers at {where} (setting {setting}): {errors[0]}: "
                "start that server, or change the setting"
            )


def _servers(settings: Settings) -> Iterator[tuple[str, list[Place]]]:
    yield "nats.url", _places(settings.nats.url)
    yield "database.url", _places(settings.database.url)
    yield "database.reader_url", _places(settings.database.reader_url)
    if settings.storage.kind == "s3":
        scheme = "https" if settings.storage.s3_secure else "http"
        yield "storage.s3_endpoint", _places(f"{scheme}://{settings.storage.s3_endpoint}")


def _places(addresses: str) -> list[Place]:
    """Hosts and ports of addresses separated by commas; those without a host are of sockets."""
    scheme = addresses.partition("://")[0]
    found = []
    for address in filter(None, addresses.split(",")):
        parts = urlsplit(address if "://" in address else f"{scheme}://{address}")
        if parts.hostname:
            found.append((parts.hostname, parts.port or PORTS.get(parts.scheme, 0)))
    return found


def _connection_error(place: Place) -> str:
    try:
        socket.create_connection(place, PATIENCE).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""
