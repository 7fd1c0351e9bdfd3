# SPDX-License-Identifier: Apache-2.0
"""What a store knows by name: from its settings, changed over REST, the same everywhere.

A change is one key `<kind>.<name>` in the configuration bucket, and wins over the settings; what
is deleted leaves a `null` there. Each service follows the bucket, so that `list` and `get` are
look-ups in memory that survive NATS being away.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any, Generic, Literal, TypeVar

from pons.bus import Bus
from pons.bus.bucket import Outdated
from pons.errors import BadRequest, NotFound
from pons.remotes.config_keys import ConfigKeys

T = TypeVar("T")
NAME = re.compile(r"[A-Za-z0-9_-]+")
LONGEST = 200
"""Characters of a name: the queue of a destination has it in its own, which NATS takes 255 of."""

Source = Literal["settings", "changed", "here"]
"""Where one comes from: the settings; the settings, changed over REST since; REST alone."""


class Registry(Generic[T]):
    """Things of one kind, by name; fresh inside `following`.

    `parse` makes one, which is a `stored`, of what the settings say and of its name; `route` lists
    them over REST.
    """

    def __init__(
        self,
        bus: Bus,
        kind: str,
        route: str,
        configured: Mapping[str, Any],
        parse: Callable[[Any, str], T],
        stored: type[T],
    ) -> None:
        self._kind = kind
        self._route = route
        self._configured = {
            check_name(name, kind): parse(value, name) for name, value in configured.items()
        }
        self._changed: ConfigKeys[T] = ConfigKeys(bus, kind, stored)
        self.following = self._changed.following

    @property
    def changed(self) -> asyncio.Event:
        """Set when something else is known; ask for another one then."""
        return self._changed.changed

    def list(self) -> dict[str, T]:
        """All of them, sorted by name."""
        known = {**self._configured, **self._changed.items()}
        return {name: one for name, one in sorted(known.items()) if one is not None}

    def sources(self) -> dict[str, Source]:
        """Where each that is listed comes from, sorted by name."""
        changed = self._changed.items()
        return {name: self._source(name, name in changed) for name in self.list()}

    def _source(self, name: str, changed: bool) -> Source:
        if not changed:
            return "settings"
        return "changed" if name in self._configured else "here"

    def get(self, name: str) -> T:
        """The one called `name`; raises `NotFound`."""
        one = self._changed.get(name, self._configured.get(name))
        if one is None:
            raise NotFound(
                f"There is no {self._kind} {name!r}",
                f"GET {self._route} lists those that are known",
            )
        return one

    async def read(self, name: str) -> T:
        """As `get`, but what the bucket holds at this moment: for acting on a change just made.

        While NATS is away, what was known last.
        """
        await self._changed.refresh(check_name(name, self._kind))
        return self.get(name)

    def revision(self, name: str) -> int:
        """The number of its last change, as it is known here; 0 for what only the settings say."""
        return self._changed.revision(name)

    async def put(self, name: str, one: T, revision: int | None = None) -> None:
        """Create or replace; seen here at once and by every service shortly after.

        With a `revision`, only where that is still the last one: else raises `Outdated`.
        """
        await self._changed.write(check_new_name(name, self._kind), one, revision)

    async def add(self, name: str, one: T) -> None:
        """Create; as `put`, but raises `Outdated` where something is called so already."""
        await self._changed.refresh(check_new_name(name, self._kind))
        if name in self.list():
            raise Outdated
        await self._changed.write(name, one, self.revision(name))

    async def delete(self, name: str, revision: int | None = None) -> None:
        """Forget it, also when the settings name it; raises `NotFound`.

        With a `revision`, only where that is still the last one: else raises `Outdated`.
        """
        await self.read(name)
        await self._changed.write(name, None, revision)


def check_name(name: str, kind: str = "modality") -> str:
    """`name`, when it may name one of this kind; else `BadRequest`."""
    if NAME.fullmatch(name) is None:
        raise BadRequest(f"The name of a {kind} is letters, digits, '-' and '_' only, not {name!r}")
    return name


def check_new_name(name: str, kind: str) -> str:
    """As `check_name`, of one that is to be kept: earlier versions kept longer ones."""
    if len(check_name(name, kind)) > LONGEST:
        raise BadRequest(f"The name of a {kind} has at most {LONGEST} characters, not {len(name)}")
    return name
