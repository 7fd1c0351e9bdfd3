# SPDX-License-Identifier: Apache-2.0
"""The files of Explorer's build, as browsers get them."""

import gzip
import os
from pathlib import Path

import pytest

from pons.settings import HttpSettings, Settings

from ..conftest import Open

pytestmark = pytest.mark.anyio

SCRIPT = b"console.log('a page')\n" * 40


@pytest.fixture
def build(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Explorer</title>")
    (folder / "assets" / "index-1a2b.js").write_bytes(SCRIPT)
    (folder / "assets" / "index-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "assets" / "index-1a2b.js.br").write_bytes(b"made by brotli")
    (tmp_path / "secret.txt").write_text("not yours")
    return folder


def settings_of(build: Path, **others: object) -> Settings:
    return Settings(http=HttpSettings.model_validate({"explorer_folder": str(build), **others}))


async def test_every_address_is_the_page(open_client: Open, build: Path) -> None:
    """A link into Explorer opens it, however deep; the browser asks for it anew each time."""
    async with open_client(settings_of(build)) as client:
        for path in ("/explorer/", "/explorer/studies/1-2-3", "/explorer/accession/4711.1"):
            answer = await client.get(path)
            assert (answer.status_code, answer.text[:15]) == (200, "<!doctype html>")
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert answer.headers["cache-control"] == "no-cache"
        bare = await client.get("/explorer")
        again = await client.get("/explorer/", headers={"If-None-Match": answer.headers["etag"]})
    assert (bare.status_code, bare.headers["location"]) == (307, "explorer/")
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("gzip, deflate", "gzip"), ("gzip, br", "br"), ("br;q=0, gzip", "gzip"), ("identity", "")],
)
async def test_packed_files(open_client: Open, build: Path, accepted: str, coding: str) -> None:
    """A file is sent as the build has packed it, once, whatever the gateway itself compresses."""
    settings = settings_of(build, compress_answers=True)
    headers = {"Accept-Encoding": accepted}
    async with (
        open_client(settings) as client,
        client.stream("GET", "/explorer/assets/index-1a2b.js", headers=headers) as answer,
    ):
        sent = b"".join([piece async for piece in answer.aiter_raw()])
    assert answer.headers.get("content-encoding", "") == coding
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["vary"] == "accept-encoding"
    unpacked = gzip.decompress(sent) if coding == "gzip" else sent
    assert unpacked == (b"made by brotli" if coding == "br" else SCRIPT)
    assert int(answer.headers["content-length"]) == len(sent)


async def test_what_a_browser_has_already(open_client: Open, build: Path) -> None:
    """Each form of a file has a tag of its own; a part is one of the form that is sent."""
    path = "/explorer/assets/index-1a2b.js"
    async with open_client(settings_of(build)) as client:
        packed = await client.get(path, headers={"Accept-Encoding": "gzip"})
        plain = await client.get(path, headers={"Accept-Encoding": "identity"})
        assert packed.headers["etag"] != plain.headers["etag"]
        known = {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["etag"]}
        again = await client.get(path, headers=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["vary"] == "accept-encoding"
        assert again.headers["cache-control"] == packed.headers["cache-control"]
        other = await client.get(path, headers=known | {"Accept-Encoding": "identity"})
        assert (other.status_code, other.content) == (200, SCRIPT)
        some = {"Accept-Encoding": "identity", "Range": "bytes=8-12"}
        part = await client.get(path, headers=some)
        assert (part.status_code, part.content) == (206, SCRIPT[8:13])
        assert part.headers["content-type"] == "text/javascript; charset=utf-8"
        two = await client.get(path, headers=some | {"Range": "bytes=0-2,8-12"})
        assert two.headers["content-type"].startswith("multipart/byteranges")
        assert SCRIPT[8:13] in two.content


async def test_other_ways_to_ask(open_client: Open, build: Path) -> None:
    """Slashes may come twice, a way round a folder is none, and a file takes nothing."""
    async with open_client(settings_of(build)) as client:
        assert (await client.get("http://test//explorer//assets//index-1a2b.js")).content == SCRIPT
        round_about = await client.get("/explorer/assets/..%2findex.html")
        assert round_about.headers["cache-control"] == "no-cache"
        for path in ("/explorer", "/explorer/", "/explorer/assets/index-1a2b.js"):
            answer = await client.post(path)
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET"), path
        assert (await client.head("/explorer/")).status_code == 404  # as anything else
        routes = (await client.get("/explorer/api")).json()
        assert "session" in routes


async def test_what_is_not_there(open_client: Open, build: Path) -> None:
    """An asset of an older build is missing, and no page in its place; nothing else is served."""
    async with open_client(settings_of(build)) as client:
        assert (await client.get("/explorer/assets/index-old.js")).status_code == 404
        assert (await client.get("/explorer/assets/" + "x" * 5000)).status_code == 404
        assert (await client.get("/explorer/api/nothing")).status_code == 404
        for path in ("/explorer/..%2fsecret.txt", "/explorer/%2e%2e/secret.txt"):
            assert "not yours" not in (await client.get(path)).text


async def test_no_build_yet(open_client: Open, tmp_path: Path, build: Path) -> None:
    """Until Explorer is built the home page stands for it, and says why; a build counts at once."""
    os.rename(build, tmp_path / "dist.new")
    (tmp_path / "dist.txt").write_text("is being built\n")
    async with open_client(settings_of(build)) as client:
        deep = await client.get("/explorer/studies/1-2-3")
        assert (deep.status_code, deep.headers["location"]) == (307, "../../app/explorer.html")
        home = await client.get("/app/explorer.html")
        assert "<b>explorer</b> is being built" in home.text
        assert (await client.get("/explorer/assets/index-1a2b.js")).status_code == 404
        os.rename(tmp_path / "dist.new", build)
        assert (await client.get("/explorer/")).status_code == 200
        os.rename(build, tmp_path / "dist.old")
        assert (await client.get("/explorer/studies/1-2-3")).status_code == 307
        assert (await client.get("/explorer/assets/index-1a2b.js")).status_code == 404


async def test_strangers_get_the_page_alone(open_client: Open, build: Path) -> None:
    """The page asks who one is, so it is there for strangers; what it asks for is not."""
    users = {"alice": "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFi$W0Lh3ZcTm4Dq7oVE3YwYPw"}
    async with open_client(settings_of(build, users=users)) as client:
        assert (await client.get("/explorer/")).status_code == 200
        assert (await client.get("/explorer/assets/index-1a2b.js")).status_code == 200
        assert (await client.get("/studies")).status_code == 401


async def test_no_explorer(open_client: Open, build: Path) -> None:
    """A store without pages for people has none of its files."""
    async with open_client(settings_of(build, explorer=False)) as client:
        assert (await client.get("/explorer/")).status_code == 404
