# SPDX-License-Identifier: Apache-2.0
"""The connection under an association: bytes become events, no more of them than asked for."""

import asyncio
from collections.abc import Callable
from typing import cast

from pons.dicom.network.acknowledgement import acknowledge_now
from pons.dicom.network.messages import Message, MessageReader
from pons.dicom.network.pdu import PduReader, ProtocolError
from pons_ingress.admission import plain_ip

RECEIVE_BUFFER = 256 * 1024
"""Bytes taken from a socket at once; one buffer of this size serves all connections."""
UNREAD_LIMIT = 64 * 1024
"""Bytes that may wait behind a request that is being served before reading pauses."""
SMALL_READ = 4 * 1024
"""A read of fewer bytes that leaves a message incomplete, also while we serve or send: the peer may
be waiting for our ACK."""

STOPPING_PATIENCE = 1.0
"""Seconds that a peer may take to close its connection when this process ends."""


class AssociationEnded(Exception):
    """The association is over, whatever is still being done for it."""


class Aborted(AssociationEnded):
    """The peer ended the association with an A-ABORT."""


class ConnectionLost(AssociationEnded):
    """The connection ended without a release."""

    def __str__(self) -> str:
        return "the connection ended"


class TimedOut(AssociationEnded):
    """The peer was silent, or too slow to complete one PDU, for as long as it may be."""

    def __str__(self) -> str:
        return "no whole PDU within the timeout"


class Stopping(AssociationEnded):
    """This process is about to end."""

    def __str__(self) -> str:
        return "the service stops"


class Channel(asyncio.BufferedProtocol):
    """Gives the events of `reader`, one at a time, to the one who awaits `next`.

    While nobody does, a request is being served: then some bytes are taken in, and after that the
    peer has to wait. Neither what waits nor what is not yet sent grows with what a peer does.

    Parameters
    ----------
    buffer
        Where sockets are read into, shared by all channels of one event loop: between
        `get_buffer` and `buffer_updated` no other code runs.
    connected
        Called once there is a connection.
    """

    def __init__(
        self,
        reader: PduReader,
        messages: MessageReader,
        buffer: memoryview,
        connected: Callable[[], None],
    ) -> None:
        self.remote_ip = ""
        self._reader = reader
        self._messages = messages
        self._buffer = buffer
        self._connected = connected
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timeout = self._deadline = 0.0
        self._unread = bytearray()
        self._event: object | None = None
        self._early: object | None = None
        self._ending: Exception | None = None
        self._paused = self._stopping = self._closing = self._answering = False

    async def next(self, *, answering: bool = False) -> object:
        """The next event. Raises what ends the association: this module's, or `ProtocolError`.

        `answering` says that it belongs to a request that is under way, which a stop lets finish.
        """
        self._answering = answering
        self.check()
        if self._early is not None:
            return self.take()
        self._event = None
        self._deadline = self._loop.time() + self._timeout
        self._waiter = self._loop.create_future()
        if self._unread:
            self._read_unread()
        if self._stopping and not answering and not self._messages.inside_message:
            self.end(Stopping())
        if self._ending is None and self._event is None:
            self._resume()
            await self._waiter
        self._waiter = None
        if self._event is None:
            raise self._ending or ConnectionLost()
        return self._event

    def check(self) -> None:
        """Raise what has ended the association, if anything has."""
        if self._ending is not None:
            raise self._ending

    def glance(self) -> object | None:
        """What `next` would give without waiting, if anything; it stays until taken."""
        if self._early is None and self._unread and self._ending is None:
            self._event = None
            self._read_unread()
            self._early, self._event = self._event, None
            if len(self._unread) <= UNREAD_LIMIT and not self._closing:
                self._resume()
        return self._early

    def take(self) -> object | None:
        """Take what `glance` gave."""
        early, self._early = self._early, None
        return early

    async def send(self, data: bytes) -> None:
        """Write `data` at once; wait while the peer does not take what it was sent."""
        if self._transport.is_closing():
            return
        self._transport.write(data)
        if self._drained is not None:
            await asyncio.wait((self._drained,), timeout=self._timeout)
            if self._drained is not None:
                self.end(TimedOut())

    async def close(self, last_words: bytes, patience: float) -> None:
        """Send `last_words`, then let the peer close the connection (PS3.8 9.2, state 13).

        Closing first could destroy them on their way, when the peer has sent more than was read.
        """
        self._closing = True
        self._unread = bytearray()
        self._let_go()
        if self._timer is not None:
            self._timer.cancel()
        if not self._transport.is_closing():
            self._transport.write(last_words)
            self._resume()
        if self._stopping:
            patience = min(patience, STOPPING_PATIENCE)
        await asyncio.wait((self._closed,), timeout=patience)
        self._transport.abort()

    def drop(self, last_words: bytes) -> None:
        """Send `last_words` and close without waiting for anything."""
        self._let_go()
        if not self._transport.is_closing():
            self._transport.write(last_words)
            self._transport.close()

    def expect_within(self, seconds: float) -> None:
        """Let the peer complete its next PDU, from now on each one, within `seconds`."""
        self._timeout = seconds
        self._deadline = self._loop.time() + seconds
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._check_deadline)

    def stop(self) -> None:
        """End the association as soon as the request that is under way is answered."""
        self._stopping = True
        if self._closing:
            self._transport.abort()
        elif self._listening and not self._answering and not self._messages.inside_message:
            self.end(Stopping())

    def end(self, reason: Exception) -> None:
        """Let `next` raise `reason`, unless there is an earlier reason."""
        if self._ending is None:
            self._ending = reason
        self._wake()

    @property
    def ended(self) -> bool:
        """Whether nothing more comes of the peer."""
        return self._ending is not None

    @property
    def _incomplete(self) -> bool:
        """Whether what came is, or may be where it waits unread, a part of a message."""
        return self._messages.inside_message or bool(self._unread)

    @property
    def _listening(self) -> bool:
        return self._waiter is not None and not self._waiter.done()

    def _let_go(self) -> None:
        """Clean up after a request that came early and will not be served."""
        early = self.take()
        if isinstance(early, Message) and early.dataset is not None:
            early.dataset.close()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _read_unread(self) -> None:
        with memoryview(self._unread) as waiting:
            used = self._read(waiting)
        del self._unread[:used]

    def _read(self, data: memoryview) -> int:
        whole_pdus = self._reader.whole_pdus
        try:
            used, self._event = self._reader.read(data)
        except ProtocolError as error:
            self.end(error)
            return 0
        if self._reader.whole_pdus != whole_pdus:
            self._deadline = self._loop.time() + self._timeout
        if self._event is not None:
            self._wake()
        return used

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def _check_deadline(self) -> None:
        now = self._loop.time()
        if not self._listening:  # it is us who take long, not the peer
            self._timer = self._loop.call_later(self._timeout, self._check_deadline)
        elif now < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._check_deadline)
        else:
            self.end(TimedOut())

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.remote_ip = plain_ip(peer[0]) if peer else ""  # a peer may be gone already
        self._connected()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, count: int) -> None:
        if self._closing or self._ending is not None:
            return
        if self._listening and not self._unread:
            used = self._read(self._buffer[:count])
            self._unread += self._buffer[used:count]
        else:
            self._unread += self._buffer[:count]
            if self._listening:
                self._read_unread()
        if count < SMALL_READ and self._incomplete:
            acknowledge_now(self._transport)
        if not self._listening and len(self._unread) > UNREAD_LIMIT and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._drained is not None:
            self._drained.set_result(None)
            self._drained = None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.resume_writing()
        self.end(ConnectionLost())
        if not self._closed.done():
            self._closed.set_result(None)
