# SPDX-License-Identifier: Apache-2.0
"""Log levels, metrics, and the end of the store."""

import httpx
import pytest

from pons.health.readiness import Health
from pons.messages.ingress import ListSopClasses, SopClasses

from ..conftest import Open, Store

pytestmark = pytest.mark.anyio


async def test_log_level_of_everything(client: httpx.AsyncClient) -> None:
    """The level of everything is that of each category."""
    assert (await client.get("/tools/log-level")).text == "default"
    answer = await client.put("/tools/log-level", content=b"trace")
    assert (answer.status_code, answer.content) == (200, b"")
    assert (await client.get("/tools/log-level")).text == "trace"
    assert (await client.get("/tools/log-level-dicom")).text == "trace"


async def test_log_level_of_a_category(client: httpx.AsyncClient) -> None:
    """A category has a level of its own; a category or level that is none is refused."""
    assert (await client.put("/tools/log-level-http", content=b"verbose")).status_code == 200
    assert (await client.get("/tools/log-level-http")).text == "verbose"
    assert (await client.get("/tools/log-level")).text == "default"
    assert (await client.put("/tools/log-level-http", content=b"nope")).status_code == 400
    assert (await client.put("/tools/log-level", content=b"")).status_code == 400
    assert (await client.put("/tools/log-level-nope", content=b"default")).status_code == 404


async def test_metrics_can_be_turned_off(client: httpx.AsyncClient) -> None:
    """Without metrics, the exposition is empty."""
    assert (await client.get("/tools/metrics")).text == "1"
    assert (await client.put("/tools/metrics", content=b"0")).content == b""
    assert (await client.get("/tools/metrics")).text == "0"
    answer = await client.get("/tools/metrics-prometheus")
    assert (answer.status_code, answer.content) == (200, b"")
    assert (await client.put("/tools/metrics", content=b"2")).status_code == 400


@pytest.mark.parametrize(("path", "code"), [("/tools/shutdown", 79), ("/tools/reset", 80)])
async def test_end(open_client: Open, path: str, code: int) -> None:
    """The gateway answers, then ends with the exit code that asks its supervisor."""
    health = Health("gateway")
    async with open_client(health=health) as client:
        assert not health.stop.is_set()
        answer = await client.post(path)
        assert (answer.status_code, answer.json()) == (200, {})
    assert health.stop.is_set()
    assert health.exit_code == code


async def test_identifiers(client: httpx.AsyncClient) -> None:
    """A new identifier is a UID, or a UUID for a patient; a level that is none is a silent 404."""
    for level in ("study", "series", "instance"):
        uid = (await client.get(f"/tools/generate-uid?level={level}")).text
        assert uid.startswith("2.25.")
        assert len(uid) <= 64
    assert len((await client.get("/tools/generate-uid?level=patient")).text) == 36
    for query in ("", "?level=foo", "?level="):
        answer = await client.get(f"/tools/generate-uid{query}")
        assert (answer.status_code, answer.content) == (404, b"")


async def test_time(client: httpx.AsyncClient) -> None:
    """The time is a DICOM-like text of seconds."""
    for path in ("/tools/now", "/tools/now-local"):
        text = (await client.get(path)).text
        assert len(text) == 15
        assert text[8] == "T"


async def test_conformance(client: httpx.AsyncClient, store: Store) -> None:
    """What dicom-ingress accepts is listed, and told in a text that names it."""
    uids = ["1.2.840.10008.5.1.4.1.1.2"]
    store.services.answers[ListSopClasses] = SopClasses(uids)
    assert (await client.get("/tools/accepted-sop-classes")).json() == uids
    text = (await client.get("/tools/dicom-conformance")).text
    assert "CT Image Storage" in text
    assert "others are refused" in text
    assert "1.2.840.10008.1.2.1" in text


async def test_plugins(client: httpx.AsyncClient) -> None:
    """There is the pseudo-plugin of the page, whose script is empty, and no other."""
    assert (await client.get("/plugins")).json() == ["explorer.js", "transfers"]
    assert (await client.get("/plugins/transfers")).json()["ID"] == "transfers"
    script = await client.get("/plugins/explorer.js")
    assert script.headers["content-type"] == "application/javascript"
    unknown = await client.get("/plugins/dicom-web")
    assert (unknown.status_code, unknown.content) == (404, b"")
