# SPDX-License-Identifier: Apache-2.0
"""Look-ups that are made at a time: together, and never older than their question."""

import asyncio
from typing import Any

import pytest

from pons.catalog.catalog import Catalog
from pons.catalog.connection import Reader
from pons.catalog.look_ups import LookUps
from pons.catalog.records import Totals
from pons.errors import Unavailable

pytestmark = pytest.mark.anyio


class FakeReader:
    """Answers when `release` is called, with what `stored` has by then; keeps what was asked."""

    def __init__(self) -> None:
        self.stored: dict[bytes, str] = {b"a": "first", b"b": "first", b"c": "first"}
        self.asked: list[tuple[str, list[bytes]]] = []
        self.failure: Exception | None = None
        self._waiting: list[asyncio.Future[None]] = []

    async def rows(self, statement: str, identifiers: list[bytes]) -> list[dict[str, Any]]:
        self.asked.append((statement, sorted(identifiers)))
        found = {one: self.stored[one] for one in identifiers if one in self.stored}
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting
        if self.failure is not None:
            raise self.failure
        return [{"id": one, "value": value} for one, value in found.items()]

    async def release(self) -> None:
        """End the oldest statement, and let whoever waited go on."""
        self._waiting = [one for one in self._waiting if not one.done()]
        self._waiting.pop(0).set_result(None)
        await turn()


async def turn() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_what_gathers_leaves_together() -> None:
    """One look-up leaves at once; those that come meanwhile, the same twice, are one statement."""
    reader = FakeReader()
    look_ups = LookUps(reader)  # type: ignore[arg-type]
    first = asyncio.create_task(look_ups.row("s", b"a"))
    await turn()
    others = [asyncio.create_task(look_ups.row("s", one)) for one in (b"b", b"c", b"b", b"x")]
    await turn()
    assert reader.asked == [("s", [b"a"])]
    await reader.release()
    assert (await first or {})["value"] == "first"
    assert reader.asked[1:] == [("s", [b"b", b"c", b"x"])]
    await reader.release()
    found = [row and row["value"] for row in await asyncio.gather(*others)]
    assert found == ["first", "first", "first", None]


async def test_totals_are_looked_up() -> None:
    """Who asks how much there is, while others have asked that, shares the next statement."""

    class Growing:
        """Has one more of everything whenever it is asked."""

        def __init__(self) -> None:
            self.asked = 0
            self.has_begun = asyncio.Event()

        async def rows(self, _statement: str, identifiers: list[bool]) -> list[dict[str, Any]]:
            assert identifiers == [True]
            self.asked += 1
            self.has_begun.set()
            row = {"id": True} | dict.fromkeys(Totals.__slots__, self.asked)
            await turn()
            return [row]

    unused: Any = Reader("", 1)
    reader: Any = Growing()
    catalog = Catalog(unused, unused, reader, unused)
    first = asyncio.create_task(catalog.totals())
    await reader.has_begun.wait()
    others = await asyncio.gather(*(catalog.totals() for _ in range(3)))
    assert (await first).instances == 1
    assert [totals.instances for totals in others] == [2, 2, 2]
    assert (await catalog.totals()).size == 3


async def test_an_answer_is_not_older_than_its_question() -> None:
    """A statement that left before is no answer, though it asks for the same."""
    reader = FakeReader()
    look_ups = LookUps(reader)  # type: ignore[arg-type]
    before = asyncio.create_task(look_ups.row("s", b"a"))
    await turn()
    reader.stored[b"a"] = "second"
    after = asyncio.create_task(look_ups.row("s", b"a"))
    await turn()
    await reader.release()
    await reader.release()
    assert (await before or {})["value"] == "first"
    assert (await after or {})["value"] == "second"


async def test_statements_do_not_wait_for_each_other() -> None:
    """A slow statement holds up nobody who asks another one."""
    reader = FakeReader()
    look_ups = LookUps(reader)  # type: ignore[arg-type]
    tasks = [asyncio.create_task(look_ups.row(one, b"a")) for one in ("s", "t")]
    await turn()
    assert reader.asked == [("s", [b"a"]), ("t", [b"a"])]
    await reader.release()
    await reader.release()
    await asyncio.gather(*tasks)


async def test_a_failure_is_everybodys() -> None:
    """All who asked together hear of it at once, instead of trying one after the other."""
    reader = FakeReader()
    look_ups = LookUps(reader)  # type: ignore[arg-type]
    tasks = [asyncio.create_task(look_ups.row("s", one)) for one in (b"a", b"b", b"c")]
    await turn()
    reader.failure = Unavailable("The database does not answer")
    await reader.release()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in results] == [Unavailable] * 3
    assert reader.asked == [("s", [b"a", b"b", b"c"])]
    again = asyncio.create_task(look_ups.row("s", b"a"))
    reader.failure = None
    await turn()
    await reader.release()
    assert (await again or {})["value"] == "first"


async def test_who_goes_away_takes_nobody_along() -> None:
    """A look-up that is cancelled leaves the others their answers, and is not asked for again."""
    reader = FakeReader()
    look_ups = LookUps(reader)  # type: ignore[arg-type]
    first = asyncio.create_task(look_ups.row("s", b"a"))
    await turn()
    asking = asyncio.create_task(look_ups.row("s", b"b"))
    other = asyncio.create_task(look_ups.row("s", b"c"))
    await reader.release()
    await turn()
    assert reader.asked[1:] == [("s", [b"b", b"c"])]
    asking.cancel()
    await turn()
    await reader.release()
    assert len(reader.asked) == 2
    assert (await other or {})["value"] == "first"
    assert await first
