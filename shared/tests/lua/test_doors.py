# SPDX-License-Identifier: Apache-2.0
"""What functions of scripts may ask: of the store, of events, of nobody."""

from pathlib import Path
from typing import Any

import pytest

from pons.errors import BadRequest
from pons.http.serving import address, serving
from pons.lua.rest import open_rest
from pons.lua.scripts import ScriptFailed
from pons.runtime.https import certificates_of
from pons.settings import HttpSettings, LuaSettings, Settings
from pons_testing.certificates import Authority

from .opening import Open, value

pytestmark = pytest.mark.anyio


async def test_operations(opened: Open) -> None:
    """What an event wants done is told once it has ended; nothing of one that fails."""
    source = """
    function OnStoredInstance(id, fail)
        Delete(SendToModality(id, 'pacs'))
        SendToPeer(id, 'other')
        SendToModality(id, 'pacs', 'OURS')
        if fail then error('late') end
    end
    """
    async with opened(source) as scripts:
        outcome = await scripts.call("OnStoredInstance", "a", False, event=True)
        with pytest.raises(ScriptFailed, match="late"):
            await scripts.call("OnStoredInstance", "b", True, event=True)
        assert (await scripts.call("OnStoredInstance", "c", False, event=True)).operations[0] == {
            "Operation": "store-scu",
            "Modality": "pacs",
            "LocalAet": "",
            "Resource": "c",
        }
    assert [one["Operation"] for one in outcome.operations] == [
        "store-scu",
        "delete",
        "store-peer",
        "store-scu",
    ]
    assert outcome.operations[3]["LocalAet"] == "OURS"
    assert {one["Resource"] for one in outcome.operations} == {"a"}


WRONG = {
    "Cannot send a nonexistent resource": "SendToModality(nil, 'pacs')",
    "Cannot delete a nonexistent resource": "Delete(SendToPeer('a', 'x') and nil)",
    "The name of a modality is a text": "SendToModality('a')",
    "ModifyInstance is not offered": "ModifyInstance('a', {}, {}, true)",
    "CallSystem is not offered": "CallSystem('rm', '-rf /')",
}


@pytest.mark.parametrize(("told", "script"), WRONG.items())
async def test_operations_that_cannot_be(opened: Open, told: str, script: str) -> None:
    """A script that asks for what is not there hears so; nothing of it is done."""
    async with opened(f"function OnStoredInstance() {script} end") as scripts:
        with pytest.raises(ScriptFailed, match=told):
            await scripts.call("OnStoredInstance", event=True)


async def test_only_events_have_operations(opened: Open) -> None:
    """A filter that sends would be forgotten: it hears that it cannot."""
    async with opened("function ReceivedInstanceFilter() Delete('a') end") as scripts:
        with pytest.raises(ScriptFailed, match="Only functions that are told of events"):
            await scripts.call("ReceivedInstanceFilter")


async def test_what_is_asked_of_the_store(opened: Open) -> None:
    """A door's answer is the function's value; its error is one that scripts can catch."""

    async def rest(method: bytes, uri: bytes, body: Any, headers: Any) -> Any:
        if uri == b"/wrong":
            raise BadRequest("no such place")
        return b"|".join([method, uri, body or b"-", (headers or {}).get("A", "-").encode()])

    source = """
    function OnStableStudy()
        local ok, why = pcall(RestApiGet, '/wrong')
        return {
            RestApiGet('/a', false, {A = 'b'}), RestApiPost('/a', '\\0x'), RestApiPut('/a', ''),
            RestApiDelete('/a'), tostring(ok), tostring(why),
        }
    end
    """
    async with opened(source, doors={"rest": rest}) as scripts:
        told = await value(scripts, "OnStableStudy", wanted="table")
    assert told == [
        "GET|/a|-|b",
        "POST|/a|\0x|-",
        "PUT|/a|-|-",
        "DELETE|/a|-|-",
        "false",
        "0.lua:3: no such place",
    ]


async def test_a_door_that_breaks(opened: Open) -> None:
    """A bug behind it is an error in the script that asked, and nobody else's."""

    async def rest(*_: Any) -> bytes:
        raise TypeError("a bug")

    source = "function OnStableStudy() return (pcall(RestApiGet, '/system')) end"
    async with opened(source, doors={"rest": rest}) as scripts:
        assert await value(scripts, "OnStableStudy", wanted="boolean") is False


@pytest.mark.parametrize("path", [b"/a\nb", b"/" + b"a" * 70000])
async def test_a_path_that_nobody_can_ask(path: bytes) -> None:
    """It is an error that the script hears of."""
    async with open_rest(Settings()) as rest:
        with pytest.raises(BadRequest, match="none that can be asked"):
            await rest.ask("GET", path, None, None)


async def test_rest_at_an_address_of_ipv6() -> None:
    """The gateway may listen there alone."""
    async with open_rest(Settings(http=HttpSettings(host="::1"))):
        pass


async def test_rest_by_https(tmp_path: Path) -> None:
    """Scripts ask the port by the store's own certificate, also after that was replaced."""
    certificate = Authority(tmp_path, "ca").issue("store", host="192.0.2.1")
    http = HttpSettings(tls_certificate=str(certificate.certificate), tls_key=str(certificate.key))

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        length = (b"content-length", b"2")
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": b"ok"})

    async with serving(app, "127.0.0.1", 0, tls=certificates_of(http, {})) as server:
        port = address(server)[1]
        own = Settings(http=http.model_copy(update={"port": port}))
        async with open_rest(own) as rest:
            assert await rest.ask("GET", b"/system", None, None) == b"ok"
            certificate.replace(Authority(tmp_path, "other").issue("new", host="192.0.2.1"))
            assert await rest.ask("GET", b"/system", None, None) == b"ok"
        strangers = own.model_copy(update={"lua": LuaSettings(url=f"https://127.0.0.1:{port}")})
        async with open_rest(strangers) as rest:
            assert await rest.ask("GET", b"/system", None, None) is None


async def test_rest_is_not_believed_by_who_signed_its_certificate(tmp_path: Path) -> None:
    """The file may hold the issuer's, too: others whom that signs are not this store."""
    issuer = Authority(tmp_path, "ca")
    own, other = issuer.issue("own"), issuer.issue("other")
    chain = tmp_path / "chain.pem"
    chain.write_bytes(own.certificate.read_bytes() + issuer.file.read_bytes())

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        length = (b"content-length", b"2")
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def asked_of(certificate: Path, key: Path) -> bytes | None:
        http = HttpSettings(tls_certificate=str(certificate), tls_key=str(key))
        async with serving(app, "127.0.0.1", 0, tls=certificates_of(http, {})) as server:
            settings = HttpSettings(
                tls_certificate=str(chain), tls_key=str(own.key), port=address(server)[1]
            )
            async with open_rest(Settings(http=settings)) as rest:
                return await rest.ask("GET", b"/system", None, None)

    assert await asked_of(chain, own.key) == b"ok"
    assert await asked_of(other.certificate, other.key) is None


async def test_no_doors(opened: Open) -> None:
    """Scripts that stay have the language alone, as those that are posted."""
    source = """
    function OnStableStudy()
        local found = {}
        for _, name in ipairs{'io', 'os', 'package', 'require', 'load', 'loadstring', 'loadfile',
            'dofile', 'debug', 'python', 'collectgarbage', 'ask', 'write'} do
            if _G[name] then found[#found + 1] = name end
        end
        return found
    end
    """
    async with opened(source) as scripts:
        assert await value(scripts, "OnStableStudy", wanted="table") == []
