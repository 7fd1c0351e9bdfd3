# SPDX-License-Identifier: Apache-2.0
"""What tasks say of themselves, and when that makes a process unready."""

import asyncio

import httpx
import pytest

from pons.bus import Bus
from pons.bus.watch import watch_keys
from pons.health.pulse import NEVER_TOO_LONG, Pulse, Pulses
from pons.health.readiness import Health
from pons.http.health import health_app
from pons_testing.crash import crash
from pons_testing.nats import NatsServer
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio


def test_a_task_that_gets_on_is_no_trouble() -> None:
    """Neither before it had to do anything, nor between one success and the next."""
    pulse = Pulse("writing")
    assert (pulse.trouble, pulse.waiting, pulse.as_json()) == ("", 0.0, {})
    pulse.begin()
    assert pulse.trouble == ""
    pulse.fail("no answer")
    assert pulse.trouble == ""
    pulse.succeed()
    assert list(pulse.as_json()) == ["last_success"]


def test_patience_ends() -> None:
    """What waits too long is told with its cause, or that there is none."""
    pulse = Pulse("writing", patience=-1.0)
    pulse.begin()
    assert pulse.trouble == "waiting for 0 s: it has not ended, and nothing was said"
    pulse.fail("no answer")
    assert pulse.trouble == "waiting for 0 s: no answer"
    pulse.begin()
    assert pulse.as_json()["cause"] == "no answer"
    pulse.succeed()
    assert pulse.trouble == ""


def test_what_somebody_has_to_repair_is_told_at_once() -> None:
    """However patient the task is; a later cause that passes is none of that kind."""
    pulse = Pulse("collecting", NEVER_TOO_LONG)
    pulse.fail("no answer")
    assert pulse.trouble == ""
    pulse.fail("permission denied", lasting=True)
    assert pulse.trouble == "waiting for 0 s: permission denied"
    pulse.fail("no answer")
    assert pulse.trouble == ""


async def test_health_and_metrics_repeat_it() -> None:
    """Ready with a warning, not ready with a cause; tasks of a part count as well."""
    health, part = Health("index"), Pulses()
    health.started = True
    health.pulses.include(part)
    pulse = part.add("testing")
    health.warnings["letters"] = "two are dead"

    async def answer(path: str) -> httpx.Response:
        transport = httpx.ASGITransport(health_app(health))
        async with httpx.AsyncClient(transport=transport, base_url="http://health") as client:
            return await client.get(path)

    said = await answer("/health/ready")
    assert (said.status_code, said.json()["warnings"]) == (200, {"letters": "two are dead"})
    assert 'pons_task_failing{task="testing"} 0.0' in (await answer("/metrics")).text
    pulse.fail("full", lasting=True)
    said = await answer("/health/ready")
    failures = {"testing": "waiting for 0 s: full"}
    assert (said.status_code, said.json()["failures"]) == (503, failures)
    assert said.json()["tasks"]["testing"]["cause"] == "full"
    metrics = (await answer("/metrics")).text
    assert 'pons_task_failing{task="testing"} 1.0' in metrics
    assert "pons_ready 0.0" in metrics


def test_a_task_that_has_ended_is_not_told() -> None:
    """What lasts as long as a block leaves nothing behind."""
    pulses = Pulses()
    with pulses.during("once") as pulse:
        pulse.fail("broken", lasting=True)
        assert list(pulses.troubles()) == ["once"]
    assert pulses.troubles() == {}


async def test_who_follows_a_bucket_tells_how_it_goes(
    own_broker: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While NATS is away, the watcher says so and since when; afterwards it is well again."""
    monkeypatch.setattr("pons.bus.in_order.SILENCE", 2.0)
    async with own_broker.bus("main") as bus:
        following = asyncio.create_task(_follow(bus))
        await until(lambda: any("last_success" in one.as_json() for one in bus.pulses))
        [pulse] = bus.pulses
        assert pulse.name == "watching main-config"
        await asyncio.to_thread(crash, own_broker.embedded)
        await until(lambda: "NATS does not answer" in pulse.cause)
        assert pulse.waiting > 0
        await asyncio.to_thread(own_broker.embedded.start)
        await until(lambda: not pulse.waiting)
        following.cancel()
        await asyncio.wait((following,))


async def _follow(bus: Bus) -> None:
    async for _ in watch_keys(bus, bus.names.config_bucket):
        pass
