# SPDX-License-Identifier: Apache-2.0
"""What functions of scripts may ask: of the store, of events, of nobody."""

from typing import Any

import pytest

from pons.errors import BadRequest
from pons.lua.rest import open_rest
from pons.lua.scripts import ScriptFailed
from pons.settings import HttpSettings, Settings

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
