# SPDX-License-Identifier: Apache-2.0
"""JSON answers as XML, for clients whose `Accept` prefers that."""

from collections.abc import Awaitable
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pons_gateway.responses.answers import JSON_TYPE, NOSNIFF, XML_TYPE
from pons_gateway.responses.xml import document, wants_xml

OF_THE_BODY = (b"content-type", b"content-length", b"x-content-type-options")


class Xml:
    """Tells answers of JSON as XML. Those in pages tell themselves so (`scope["wants_xml"]`)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            accept = dict(scope["headers"]).get(b"accept", b"")
            if b"xml" in accept and wants_xml(accept.decode("latin-1")):
                scope["wants_xml"] = True
                send = _Translation(send)
        return self.app(scope, receive, send)


class _Translation:
    """Holds an answer of JSON back until it is whole, and sends it as XML."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if message["status"] == 200 and JSON_TYPE in message["headers"]:
                self._start = message
                return
        elif self._start is not None:
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            await self._send_as_xml(self._start, orjson.loads(self._body))
            return
        await self._send(message)

    async def _send_as_xml(self, start: Message, value: Any) -> None:
        body = document(value)
        kept = [item for item in start["headers"] if item[0] not in OF_THE_BODY]
        length = (b"content-length", b"%d" % len(body))
        await self._send({**start, "headers": [XML_TYPE, *kept, length, NOSNIFF]})
        await self._send({"type": "http.response.body", "body": body})
