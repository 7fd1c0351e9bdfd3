# SPDX-License-Identifier: Apache-2.0
"""What comes in by our own C-MOVEs, told by those who receive it."""

import asyncio

import pytest

from pons.bus import Bus
from pons_egress.scu.moved import hearing_of_moved

pytestmark = pytest.mark.anyio
AET = "OUR AET.*>"


async def test_instances_are_those_of_one_request(bus: Bus) -> None:
    """Each once, in their order; what others bring is not among them."""
    async with hearing_of_moved(bus, AET) as moved:
        for aet, number, name in (
            *((AET, "7", "one"), (AET, "7", "two"), (AET, "7", "one")),
            *((AET, "8", "three"), ("OTHER", "7", "four")),
        ):
            await bus.send(bus.names.moved(aet, number), name.encode())
        assert await moved.take(7, 2) == ["one", "two"]
        assert await moved.take(8, 1) == ["three"]
        assert await moved.take(8, 0) == []


async def test_the_last_one_may_be_told_late(bus: Bus) -> None:
    """It is waited for, where the peer says that it has come; not for ever."""
    async with hearing_of_moved(bus, AET) as moved:
        taking = asyncio.create_task(moved.take(7, 2))
        for name in (b"one", b"two"):
            await asyncio.sleep(0)
            await bus.send(bus.names.moved(AET, "7"), name)
        assert await taking == ["one", "two"]
        await bus.send(bus.names.moved(AET, "9"), b"three")
        assert await moved.take(9, 2) == ["three"]
