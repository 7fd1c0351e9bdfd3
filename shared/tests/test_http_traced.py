# SPDX-License-Identifier: Apache-2.0
"""HTTP requests as spans: what is told of them, and what is not."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI, HTTPException

from pons.http.traced import Traced, go_on
from pons.traces.spans import span
from pons.traces.tracing import Destination, tracing
from pons_testing.collector import Collector, Told, collecting
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio
ELSEWHERE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector, tracing(Destination(collector.endpoint), "test", "nm"):
        yield collector


def application() -> FastAPI:
    app = FastAPI()
    app.add_middleware(Traced)

    @app.get("/patients/{name}")
    async def patient(name: str) -> str:
        if name == "away":
            raise HTTPException(503)
        return name

    @app.get("/health/live")
    async def live() -> str:
        return "alive"

    return app


@asynccontextmanager
async def asking(**options: object) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=application())
    async with httpx.AsyncClient(transport=transport, base_url="http://store", **options) as client:  # type: ignore[arg-type]
        yield client


async def told(collector: Collector, number: int) -> list[Told]:
    """All spans, once there are so many."""
    await until(lambda: len(collector.spans) >= number)
    return collector.spans


async def test_of_a_path_the_template_is_told_and_of_a_query_nothing(collector: Collector) -> None:
    """What stands for the variables of both may be a patient's name."""
    async with asking() as client:
        await client.get("/patients/Doe?PatientName=Doe*")
    [request] = await told(collector, 1)
    assert (request.name, request.kind, request.failed) == ("GET /patients/{name}", "server", False)
    assert request.attributes == {
        "http.request.method": "GET",
        "http.route": "/patients/{name}",
        "http.response.status_code": 200,
        "client.address": "127.0.0.1",
    }
    assert b"Doe" not in collector.wire


async def test_a_path_that_is_none_and_a_method_that_is_none_are_not_repeated(
    collector: Collector,
) -> None:
    """Clients may make up any number of both."""
    async with asking() as client:
        await client.request("DOE", "/nowhere/Doe")
    [request] = await told(collector, 1)
    assert (request.name, request.attributes["http.response.status_code"]) == ("_OTHER", 404)
    assert b"Doe" not in collector.wire
    assert b"DOE" not in collector.wire


async def test_an_answer_that_is_our_fault_is_a_failure(collector: Collector) -> None:
    async with asking() as client:
        await client.get("/patients/away")
    [request] = await told(collector, 1)
    assert (request.failed, request.attributes["error.type"]) == (True, "503")


async def test_probes_of_health_are_not_told(collector: Collector) -> None:
    async with asking() as client:
        await client.get("/health/live")
        await client.get("/patients/one")
    assert [one.name for one in await told(collector, 1)] == ["GET /patients/{name}"]


async def test_a_request_goes_on_from_its_callers_span(collector: Collector) -> None:
    """One that names two callers names none."""
    async with asking() as client:
        await client.get("/patients/one", headers={"traceparent": ELSEWHERE})
        await client.get("/patients/two", headers=[("traceparent", ELSEWHERE)] * 2)
    parents = {one.parent_id for one in await told(collector, 2)}
    assert parents == {ELSEWHERE.split("-")[2], ""}


async def test_what_is_asked_of_another_service_is_of_the_same_trace(collector: Collector) -> None:
    """Its request is inside the span in which it was asked; outside of one, it says nothing."""
    async with asking(event_hooks={"request": [go_on]}) as client:
        with span("work", "server"):
            await client.get("/patients/one")
        await client.get("/patients/two")
    spans = await told(collector, 3)
    [work] = [one for one in spans if one.name == "work"]
    assert {(one.parent_id, one.trace_id == work.trace_id) for one in spans if one is not work} == {
        (work.span_id, True),
        ("", False),
    }
