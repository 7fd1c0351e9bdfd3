# SPDX-License-Identifier: Apache-2.0
"""Who verifies a password next."""

import asyncio

import pytest

from pons.passwords.queue import Standing, TooManyLogins, VerificationQueue

pytestmark = pytest.mark.anyio


class Line:
    """Requests that stand in a queue; those whose turn it is stay until they are let go."""

    def __init__(self) -> None:
        self.queue = VerificationQueue()
        self.running: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, name: str, standing: Standing, address: str = "") -> None:
        self._ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._stay(name, standing, address or name))
        await self._settled()

    async def go(self, name: str) -> None:
        self._ends[name].set()
        await self._settled()

    async def _stay(self, name: str, standing: Standing, address: str) -> None:
        async with self.queue.turn(standing, address):
            self.running.append(name)
            await self._ends[name].wait()
            self.running.remove(name)

    async def _settled(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


async def test_a_stranger_leaves_a_place() -> None:
    """Strangers verify one at a time; who is known goes beside them."""
    line = Line()
    await line.come("stranger", Standing.STRANGER)
    await line.come("another", Standing.STRANGER)
    assert line.running == ["stranger"]
    await line.come("known", Standing.ADDRESS)
    assert line.running == ["stranger", "known"]
    await line.go("stranger")
    assert line.running == ["known", "another"]


async def test_known_addresses_leave_a_place() -> None:
    """They take both places while nobody else waits, and one when a stranger does."""
    line = Line()
    for name in ("a", "b", "c"):
        await line.come(name, Standing.ADDRESS, "192.0.2.1")
    assert line.running == ["a", "b"]
    await line.come("stranger", Standing.STRANGER)
    await line.go("a")
    assert line.running == ["b", "stranger"]
    await line.go("b")
    assert line.running == ["stranger", "c"]


async def test_known_passwords_come_first() -> None:
    """Before all who wait, however many of them there are."""
    line = Line()
    for number in range(6):
        await line.come(f"guess {number}", Standing.ADDRESS, "192.0.2.1")
    for number in range(20):
        await line.come(f"known {number}", Standing.PASSWORD, "192.0.2.1")
    await line.go("guess 0")
    assert line.running == ["guess 1", "known 0"]
    await line.go("guess 1")
    assert line.running == ["known 0", "known 1"]


async def test_addresses_take_turns() -> None:
    """Who comes from another address does not wait for all of the first."""
    line = Line()
    for number in range(5):
        await line.come(f"guess {number}", Standing.STRANGER, "192.0.2.1")
    await line.come("other", Standing.STRANGER, "192.0.2.2")
    await line.go("guess 0")
    assert line.running == ["guess 1"]
    await line.go("guess 1")
    assert line.running == ["other"]
    await line.go("other")
    assert line.running == ["guess 2"]


async def test_waiting_is_bounded() -> None:
    """Eight wait from one address, 64 strangers from everywhere; places come free again."""
    line = Line()
    for number in range(9):
        await line.come(f"a {number}", Standing.STRANGER, "a")
    with pytest.raises(TooManyLogins):
        async with line.queue.turn(Standing.STRANGER, "a"):
            pytest.fail("there was room")
    for number in range(56):
        await line.come(f"b {number}", Standing.STRANGER, f"b {number}")
    with pytest.raises(TooManyLogins):
        async with line.queue.turn(Standing.STRANGER, "c"):
            pytest.fail("there was room")
    await line.come("known", Standing.ADDRESS)
    assert line.running == ["a 0", "known"]
    await line.go("a 0")
    await line.come("c", Standing.STRANGER)
    assert not line.tasks["c"].done()


async def test_who_goes_away_gives_his_turn_to_the_next() -> None:
    """While he waits, and when his turn has just come."""
    line = Line()
    for name in ("a", "b", "c"):
        await line.come(name, Standing.STRANGER)
    line.tasks["b"].cancel()
    await line.go("a")
    assert line.running == ["c"]
    await line.come("d", Standing.STRANGER)
    await line.come("e", Standing.STRANGER)
    line._ends["c"].set()
    for _ in range(2):  # until d has its turn and does not know
        await asyncio.sleep(0)
        line.tasks["d"].cancel()
    await line.come("f", Standing.STRANGER)
    assert line.running == ["e"]
