# SPDX-License-Identifier: Apache-2.0
"""Frames for viewing: which are asked of render, in which order, and how long they are kept."""

from collections.abc import Callable

import httpx
import msgspec
import orjson
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from pons.catalog import StoredHeader, StoredObject
from pons.catalog.slices import StoredSlice
from pons.messages.frames import FramesRequest, Run
from pons_gateway.frame_orders import FrameOrders, SeriesFrames
from pons_gateway.resources.frames import content_of
from pons_gateway.resources.slices import order_to_look_at, read_slice

from ..conftest import INSTANCE, KEY, NOBODY, PATIENT, SERIES, STUDY, Open, Store

pytestmark = pytest.mark.anyio
Render = Callable[..., httpx.AsyncClient]


class Asked:
    """A render service that answers so, and what it was asked."""

    def __init__(self, answer: Response) -> None:
        self.answer = answer
        self.paths: list[str] = []
        self.body = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.paths.append(f"{request.url.path}?{request.url.query}")
        self.body = await request.body()
        await self.answer(scope, receive, send)

    def client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self)
        return httpx.AsyncClient(transport=transport, base_url="http://render:1")


def with_frames(store: Store, frames: int) -> None:
    """The only instance has so many frames."""
    header = {"00280008": {"vr": "IS", "Value": [str(frames)]}}
    store.catalog.header = StoredHeader(orjson.dumps(header), b"{}", "OW")
    store.catalog.below = [[(INSTANCE, store.catalog.header)]]
    store.catalog.stored = StoredObject(KEY, 1000, 1000, "", "1.2", "1.2", "1.2", 10, 10, "OW")


async def test_the_order_names_the_contents(client: httpx.AsyncClient, store: Store) -> None:
    """Whoever scrolls knows how many frames there are, and of which instances."""
    with_frames(store, 3)
    told = (await client.get(f"/series/{SERIES}/frame-order")).json()
    assert (told["Type"], told["Total"]) == ("Sequence", 3)
    one = {"Instance": INSTANCE, "Content": str(KEY), "First": 0, "Count": 3}
    assert told["Instances"] == [one]
    assert len(told["Content"]) == 32
    assert (await client.get(f"/series/{NOBODY}/frame-order")).status_code == 404


async def test_frames_are_asked_of_render(open_client: Open, store: Store) -> None:
    """A part of a series is asked for by instances, with the bytes that they have to have."""
    with_frames(store, 5)
    render = Asked(Response(b"records", media_type="application/octet-stream"))
    async with render.client() as inner, open_client(archives=inner) as client:
        answer = await client.get(f"/series/{SERIES}/frames?from=1&count=3")
        beyond = await client.get(f"/series/{SERIES}/frames?from=5")
    assert (answer.status_code, answer.content) == (200, b"records")
    assert answer.headers["cache-control"] == "private, no-cache"
    asked = msgspec.json.decode(render.body, type=FramesRequest)
    assert asked == FramesRequest([Run(INSTANCE, str(KEY), 1, 3)], 1)
    assert render.paths == ["/frames?"]
    assert beyond.status_code == 400
    assert "no frame 5" in beyond.json()["Details"]


async def test_what_is_named_may_be_kept(open_client: Open, store: Store) -> None:
    """With its content in the address an answer is immutable, and a wrong one is a conflict."""
    with_frames(store, 1)
    render = Asked(Response(b"records"))
    async with render.client() as inner, open_client(archives=inner) as client:
        content = (await client.get(f"/series/{SERIES}/frame-order")).json()["Content"]
        path = f"/series/{SERIES}/frames?content={content}"
        answer = await client.get(path)
        again = await client.get(path, headers={"if-none-match": answer.headers["etag"]})
        other = await client.get(f"/series/{SERIES}/frames?content=0123")
    assert answer.headers["cache-control"] == "private, max-age=86400, immutable"
    assert (again.status_code, again.content, len(render.paths)) == (304, b"", 1)
    assert (other.status_code, other.json()["OrthancStatus"]) == (409, 46)


async def test_what_begins_with_a_refusal_is_not_kept(open_client: Open, store: Store) -> None:
    """Neither by the address, nor by a tag with which it could be asked for again."""
    with_frames(store, 2)
    render = Asked(Response(b"records", headers={"cache-control": "no-store"}))
    async with render.client() as inner, open_client(archives=inner) as client:
        content = (await client.get(f"/series/{SERIES}/frame-order")).json()["Content"]
        answer = await client.get(f"/series/{SERIES}/frames?content={content}")
    assert msgspec.json.decode(render.body, type=FramesRequest).kept
    assert answer.headers.get_list("cache-control") == ["no-store"]
    assert "etag" not in answer.headers


async def test_what_is_not_named_is_made_anew(open_client: Open, store: Store) -> None:
    """It may have had a frame that could not be shown then."""
    with_frames(store, 1)
    render = Asked(Response(b"records"))
    path = f"/series/{SERIES}/frames"
    async with render.client() as inner, open_client(archives=inner) as client:
        tag = (await client.get(path)).headers["etag"]
        again = await client.get(path, headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (200, b"records")


async def test_a_stream_that_cannot_begin(open_client: Open, store: Store) -> None:
    """What render refuses is told as our errors are."""
    with_frames(store, 1)
    render = Asked(JSONResponse({"error": "BadRequest", "message": "no request"}, 400))
    path = f"/series/{SERIES}/frames"
    async with render.client() as inner, open_client(archives=inner) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()["Details"]) == (400, "no request")
    away = {"error": "Unavailable", "kind": "DatabaseUnavailable", "message": "it is away"}
    others = JSONResponse({"reason": "of a proxy"}, 503)
    for refused, code in (
        (Response(status_code=503), 16),
        (others, 16),
        (JSONResponse(away, 503), 36),
    ):
        asked = Asked(refused)
        async with asked.client() as inner, open_client(render=inner, archives=inner) as client:
            for lacking in (path, f"/instances/{INSTANCE}/preview"):
                answer = await client.get(lacking)
                assert (answer.status_code, answer.json()["OrthancStatus"]) == (503, code)


async def test_thumbnails_of_each_level(open_client: Open, store: Store) -> None:
    """The middle frame stands for a resource; the bytes name the picture."""
    with_frames(store, 9)
    render = Asked(Response(b"png", media_type="image/png"))
    async with render.client() as inner, open_client(render=inner) as client:
        for path in (f"/studies/{STUDY}", f"/series/{SERIES}", f"/instances/{INSTANCE}"):
            answer = await client.get(f"{path}/thumbnail?size=64")
            assert (answer.status_code, answer.content) == (200, b"png")
            assert answer.headers["cache-control"] == "private, no-cache"
        tag = answer.headers["etag"]
        for_good = await client.get(f"/series/{SERIES}/thumbnail?size=64&content={KEY}")
        again = await client.get(
            f"/series/{SERIES}/thumbnail?size=64", headers={"if-none-match": tag}
        )
        other = await client.get(f"/series/{SERIES}/thumbnail", headers={"if-none-match": tag})
        assert (await client.get(f"/series/{NOBODY}/thumbnail")).status_code == 404
        assert (await client.get(f"/series/{SERIES}/thumbnail?size=5000")).status_code == 400
        assert (await client.get(f"/patients/{PATIENT}/thumbnail")).status_code == 404
    assert set(render.paths[:3]) == {f"/instances/{INSTANCE}/frames/4/thumbnail?size=64"}
    assert for_good.headers["cache-control"].endswith("immutable")
    assert (again.status_code, other.status_code) == (304, 200)


async def test_a_thumbnail_that_cannot_be(open_client: Open, store: Store) -> None:
    """The reason is told, and nothing of it is kept."""
    with_frames(store, 1)
    render = Asked(JSONResponse({"error": "UnsupportedImage", "message": "no pixel data"}, 415))
    async with render.client() as inner, open_client(render=inner) as client:
        answer = await client.get(f"/series/{SERIES}/thumbnail")
    assert (answer.status_code, answer.json()["Details"]) == (415, "no pixel data")
    assert "cache-control" not in answer.headers


def test_parts_of_a_series() -> None:
    """A part begins and ends within instances, and is cut where the series ends."""
    runs = [Run("a", "1", 0, 2), Run("b", "2", 0, 1), Run("c", "3", 0, 4)]
    frames = SeriesFrames("x", is_volume=True, runs=runs)
    assert frames.total == 7
    assert frames.part(0, 7) == runs
    assert frames.part(1, 3) == [Run("a", "1", 1, 1), Run("b", "2", 0, 1), Run("c", "3", 0, 1)]
    assert frames.part(4, 100) == [Run("c", "3", 1, 3)]
    assert frames.part(2, 1) == [Run("b", "2", 0, 1)]
    assert frames.part(7, 1) == []


def test_orders_are_forgotten_in_their_turn() -> None:
    """So many are remembered; what was asked for lately stays."""
    orders = FrameOrders(most=3)
    one, two, three = (
        SeriesFrames(name, is_volume=True, runs=[Run(name, "", 0, 1)]) for name in "abc"
    )
    for frames in (one, two, three):
        orders.add(frames)
    assert orders.get("a") is one
    orders.add(SeriesFrames("d", is_volume=True, runs=[Run("d", "", 0, 1)]))
    assert (orders.get("a"), orders.get("b")) == (one, None)
    orders.add(SeriesFrames("e", is_volume=True, runs=[Run("e", "", 0, 1)] * 4))
    assert orders.get("e") is None


def test_another_order_is_another_content() -> None:
    """What is kept of frames by their numbers is not taken for those of another order."""
    one, two = StoredSlice("a", None, KEY), StoredSlice("b", None, KEY)
    assert content_of([one, two]) == content_of([one, two])
    assert content_of([two, one]) != content_of([one, two])
    assert content_of([one, StoredSlice("b", 2, KEY)]) != content_of([one, two])


def test_what_has_no_order_can_be_looked_at() -> None:
    """Slices with equal or missing indices come in the order of their arrival, the latter last."""
    slices = [
        read_slice(name, b"{}", index) for name, index in zip("abcd", (2, None, 1, 1), strict=True)
    ]
    is_volume, ordered = order_to_look_at(slices)
    assert (is_volume, "".join(one.instance_id for one in ordered)) == (False, "cdab")
