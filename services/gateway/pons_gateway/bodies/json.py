# SPDX-License-Identifier: Apache-2.0
"""Requests whose JSON is read within bounds."""

from typing import Any

from fastapi import Request

from pons.limits.json_text import NotJson, read_json
from pons_gateway.errors import BadJson


class JsonRequest(Request):
    """What of a body can be kept can be told again: no endless nesting, NaN or huge numbers."""

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
