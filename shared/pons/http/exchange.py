# SPDX-License-Identifier: Apache-2.0
"""One request and its answer, as the application has them."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from pons.http.head_and_body import HeadAndBody
from pons.http.sized_body import SizedBody

CLOSE = (b"connection", b"close")


class Asked(Protocol):
    """The connection that a request came by."""

    answers: HeadAndBody

    def begins(self, exchange: "Exchange") -> SizedBody | None:
        """The application has the request. Gives the body, where uvicorn does not have it."""

    def touch(self) -> None:
        """A deadline counts from now."""

    def taken(self) -> None:
        """The application has taken a part of the body."""

    def answered(self) -> None:
        """The answer to the request is complete."""


class Exchange:
    """What passes between the application and uvicorn for one request."""

    def __init__(
        self,
        connection: Asked,
        scope: Any,
        receive: Any,
        send: Callable[[Any], Awaitable[None]],
        leaving: Callable[[], bool] = lambda: False,
    ) -> None:
        self._connection = connection
        self._receive = receive
        self._send = send
        self._leaving = leaving
        self._open = True
        self.waiting = False
        """Whether the application waits for the client."""
        self._body = connection.begins(self)
        self._sized = self._body is not None
        if self._body is not None:
            _tell_length(scope, self._body.length)

    async def receive(self) -> Any:
        self.waiting = True
        self._connection.touch()
        try:
            if self._body is not None:
                piece = await self._body.piece()
                if piece is not None:
                    self._connection.taken()
                    more = not self._body.ended
                    self._body = self._body if more else None
                    return {"type": "http.request", "body": piece, "more_body": more}
                self._body = None
            while True:
                message = await self._receive()
                # uvicorn knows of a body without a byte, which is not what the client sent.
                if not self._sized or message["type"] != "http.request":
                    return message
        finally:
            self.waiting = False

    def send(self, message: Any) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            return self._start(message)
        return self._send(message) if message.get("more_body") else self._finish(message)

    def _start(self, message: Any) -> Awaitable[None]:
        for name, _ in message["headers"]:
            if name == b"content-length":
                self._connection.answers.keep()  # what is sent bit by bit may wait for its first
        if self._leaving():
            # Else the client's next request may meet the end of the connection halfway.
            message = {**message, "headers": [*message["headers"], CLOSE]}
        return self._send(message)

    async def _finish(self, message: Any) -> None:
        await self._send(message)
        self.end()

    def end(self) -> None:
        """The answer is complete, or there will be none."""
        if self._open:
            self._open = False
            self._connection.answers.flush()
            self._connection.answered()


def _tell_length(scope: Any, length: int) -> None:
    """Have the length in the headers that the client sent."""
    headers = scope["headers"]
    for at, (name, _) in enumerate(headers):
        if name == b"content-length":
            headers[at] = (name, b"%d" % length)
