# SPDX-License-Identifier: Apache-2.0
"""Archives over REST: what is asked of render, under which name it arrives, and how it fails."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import pytest

from pons.jobs import ArchiveRequest, JobRequest
from pons.settings import ArchiveSettings, Settings
from pons_gateway.responses.disposition import content_disposition

from ..conftest import INSTANCE, NOBODY, PATIENT, SERIES, STUDY, Open

pytestmark = pytest.mark.anyio


@dataclass
class FakeRender:
    """Answers with bytes, or an error, or breaks off; remembers what it was asked."""

    asked: list[ArchiveRequest] = field(default_factory=list)
    error: tuple[str, str] | None = None
    pieces: list[bytes] = field(default_factory=lambda: [b"PK", b"zip"])
    breaks: bool = False

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(msgspec.json.decode(request.content, type=ArchiveRequest))
        if self.error:
            name, message = self.error
            return httpx.Response(409, json={"error": name, "message": message})
        return httpx.Response(200, content=self._body())

    async def _body(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
        if self.breaks:
            raise httpx.RemoteProtocolError("broken off")


@dataclass
class FakeJobs:
    submitted: list[tuple[JobRequest, int]] = field(default_factory=list)

    async def submit(self, request: JobRequest, priority: int = 0) -> str:
        self.submitted.append((request, priority))
        return "the-job"


@pytest.fixture
def render() -> FakeRender:
    return FakeRender()


@pytest.fixture
def jobs() -> FakeJobs:
    return FakeJobs()


Client = Callable[..., httpx.AsyncClient]


@pytest.fixture
def client_with(open_client: Open, render: FakeRender, jobs: FakeJobs) -> Client:
    def client(**archive: Any) -> httpx.AsyncClient:
        archives = httpx.AsyncClient(
            transport=httpx.MockTransport(render), base_url="http://render"
        )
        settings = Settings(archive=ArchiveSettings(**archive))
        return open_client(settings, archives=archives, jobs=jobs)

    return client


@pytest.fixture
async def client(client_with: Client) -> AsyncIterator[httpx.AsyncClient]:
    async with client_with() as client:
        yield client


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"/patients/{PATIENT}/archive", ArchiveRequest([PATIENT])),
        (f"/studies/{STUDY}/media", ArchiveRequest([STUDY], media=True)),
        (f"/series/{SERIES}/media?extended", ArchiveRequest([SERIES], media=True, extended=True)),
        (
            f"/tools/create-archive?resources={STUDY},{INSTANCE}",
            ArchiveRequest([STUDY, INSTANCE]),
        ),
        (f"/tools/create-media?resources={STUDY}", ArchiveRequest([STUDY], media=True)),
        (
            f"/tools/create-media-extended?resources={STUDY}",
            ArchiveRequest([STUDY], media=True, extended=True),
        ),
        ("/tools/create-archive?resources=", ArchiveRequest([])),
        (f"/series/{SERIES}/archive?permissive", ArchiveRequest([SERIES], permissive=True)),
        (f"/series/{SERIES}/archive?permissive=0", ArchiveRequest([SERIES])),
    ],
)
async def test_get(
    client: httpx.AsyncClient, render: FakeRender, path: str, expected: ArchiveRequest
) -> None:
    """GET streams what render makes."""
    answer = await client.get(path)
    assert (answer.status_code, answer.content) == (200, b"PKzip")
    assert answer.headers["content-type"] == "application/zip"
    assert render.asked == [expected]


async def test_post(client: httpx.AsyncClient, render: FakeRender) -> None:
    """POST takes options or nothing, and an array of resources where the route names none."""
    for path, body in (
        (f"/studies/{STUDY}/archive", b""),
        (f"/studies/{STUDY}/archive", b"\n"),
        (f"/studies/{STUDY}/archive", b'{"Synchronous": true, "Utf8": true}'),
        ("/tools/create-media", f'["{STUDY}"]'.encode()),
    ):
        assert (await client.post(path, content=body)).content == b"PKzip"
    assert render.asked == [
        ArchiveRequest([STUDY]),
        ArchiveRequest([STUDY]),
        ArchiveRequest([STUDY], utf8=True),
        ArchiveRequest([STUDY], media=True),
    ]


async def test_job(client: httpx.AsyncClient, jobs: FakeJobs, render: FakeRender) -> None:
    """Asked to be asynchronous, the answer is a job for render."""
    body = {"Asynchronous": True, "Priority": 4, "UserData": "mine"}
    answer = await client.post(f"/studies/{STUDY}/media", json=body)
    assert answer.json() == {"ID": "the-job", "Path": "/jobs/the-job"}
    (request, priority), *others = jobs.submitted
    assert (request.job_type, request.worker, priority, others) == ("Media", "render", 4, [])
    assert request.user_data == "mine"
    assert render.asked == []


async def test_names(client: httpx.AsyncClient) -> None:
    """The name is the resource's, or the one asked for, which cannot break out of its header."""
    answers = [
        await client.get(f"/studies/{STUDY}/archive"),
        await client.get(f"/tools/create-archive?resources={STUDY}"),
        await client.get(f'/studies/{STUDY}/archive?filename="toto".zip'),
        await client.post(f"/studies/{STUDY}/archive", json={"Filename": "a\r\nX: 1.zip"}),
    ]
    assert [answer.headers["content-disposition"] for answer in answers] == [
        f'filename="{STUDY}.zip"',
        'filename="Archive.zip"',
        'filename="toto.zip"',
        'filename="aX: 1.zip"',
    ]


def test_disposition_of_other_scripts() -> None:
    """Other characters than ASCII's come in their own form; a name of nothing is none."""
    assert content_disposition("é.zip") == "filename=\".zip\"; filename*=UTF-8''%C3%A9.zip"
    assert content_disposition('"\\\r\n') == 'filename="download"'


async def test_utf8_by_setting(client_with: Client, render: FakeRender) -> None:
    """The setting decides where the request says nothing."""
    async with client_with(utf8=True) as client:
        await client.get(f"/studies/{STUDY}/archive")
        await client.post(f"/studies/{STUDY}/archive", json={"Utf8": False})
    assert [request.utf8 for request in render.asked] == [True, False]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", f"/studies/{NOBODY}/archive", None, 404),
        ("GET", f"/tools/create-archive?resources={STUDY},{NOBODY}", None, 404),
        ("POST", "/tools/create-archive", f'["{STUDY}", "x"]', 404),
        ("POST", f"/studies/{NOBODY}/archive", '{"Asynchronous": true}', 404),
        ("GET", "/tools/create-archive", None, 400),
        ("GET", f"/studies/{STUDY}/archive?transcode=nope", None, 400),
        ("GET", f"/studies/{STUDY}/archive?transcode=1.2.840.10008.1.2", None, 400),
        ("GET", f"/studies/{STUDY}/archive?lossy-quality=x", None, 400),
        ("GET", f"/studies/{STUDY}/media?extended=x", None, 400),
        ("POST", f"/studies/{STUDY}/archive", '{"Transcode": "1.2.840.10008.1.2"}', 400),
        ("POST", f"/studies/{STUDY}/archive", "nope", 400),
        ("POST", "/tools/create-archive", "{}", 400),
        ("PUT", f"/studies/{STUDY}/archive", "", 405),
        ("GET", f"/instances/{INSTANCE}/archive", None, 404),
    ],
)
async def test_refusals(
    client: httpx.AsyncClient,
    render: FakeRender,
    jobs: FakeJobs,
    method: str,
    path: str,
    body: str | None,
    status: int,
) -> None:
    """What cannot be done is refused before anything begins."""
    assert (await client.request(method, path, content=body)).status_code == status
    assert (render.asked, jobs.submitted) == ([], [])


async def test_render_refuses(client: httpx.AsyncClient, render: FakeRender) -> None:
    """What render cannot do has the status of its error."""
    render.error = ("OutOfResources", "no room")
    answer = await client.get(f"/studies/{STUDY}/archive")
    assert (answer.status_code, answer.json()["Details"]) == (507, "no room")


async def test_render_breaks_off(client: httpx.AsyncClient, render: FakeRender) -> None:
    """A ZIP that is not whole never looks like one: its answer breaks off."""
    render.breaks = True
    with pytest.raises(AssertionError):  # httpx's word for an answer that was not completed
        await client.get(f"/studies/{STUDY}/archive")


async def test_render_is_away(open_client: Open) -> None:
    """Without render there are no archives now."""
    async with open_client() as client:
        assert (await client.get(f"/studies/{STUDY}/archive")).status_code == 503
