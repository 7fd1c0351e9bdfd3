# SPDX-License-Identifier: Apache-2.0
"""Publishing to streams: JetStream's answers come to one subject, each by a number of its own.

nats-py's `request` finds its answers by tokens, and waits for each in a way that costs as much as
all the rest; an announcement is published for nearly each image.
"""

import asyncio
from typing import Any

import msgspec
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg


class _Answer(msgspec.Struct):
    """What JetStream says of a message: an error, or where it keeps it."""

    error: dict[str, Any] | None = None
    stream: str = ""


_decoder = msgspec.json.Decoder(_Answer)


class Publisher:
    """One for each connection; it subscribes with the first message."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._inbox = ""
        self._opening = asyncio.Lock()
        self._last = 0
        self._waiting: dict[str, asyncio.Future[Msg]] = {}

    async def publish(
        self, subject: str, payload: bytes, within: float, headers: dict[str, str] | None = None
    ) -> None:
        """Returns once JetStream keeps the message.

        Raises what nats-py raises, and `TimeoutError` when nothing was said `within` so many
        seconds: then the message may have been kept.
        """
        if not self._inbox:
            await self._open()
        self._last += 1
        reply = f"{self._inbox}.{self._last}"
        loop = asyncio.get_running_loop()
        answer = self._waiting[reply] = loop.create_future()
        expiry = loop.call_later(within, _expire, answer)
        try:
            await self._client.publish(subject, payload, reply=reply, headers=headers)
            message = await answer
        finally:
            expiry.cancel()
            del self._waiting[reply]
        if not message.data:  # the server's way to say that no stream takes the subject
            raise nats.js.errors.NoStreamResponseError
        said = _decoder.decode(message.data)
        if said.error is not None:
            raise nats.js.errors.APIError.from_error(said.error)
        if not said.stream:
            raise nats.js.errors.NoStreamResponseError

    async def _open(self) -> None:
        async with self._opening:
            if not self._inbox:
                inbox = self._client.new_inbox()
                await self._client.subscribe(f"{inbox}.*", cb=self._hear)
                self._inbox = inbox

    async def _hear(self, message: Msg) -> None:
        answer = self._waiting.get(message.subject)
        if answer is not None and not answer.done():
            answer.set_result(message)


def _expire(answer: "asyncio.Future[Msg]") -> None:
    if not answer.done():
        answer.set_exception(nats.errors.TimeoutError())
