# SPDX-License-Identifier: Apache-2.0
"""A way to NATS on which nothing is said before there is TLS."""

from typing import Any
from urllib.parse import ParseResult

import nats.errors
from nats.aio.transport import TcpTransport

NO_TLS = "it does not ask for TLS (settings nats.url, nats.tls_ca)"


class SecuredTransport(TcpTransport):
    """The client goes on in plain, password and all, where a server does not ask for TLS, whatever
    scheme its address has. Here that is an error before the first word.

    Give it to a client before it connects: it makes one of its own where that is false.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # as the others below
        self._secured = False

    def __bool__(self) -> bool:
        return True

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:
        self._secured = False
        await super().connect(uri, buffer_size, connect_timeout)

    async def connect_tls(self, *arguments: Any, **named: Any) -> None:
        await super().connect_tls(*arguments, **named)
        self._secured = True

    def write(self, payload: bytes) -> None:
        self._require_tls()
        super().write(payload)  # type: ignore[no-untyped-call]

    def writelines(self, payload: list[bytes]) -> None:
        self._require_tls()
        super().writelines(payload)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        if self._io_writer is not None:  # else it has never connected
            super().close()  # type: ignore[no-untyped-call]

    async def wait_closed(self) -> None:
        if self._io_writer is not None:
            await super().wait_closed()  # type: ignore[no-untyped-call]

    def at_eof(self) -> bool:
        return self._io_reader is None or self._io_reader.at_eof()

    def _require_tls(self) -> None:
        if not self._secured:
            raise nats.errors.Error(NO_TLS)
