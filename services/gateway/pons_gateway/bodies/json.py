# SPDX-License-Identifier: Apache-2.0
"""Requests whose bodies are read within bounds."""

from typing import Any

from fastapi import Request
from starlette.types import Receive, Scope

from pons.limits import MEGABYTE
from pons.limits.json_text import NotJson, read_json
from pons_gateway.bodies.gathering import whole
from pons_gateway.errors import BadJson

LONGEST_BODY = 16 * MEGABYTE
"""Bytes of a body that is read as a whole; files are read in pieces."""


class JsonRequest(Request):
    """What of a body can be kept can be told again: no endless nesting, NaN or huge numbers."""

    _bytes: bytes | None = None

    def __init__(self, scope: Scope, receive: Receive, *, or_text: bool = False) -> None:
        """With `or_text`, a body that is no JSON is a text."""
        super().__init__(scope, receive)
        self._or_text = or_text

    async def body(self) -> bytes:
        """The body without blanks around it: a blank one is none. Raises `TooLarge`."""
        if self._bytes is None:
            self._bytes = (await whole(self, LONGEST_BODY)).strip()
        return self._bytes

    async def json(self) -> Any:
        """The body's value. Raises `BadJson` and `BadRequest`."""
        body = await self.body()
        try:
            return read_json(body)
        except NotJson as error:
            if self._or_text:
                return body.decode("utf-8", "replace")
            raise BadJson("The body is not the JSON that is expected", str(error)) from None
