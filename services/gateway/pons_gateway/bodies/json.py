# SPDX-License-Identifier: Apache-2.0
"""Requests whose bodies are read within bounds."""

from contextlib import AsyncExitStack
from typing import Any

from fastapi import Request
from starlette.types import Receive, Scope

from pons.limits import MEGABYTE
from pons.limits.json_text import NotJson, read_json
from pons.objects import Spool
from pons_gateway.bodies.gathering import gathered, limited
from pons_gateway.errors import BadJson

LONGEST_BODY = 16 * MEGABYTE
"""Bytes of a body that is read as a whole; files are read in pieces."""
SHORT_BODY = 16 * 1024
"""The same of what anybody may send."""
LONG = MEGABYTE
"""Bytes of a body from which on it waits for its turn, in a file."""


class JsonRequest(Request):
    """What of a body can be kept can be told again: no endless nesting, NaN or huge numbers."""

    _bytes: bytes | None = None

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        held: AsyncExitStack,
        *,
        or_text: bool = False,
        longest: int = LONGEST_BODY,
    ) -> None:
        """`held` ends when the request is answered. With `or_text`, a body that is no JSON is a
        text.
        """
        super().__init__(scope, receive)
        self._held = held
        self._or_text = or_text
        self._longest = longest

    async def body(self) -> bytes:
        """The body without blanks around it: a blank one is none. Raises `TooLarge`."""
        if self._bytes is None:
            self._bytes = (await self._whole()).strip()
        return self._bytes

    async def _whole(self) -> bytes:
        """All of it, when there is room for it: a client that sends slowly takes none."""
        backends = self.app.state.backends
        chunks = limited(self, self._longest)
        body = await gathered(chunks, backends.objects, self._longest, spool_above=LONG)
        if not isinstance(body, Spool):
            return bytes(body)
        with body:
            await self._held.enter_async_context(backends.body_room.hold(body.size))
            return body.path.read_bytes()

    async def json(self) -> Any:
        """The body's value. Raises `BadJson` and `BadRequest`."""
        body = await self.body()
        try:
            return read_json(body)
        except NotJson as error:
            if self._or_text:
                return body.decode("utf-8", "replace")
            raise BadJson("The body is not the JSON that is expected", str(error)) from None
