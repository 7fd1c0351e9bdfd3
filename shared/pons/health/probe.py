# SPDX-License-Identifier: Apache-2.0
"""A service's own health check: exit code 0 while the service on this machine is ready.

    python3 -I -S shared/pons/health/probe.py [PORT]

It is started every few seconds beside a service, so it needs nothing but a socket, and takes a few
hundredths of the time that reading the settings does. What is missing is printed.
"""

import socket
import sys

PORT = 8081
"""`health.port` of the images."""
PATIENCE = 5.0
REQUEST = b"GET /health/ready HTTP/1.0\r\nhost: localhost\r\n\r\n"
LONGEST = 4096


def ask(port: int) -> tuple[bool, str]:
    """Whether the service is ready, and what it says. Raises `OSError` where nobody answers."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        connection.sendall(REQUEST)
        while piece := connection.recv(LONGEST):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(maxsplit=2)[1:2]
    return status == [b"200"], body[:LONGEST].decode(errors="replace")


def main(words: list[str]) -> int:
    try:
        ready, said = ask(int(words[0]) if words else PORT)
    except OSError as error:
        ready, said = False, f"the health port does not answer: {error}"
    print(said)
    return 0 if ready else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
