# SPDX-License-Identifier: Apache-2.0
"""Requests whose bodies are read within bounds."""

from typing import Any

from fastapi import Request

from pons.limits.json_text import NotJson, read_json
from pons_gateway.bodies.gathering import MEGABYTE, whole
from pons_gateway.errors import BadJson

LONGEST_BODY = 16 * MEGABYTE
"""Bytes of a body that is read as a whole; files are read in pieces."""


class JsonRequest(Request):
    """What of a body can be kept can be told again: no endless nesting, NaN or huge numbers."""

    _bytes: bytes | None = None

    async def body(self) -> bytes:
        """All of the body. Raises `TooLarge`."""
        if self._bytes is None:
            self._bytes = await whole(self, LONGEST_BODY)
        return self._bytes

    async def json(self) -> Any:
        """The body's value; None of a blank one. Raises `BadJson` and `BadRequest`."""
        body = await self.body()
        return json_value(body) if body.strip() else None


def json_value(body: bytes) -> Any:
    """The value of JSON. Raises `BadJson` and `BadRequest`."""
    try:
        return read_json(body)
    except NotJson as error:
        raise BadJson("The body is not the JSON that is expected", str(error)) from None
