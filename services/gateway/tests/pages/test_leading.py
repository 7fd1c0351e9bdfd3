# SPDX-License-Identifier: Apache-2.0
"""Which page the addresses lead to that people know."""

from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from argon2 import PasswordHasher
from pydantic import ValidationError

from pons.settings import HttpSettings, Settings

from ..conftest import Open

pytestmark = pytest.mark.anyio

HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("secret")
WAYS = ("/", "/app/explorer.html", "/ui/app", "/ui/app/")


@pytest.fixture
def build(tmp_path: Path) -> str:
    (tmp_path / "index.html").write_text("<title>Explorer</title>")
    return str(tmp_path)


def settings(**http: Any) -> Settings:
    return Settings(http=HttpSettings(**http))


async def test_to_explorer(open_client: Open, build: str) -> None:
    """Every way, by an address that holds behind a proxy; the home page has one of its own."""
    async with open_client(settings(explorer_folder=build)) as client:
        for way in WAYS:
            answer = await client.get(way)
            assert answer.status_code == 307, way
            assert not answer.headers["location"].startswith("/")
            assert urljoin(way, answer.headers["location"]) == "/explorer/", way
        assert "storescu" in (await client.get("/app/home.html")).text


async def test_while_it_is_not_built(open_client: Open, tmp_path: Path) -> None:
    """The home page; Explorer, as soon as it is there."""
    folder = tmp_path / "dist"
    async with open_client(settings(explorer_folder=str(folder))) as client:
        for way in ("/", "/ui/app/"):
            location = (await client.get(way)).headers["location"]
            assert urljoin(way, location) == "/app/explorer.html"
        assert "storescu" in (await client.get("/app/explorer.html")).text
        folder.mkdir()
        (folder / "index.html").write_text("<title>Explorer</title>")
        assert (await client.get("/")).headers["location"] == "explorer/"


@pytest.mark.parametrize(("page", "location"), [("home", "app/explorer.html"), ("/docs", "docs")])
async def test_another_page(open_client: Open, build: str, page: str, location: str) -> None:
    """What the setting says; then Orthanc's address has the home page."""
    async with open_client(settings(explorer_folder=build, page=page)) as client:
        assert (await client.get("/")).headers["location"] == location
        assert "storescu" in (await client.get("/app/explorer.html")).text
        assert (await client.get("/explorer/")).text == "<title>Explorer</title>"


async def test_strangers_find_the_form(open_client: Open, build: str) -> None:
    """With users, no box opens on the way to Explorer; every other page is for users."""
    users = {"alice": HASH}
    async with open_client(settings(explorer_folder=build, users=users)) as client:
        for way in WAYS:
            assert (await client.get(way)).status_code == 307, way
        assert (await client.get("/explorer/login")).status_code == 200
        for path in ("/app/home.html", "/docs", "/ui/api/configuration", "/ui/app/index.html"):
            assert (await client.get(path)).status_code == 401, path
    for others in ({"page": "home"}, {"explorer_folder": "/nonexistent"}):
        told = {"explorer_folder": build, "users": users, **others}
        async with open_client(settings(**told)) as client:
            for way in WAYS:
                assert (await client.get(way)).status_code == 401, way
    own = settings(explorer_folder=build, users=users, ui_folder=build)
    async with open_client(own) as client:
        assert (await client.get("/ui/app/")).status_code == 401


@pytest.mark.parametrize("page", ["/ui/app/", "/", "explorer/", "https://evil.example", "//evil"])
def test_a_page_that_is_nowhere(page: str) -> None:
    """A setting that leads in a circle, or to another site, is refused."""
    with pytest.raises(ValidationError):
        settings(page=page)
