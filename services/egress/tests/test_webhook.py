# SPDX-License-Identifier: Apache-2.0
"""Webhooks at work: what they are told, in which order, and how it is signed."""

import asyncio
import hashlib
import hmac
import json
import logging
from typing import Any

import httpx
import msgspec
import pytest

from pons.bus import Bus
from pons.jobs import Job, Jobs
from pons.jobs.webhook import ToldChange, WebhookRequest, submit_webhook
from pons.messages.events import Change, Changes
from pons.settings import Settings
from pons_egress.routing.webhook import post_to_any
from pons_testing.waiting import until

from .routed import QUICK, SECRET, announce, hook, routing, settings

pytestmark = pytest.mark.anyio


def telling(url: str) -> Settings:
    """A store whose one rule tells the webhook at `url`."""
    ours = {"host": "elsewhere", "content-length": "3", "transfer-encoding": "chunked"}
    headers = {"X-Token": "t", "x-pons-signature": "forged", **ours}
    webhook = {"Url": url, "Secret": SECRET, "HttpHeaders": headers}
    rules = {"hook": {"On": "NewInstance", "To": ["webhook:planning"]}}
    return settings({}, rules, webhooks={"planning": webhook})


async def told(bus: Bus, store: Any, url: str, changes: int) -> Job:
    """The job that tells the webhook at `url` of some changes, once it has ended."""
    jobs = Jobs(bus, QUICK)
    listed = [
        ToldChange("hook", 7 + number, "NewInstance", "Instance", f"i{number}", 1700000000.0)
        for number in range(changes)
    ]
    async with routing(bus, store, telling(url)):
        job_id = await submit_webhook(jobs, WebhookRequest("planning", listed))
        return await jobs.wait_for(job_id, 60)


async def test_changes_reach_a_webhook_in_order(bus: Bus, store: Any) -> None:
    """What the feed has is told in its order, however it is parted into jobs."""
    with hook() as server:
        async with routing(bus, store, telling(f"http://127.0.0.1:{server.port}/")):
            await announce(bus, 7, [f"i{number}" for number in range(9)])

            async def all_told() -> bool:
                return len(server.told) >= 9

            await until(all_told)
    assert server.numbers == list(range(7, 16))


async def test_a_webhook_is_told_of_which_trace_a_change_is(bus: Bus, store: Any) -> None:
    """As whoever takes the request goes on from it; of a change without a trace nothing is said."""
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    changes = [Change(7 + n, "NewInstance", "Instance", f"i{n}", 1.7e9) for n in range(2)]
    run = Changes([msgspec.structs.replace(changes[0], trace=trace), changes[1]])
    with hook() as server:
        async with routing(bus, store, telling(f"http://127.0.0.1:{server.port}/")):
            await bus.publish(bus.names.changes, msgspec.msgpack.encode(run))
            await until(lambda: len(server.told) >= 2)
    assert [headers.get("traceparent") for headers, _ in server.told] == [trace, None]


async def test_a_webhook_is_told(bus: Bus, store: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Each change is one POST, in order, signed with its time; trouble is tried again."""
    caplog.set_level(logging.INFO, "httpx")
    with hook() as server:
        server.statuses = [201, 503, 429, 200]
        job = await told(bus, store, f"http://localhost:{server.port}/hook?x=1", 3)
    assert (job.document.state, job.content["ChangesCount"]) == ("Success", 3)
    assert server.numbers == [7, 8, 8, 8, 9]
    assert f":{server.port}/hook" in caplog.text
    assert "x=1" not in caplog.text
    headers, body = server.told[0]
    assert json.loads(body) == {
        "ChangeType": "NewInstance",
        "Date": "20231114T221320",
        "ID": "i0",
        "Path": "/instances/i0",
        "ResourceType": "Instance",
        "Seq": 7,
        "Rule": "hook",
        "Store": "main",
    }
    signed = headers["x-pons-timestamp"].encode() + b"." + body
    digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["x-pons-signature"] == f"sha256={digest}"
    assert headers["x-pons-sequence"] == "7"
    assert headers["host"] == f"localhost:{server.port}"
    assert headers["x-token"] == "t"


async def test_a_webhook_of_several_addresses() -> None:
    """One at which nobody listens, as ::1 often is of localhost, costs nothing but the next."""
    with hook() as server:
        url = httpx.URL(f"http://localhost:{server.port}/hook?x=1")
        headers = {"Host": url.netloc.decode(), "Content-Type": "application/json"}
        async with httpx.AsyncClient(trust_env=False) as client:
            addresses = ["::1", "127.0.0.2", "127.0.0.1"]
            assert await post_to_any(client, url, addresses, headers, b"{}", 5) == 200
            with pytest.raises(httpx.ConnectError):
                await post_to_any(client, url, addresses[:2], headers, b"{}", 5)
    ((told_headers, body),) = server.told
    assert (told_headers["host"], body) == (f"localhost:{server.port}", b"{}")


async def test_a_webhook_whose_answer_trickles(trickling: Any) -> None:
    """One that always says a little more holds the changes behind this one for a while only."""
    head, piece = b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n"
    async with (
        asyncio.timeout(60),
        trickling(head, piece) as address,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        with pytest.raises(TimeoutError):
            await post_to_any(client, httpx.URL(address), ["127.0.0.1"], {}, b"{}", 0.2)


async def test_a_webhook_that_refuses(bus: Bus, store: Any) -> None:
    """A change that is refused does not keep back the next, and makes a dead letter; a redirect is
    not followed."""
    with hook() as server:
        server.statuses = [302, 200]
        job = await told(bus, store, f"http://127.0.0.1:{server.port}/", 2)
    assert server.numbers == [7, 8]
    assert job.document.dead_letter
    assert job.document.error_details == (
        "1 of 2 changes were refused; the first: Webhook 'planning': answered 302"
    )


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "[::ffff:169.254.169.254]", "[fe80::1]", "0.0.0.0", "100.100.100.200"],
)
async def test_a_webhook_where_none_may_be(bus: Bus, store: Any, host: str) -> None:
    """What a cloud tells its machines is not asked for, however its address is written."""
    job = await told(bus, store, f"http://{host}/latest/meta-data/", 1)
    assert (job.document.state, job.document.error) == ("Failure", "Forbidden")
    assert "where no webhook may be" in job.document.error_details
