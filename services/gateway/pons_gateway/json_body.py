# SPDX-License-Identifier: Apache-2.0
"""Bodies that are JSON of a declared type."""

from typing import TypeVar

import msgspec
from starlette.requests import Request

from pons_gateway.errors import BadJson
from pons_gateway.gathering import MEGABYTE, whole

MAX_BODY = 16 * MEGABYTE

Body = TypeVar("Body")


async def read_json(request: Request, kind: type[Body]) -> Body:
    """The body, which must be JSON of this type. Raises `BadJson`, `TooLarge`."""
    body = await whole(request, MAX_BODY)
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadJson("The body is not the JSON that is expected", str(error)) from None
