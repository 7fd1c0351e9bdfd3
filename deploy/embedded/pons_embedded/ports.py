# SPDX-License-Identifier: Apache-2.0
"""TCP ports: which are free, and whether somebody answers there."""

import os
import random
import socket
from http.client import HTTPConnection, HTTPException

BELOW_EPHEMERAL = range(20000, 32000)


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen on `port` now."""
    return why_not_free(host, port) is None


def why_not_free(host: str, port: int) -> OSError | None:
    """What keeps a server from listening on `port` now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            # As servers do: connections that have just ended do not count. On Windows the same
            # option would let two servers share the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            return error
    return None


def free_port() -> int:
    """A free loopback port below the range that outgoing connections take theirs from.

    A client that retries a dead server on a port of that range can end up connected to itself, and
    then the server cannot come back.
    """
    for port in random.sample(BELOW_EPHEMERAL, 200):
        if is_free("127.0.0.1", port):
            return port
    with socket.socket() as any_free:
        any_free.bind(("127.0.0.1", 0))
        number: int = any_free.getsockname()[1]
        return number


def http_status(host: str, port: int, path: str, patience: float = 2) -> int:
    """The status that a plain GET is answered with; 0 when nobody answers in time."""
    return http_answer(host, port, path, patience)[0]


def http_answer(host: str, port: int, path: str, patience: float = 2) -> tuple[int, bytes]:
    """Status and body that a plain GET is answered with; 0 when nobody answers in time."""
    connection = HTTPConnection(host, port, timeout=patience)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, HTTPException, ValueError):
        return 0, b""
    finally:
        connection.close()
