# SPDX-License-Identifier: Apache-2.0
"""The sessions of a store, the same in every gateway.

Who has logged in holds a signed token, and no process remembers him. What all of them know is in
two buckets, which each follows: the key that signs (`session.key` of the configuration), made by
the first gateway, and `<store>-sessions`, the sessions that have ended before their time.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import structlog

from pons.bus import Bus
from pons.bus.bucket import Bucket, Outdated
from pons.bus.watch import Entry
from pons.errors import Unavailable, log_text
from pons.settings import Settings
from pons_gateway.sessions.token import KEY_BYTES, Session, Signer

log = structlog.get_logger()

KEY = "session.key"
ID_BYTES = 16
RENEWED_AFTER = 0.1
"""Part of its time after which a session is renewed: not with each of a hundred pictures."""
AGAIN_SECONDS = 2.0
AWAY = "Sessions cannot be changed now"

Clock = Callable[[], float]


class Sessions:
    """Begins, finds, renews and ends sessions. Open it with `open_sessions`, which follows others.

    All but `end` work from memory, also while NATS is away.
    """

    def __init__(
        self, bus: Bus, settings: Settings, users: Mapping[str, str], clock: Clock = time.time
    ) -> None:
        self._keys = Bucket(bus, bus.names.config_bucket, AWAY, "try again shortly")
        self._ends = Bucket(bus, bus.names.sessions_bucket, AWAY, "try again shortly")
        self._users = dict(users)
        self._seconds = settings.http.session_minutes * 60
        self._longest = settings.http.session_hours * 3600
        self._clock = clock
        self._signer = Signer(b"", {})
        self._key = b""
        self._key_known = asyncio.Event()
        self._ended_known = asyncio.Event()
        self._ended: dict[str, float] = {}
        """By the identifier of a session that has ended: when it would have, at the latest."""

    @property
    def store_id(self) -> str:
        """Part of the cookie's name."""
        return self._signer.store_id

    def begin(self, user: str) -> tuple[Session, str]:
        """A session of a user who has shown his password, and its token."""
        now = int(self._clock())
        limit = now + self._longest
        identifier = secrets.token_urlsafe(ID_BYTES)
        session = Session(identifier, user, limit, min(now + self._seconds, limit))
        return session, self._signer.sign(session)

    def find(self, token: str) -> Session | None:
        """The session of a token, as long as it holds."""
        session = self._signer.read(token, self._clock()) if token else None
        return session if session is not None and session.id not in self._ended else None

    def holds(self, session: Session) -> bool:
        """Whether it has not ended since it was found."""
        now = self._clock()
        return session.id not in self._ended and now < min(session.ends, session.limit)

    def renewed(self, session: Session) -> str | None:
        """The token of the same session, which holds, that ends later; None while that is not worth
        while."""
        now = int(self._clock())
        ends = min(now + self._seconds, session.limit)
        if ends - session.ends < self._seconds * RENEWED_AFTER:
            return None
        return self._signer.sign(Session(session.id, session.user, session.limit, ends))

    async def end(self, session: Session) -> None:
        """End it for every gateway. Raises `Unavailable`; it has ended here all the same."""
        self._forget()
        self._ended[session.id] = session.limit
        await self._ends.put(session.id, str(session.limit).encode())

    def take_key(self, key: bytes) -> None:
        """Sign and read with this key from now on."""
        self._key = key
        self._signer = Signer(key, self._users)
        self._key_known.set()

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """The key and the ends are known when the block begins, and kept fresh until it ends."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._follow_key()), group.create_task(self._follow_ends())]
            await self._key_known.wait()
            await self._ended_known.wait()
            yield
            for task in tasks:
                task.cancel()

    async def _follow_key(self) -> None:
        async for item in self._keys.watch(KEY):
            entry = item if isinstance(item, Entry) else item.entries.get(KEY)
            if entry is None or not entry.value:
                await self._put_key(self._key or secrets.token_bytes(KEY_BYTES))
            else:
                self.take_key(entry.value)

    async def _put_key(self, key: bytes) -> None:
        """Write a key, unless another gateway was quicker: then theirs comes by the watch."""
        while True:
            try:
                await self._claim(key)
                return
            except Unavailable as error:
                log.warning("key of sessions not written yet", error=log_text(error))
                await asyncio.sleep(AGAIN_SECONDS)

    async def _claim(self, key: bytes) -> None:
        try:
            await self._keys.replace(KEY, key, 0)
        except Outdated:
            if await self._keys.get(KEY) is None:  # all that lies there is the mark of a deletion
                await self._keys.put(KEY, key)

    async def _follow_ends(self) -> None:
        async for item in self._ends.watch("*"):
            self._forget()
            # What a bucket does not hold any more has ended all the same.
            for entry in [item] if isinstance(item, Entry) else item.entries.values():
                if entry.value:
                    self._ended[entry.key] = float(entry.value)
            self._ended_known.set()

    def _forget(self) -> None:
        """Forget those that would be over by now anyway."""
        now = self._clock()
        self._ended = {one: limit for one, limit in self._ended.items() if limit > now}


@asynccontextmanager
async def open_sessions(bus: Bus, settings: Settings) -> AsyncIterator[Sessions]:
    """The store's sessions, as long as the block runs; where it has no users nothing is followed,
    since nobody logs in."""
    sessions = Sessions(bus, settings, settings.http.users)
    if not settings.http.users:
        yield sessions
        return
    async with sessions.following():
        yield sessions
