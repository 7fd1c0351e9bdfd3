# SPDX-License-Identifier: Apache-2.0
"""`IncomingHttpRequestFilter`: what it sees, what it keeps out, and that it fails closed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from pons.lua.rest import SCHEME
from pons.lua.scripts import open_scripts
from pons.settings import LuaSettings, Settings

from ..conftest import Open

pytestmark = pytest.mark.anyio
TOKEN = "a-secret-of-this-test"


@pytest.fixture
def filtered(open_client: Open, tmp_path: Path):  # type: ignore[no-untyped-def]
    @asynccontextmanager
    async def filtered(source: str) -> AsyncIterator[httpx.AsyncClient]:
        file = tmp_path / "filter.lua"
        file.write_text(source)
        lua = LuaSettings(scripts=[str(file)], token=TOKEN)
        async with (
            open_scripts(lua, {}) as scripts,
            open_client(Settings(lua=lua), lua=scripts) as client,
        ):
            yield client

    return filtered


async def test_what_it_sees(filtered) -> None:  # type: ignore[no-untyped-def]
    """Method, path without query, address, user and headers, whose names are in lower case."""
    source = """
    function IncomingHttpRequestFilter(method, uri, ip, username, headers)
        return method == 'GET' and uri == '/tools/now' and ip == '127.0.0.1' and username == ''
            and headers['x-wanted'] == 'Yes'
    end
    """
    async with filtered(source) as client:
        assert (await client.get("/tools/now?a=b", headers={"X-Wanted": "Yes"})).status_code == 200
        refused = await client.get("/tools/now", headers={"X-Wanted": "No"})
        assert (refused.status_code, refused.json()["OrthancStatus"]) == (403, 45)
        assert (
            await client.get("/tools/now-local", headers={"X-Wanted": "Yes"})
        ).status_code == 403


async def test_a_method_that_is_overridden(filtered) -> None:  # type: ignore[no-untyped-def]
    """It sees what the request will do, not as what it came."""
    source = "function IncomingHttpRequestFilter(method) return method ~= 'DELETE' end"
    async with filtered(source) as client:
        override = {"X-HTTP-Method-Override": "DELETE"}
        assert (await client.post("/instances/x", headers=override)).status_code == 403
        assert (await client.get("/tools/now")).status_code == 200


@pytest.mark.parametrize("path", ["/tools/now", "/tools/now/", "/tools//now", "/tools///now//"])
async def test_a_path_that_is_spelt_otherwise(filtered, path: str) -> None:  # type: ignore[no-untyped-def]
    """It sees one path where the router sees one."""
    source = "function IncomingHttpRequestFilter(_, uri) return uri ~= '/tools/now' end"
    async with filtered(source) as client:
        assert (await client.get(path)).status_code == 403
        assert (await client.get("/tools/now-local")).status_code == 200


@pytest.mark.parametrize("body", ["error('why')", "return", "return 'yes'", "return 1"])
async def test_it_fails_closed(filtered, body: str) -> None:  # type: ignore[no-untyped-def]
    """A function that does not say yes or no lets nothing in."""
    async with filtered(f"function IncomingHttpRequestFilter() {body} end") as client:
        answer = await client.get("/tools/now")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "10"


async def test_who_is_not_asked_about(filtered) -> None:  # type: ignore[no-untyped-def]
    """Scripts of the store itself, and those who look whether it is alive, are let in."""
    async with filtered("function IncomingHttpRequestFilter() return false end") as client:
        own = {"Authorization": f"{SCHEME} {TOKEN}"}
        assert (await client.get("/tools/now", headers=own)).status_code == 200
        assert (await client.get("/health/live")).status_code == 200
        wrong = {"Authorization": f"{SCHEME} {TOKEN}x"}
        assert (await client.get("/tools/now", headers=wrong)).status_code == 403


@pytest.mark.parametrize("body", ["error('why')", "return false"])
async def test_a_posted_one_that_shuts_everybody_out(open_client: Open, body: str) -> None:
    """Who may post scripts can post another, and every answer says so; one of the settings keeps
    them out, too."""
    posted = {"1": f"function IncomingHttpRequestFilter() {body} end".encode()}
    lua = LuaSettings(callbacks=True, execute=True)
    async with (
        open_scripts(lua, {}, lambda: posted) as scripts,
        open_client(Settings(lua=lua), lua=scripts, scripts=Ran()) as client,
    ):
        for path in ("/tools/now", "/tools/execute-script/more"):
            refused = await client.get(path)
            assert refused.status_code in (403, 503)
            assert "IncomingHttpRequestFilter = nil" in refused.text
        for path in ("/tools/execute-script", "/tools//execute-script/"):
            assert (await client.post(path, content="undo it")).text == "ran undo it"


async def test_one_of_the_settings_keeps_scripts_out(filtered) -> None:  # type: ignore[no-untyped-def]
    """As in Orthanc."""
    async with filtered("function IncomingHttpRequestFilter() return false end") as client:
        refused = await client.post("/tools/execute-script", content="print(1)")
        assert refused.status_code == 403
        assert "posted" not in refused.text


class Ran:
    """Runs scripts by saying that it did."""

    async def run(self, script: bytes) -> bytes:
        return b"ran " + script
