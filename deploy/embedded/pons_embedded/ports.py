# SPDX-License-Identifier: Apache-2.0
"""TCP ports: which are free, and whether somebody answers there."""

import atexit
import os
import random
import socket
import sys
from http.client import HTTPConnection, HTTPException

BELOW_EPHEMERAL = range(20000, 32000)
KEPT = 256
"""Ports that a process keeps for its servers; the oldest are given back when it takes more."""

_kept: dict[int, socket.socket] = {}


@atexit.register
def _give_back() -> None:
    while _kept:
        _kept.popitem()[1].close()


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
    then the server cannot come back. On Linux the port is kept for this process: no other launcher
    gets it before, or while, a server of this one listens there.
    """
    for port in random.sample(BELOW_EPHEMERAL, 200):
        if _keep(port) if sys.platform == "linux" else is_free("127.0.0.1", port):
            return port
    with socket.socket() as any_free:
        any_free.bind(("127.0.0.1", 0))
        number: int = any_free.getsockname()[1]
        return number


def _keep(port: int) -> bool:
    """Whether `port` was free, and is kept now.

    A socket that is bound, and does not listen, keeps it: it can be bound only where no other is,
    and servers may listen there all the same, since both say SO_REUSEADDR.
    """
    keeper = socket.socket()
    try:
        keeper.bind(("127.0.0.1", port))
    except OSError:
        keeper.close()
        return False
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if len(_kept) >= KEPT:
        _kept.pop(next(iter(_kept))).close()
    _kept[port] = keeper
    return True


def http_answer(host: str, port: int, path: str, patience: float = 2) -> tuple[int, bytes]:
    """Status and body that a plain GET is answered with; 0 and nothing when nobody answers."""
    try:
        connection = HTTPConnection(host, port, timeout=patience)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()
    except (OSError, HTTPException):
        return 0, b""


def http_status(host: str, port: int, path: str, patience: float = 2) -> int:
    """The status that a plain GET is answered with; 0 when nobody answers in time."""
    return http_answer(host, port, path, patience)[0]
