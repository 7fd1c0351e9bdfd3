# SPDX-License-Identifier: Apache-2.0
"""An index that writes nothing: it hears announcements and answers what it is told to."""

from typing import Literal

import msgspec
from nats.aio.msg import Msg

from pons.bus import Bus
from pons.messages.events import Announcement, Indexed, IndexedBatch, InstanceReceived, StoreStatus

Answer = tuple[StoreStatus | Literal[""], str]
"""Status and reason, as in `Indexed`."""


class FakeIndex:
    """Answers each announced instance of its store with `answer`, or not at all."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.answer: Answer | None = ("Success", "")
        self.announcements: list[Announcement] = []

    @property
    def instances(self) -> list[InstanceReceived]:
        """What was announced, in order; an instance that was announced twice is here twice."""
        return [one for announced in self.announcements for one in announced.instances]

    async def hear(self, message: Msg) -> None:
        announcement = msgspec.msgpack.decode(message.data, type=Announcement)
        self.announcements.append(announcement)
        if self.answer is not None:
            answers = [Indexed(one.token, *self.answer) for one in announcement.instances]
            subject = self._bus.names.reply(announcement.process)
            await self._bus.send(subject, msgspec.msgpack.encode(IndexedBatch(answers)))


async def open_fake_index(bus: Bus) -> FakeIndex:
    """A fake index that hears what is announced on `bus` from now on."""
    index = FakeIndex(bus)
    await bus.subscribe(bus.names.received, index.hear)
    await bus.client.flush()
    return index
