# SPDX-License-Identifier: Apache-2.0
"""Scripts that were posted and have defined something: every process of the store loads them."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from pons.bus import Bus
from pons.errors import OutOfResources
from pons.remotes.config_keys import ConfigKeys

MOST = 200
MOST_BYTES = 4 * 1024 * 1024


class PostedScripts:
    """In the order in which they were posted. Kept fresh by `following`."""

    def __init__(self, bus: Bus, changed: Callable[[], None]) -> None:
        self._keys: ConfigKeys[str] = ConfigKeys(bus, "lua", str, changed)

    def all(self) -> dict[str, bytes]:
        """Each by its name."""
        kept = {name: text for name, text in self._keys.items().items() if text is not None}
        return {name: kept[name].encode("latin-1") for name in sorted(kept)}

    def require_room(self, script: bytes) -> None:
        """Raises `OutOfResources` when no more can be kept."""
        others = [one for one in self.all().values() if one != script]
        if len(others) >= MOST or sum(map(len, others)) + len(script) > MOST_BYTES:
            raise OutOfResources(
                f"There are {len(others)} posted Lua scripts, as many as are kept",
                "put them into files (setting lua.scripts), and delete the keys lua.* of the "
                "configuration bucket",
            )

    @staticmethod
    def name() -> str:
        """For a script that is posted now."""
        return f"{time.time_ns():020d}"

    async def see(self, name: str) -> None:
        """Know of a script that another process has kept just now."""
        await self._keys.refresh(name)

    async def keep(self, name: str, script: bytes) -> None:
        """For every process from now on; the same script of an earlier time is no more."""
        earlier = [other for other, text in self.all().items() if text == script]
        await self._keys.write(name, script.decode("latin-1"))
        for other in earlier:
            await self._keys.forget(other)

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Kept fresh as long as the block runs."""
        async with self._keys.following():
            yield
