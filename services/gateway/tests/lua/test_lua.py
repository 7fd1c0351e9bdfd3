# SPDX-License-Identifier: Apache-2.0
"""Lua scripts: what they can do, and that hostile ones end within their bounds."""

import time

import httpx
import pytest

from pons.errors import Forbidden
from pons.settings import LuaSettings
from pons_gateway.lua.scripts import LuaFailed, Scripts

from ..conftest import Open

pytestmark = pytest.mark.anyio

SCRIPTS = Scripts(LuaSettings(execute=True, timeout=20, memory_mb=32))
HURRIED = Scripts(LuaSettings(execute=True, timeout=1, memory_mb=32))


async def printed(script: str) -> str:
    return (await SCRIPTS.run(script.encode())).decode()


async def test_answer_is_what_is_printed() -> None:
    """Values of one print are on one line, separated as Orthanc does."""
    assert await printed('print(1, "a", nil, true, 1.5, 10/2) print(42)') == (
        "1, a, nil, true, 1.5, 5.0\n42\n"
    )


async def test_forbidden(client: httpx.AsyncClient) -> None:
    """Without the setting no script runs."""
    answer = await client.post("/tools/execute-script", content=b"print(1)")
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (403, 45)
    with pytest.raises(Forbidden):
        await Scripts(LuaSettings()).run(b"print(1)")


async def test_over_http(open_client: Open) -> None:
    """The answer is plain text; a script that fails is a bad request that says why."""
    async with open_client(scripts=Scripts(LuaSettings(execute=True))) as client:
        answer = await client.post("/tools/execute-script", content=b"print('\xc3\xa9')")
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.text == "é\n"
        failed = await client.post("/tools/execute-script", content=b"error('why')")
        assert (failed.status_code, failed.json()["OrthancStatus"]) == (400, 2031)
        assert failed.json()["Details"] == "The script failed (script:1: why)"


async def test_toolbox() -> None:
    """JSON becomes tables and back; PrintRecursive shows a table with all that is in it."""
    assert await printed('print(DumpJson({1, "2", {a="x", b={}}, false}))') == (
        '[1,2,{"a":"x","b":[]},false]\n'
    )
    assert await printed('print(DumpJson({1, "2"}, true))') == '["1","2"]\n'
    assert await printed('PrintRecursive(ParseJson([[{"a":[1,null,"x"]}]]))') == (
        "table\n\t[a], table\n\t[a]\t[1], number, 1.0\n\t[a]\t[3], string, x\n"
    )
    assert await printed('print(ParseJson("{"), DumpJson(print), ParseJson(7))') == (
        "nil, nil, nil\n"
    )


async def test_nothing_stays() -> None:
    """What a script defines is unknown to the next one."""
    await printed("function OnStoredInstance() end")
    assert await printed("print(OnStoredInstance)") == "nil\n"


async def test_no_doors() -> None:
    """There is the language, and nothing that leads out of it."""
    script = """
    for _, name in ipairs{'io', 'os', 'package', 'require', 'load', 'loadstring', 'loadfile',
        'dofile', 'debug', 'python', 'collectgarbage'} do
        if _G[name] then print(name) end
    end
    print(string.dump)
    """
    assert await printed(script) == "nil\n"


ESCAPES = {
    "attributes of a function lent": "print(ParseJson.__globals__)",
    "attributes of print": "print(print.__class__)",
    "items of a function lent": "print(DumpJson['__self__'])",
    "metatable of a function": "print(getmetatable(print).__index)",
    "bytecode": "\x1bLua\x54\x00",
    "a module": "require('python')",
    "a string loaded": "load('print(1)')()",
    "the registry": "debug.getregistry()",
}


@pytest.mark.parametrize("script", ESCAPES.values(), ids=ESCAPES)
async def test_no_escape(script: str) -> None:
    """Ways out of a sandbox end in an error."""
    with pytest.raises(LuaFailed):
        await SCRIPTS.run(script.encode("latin-1"))


async def test_errors_of_lent_functions() -> None:
    """What a lent function cannot take is nil, and no object of Python's comes to light."""
    script = """
    local bad = setmetatable({}, {__index=error, __pairs=error, __len=error, __tostring=error})
    for _, value in ipairs{print, coroutine.create(print), bad} do
        print(pcall(DumpJson, value)); print(pcall(ParseJson, value))
    end
    local t = {}; t[1] = t
    print(pcall(DumpJson, t)); print(pcall(ParseJson, ("["):rep(100000)))
    print(DumpJson(0/0), DumpJson(math.huge))
    """
    lines = set((await printed(script)).splitlines())
    assert lines == {"true, nil", "true, []", "nil, nil"}


BOMBS = {
    "doubling": "local s = 'x' while true do s = s .. s end",
    "rep": "print(#('x'):rep(1 << 33))",
    "many": "local t = {} for n = 1, 1e9 do t[n] = n end",
    "recursion": "local function f() return f() + 1 end f()",
    "pack": "local t = {} for n = 1, 1e9 do t[n] = {} end",
    "gsub": "print(#(('x'):rep(1e7):gsub('x', ('y'):rep(1e5))))",
    "json": "local t = {} for n = 1, 1e7 do t[n] = n end print(#DumpJson(t))",
    "parsed": "ParseJson('[' .. ('[],'):rep(9e6) .. '1]')",
    "printed": "local s = ('x'):rep(1e6) while true do print(s) end",
}


@pytest.mark.parametrize("script", BOMBS.values(), ids=BOMBS)
async def test_memory_is_bounded(script: str) -> None:
    """A script that wants too much memory, or prints too much, fails; the gateway does not."""
    with pytest.raises(LuaFailed):
        await SCRIPTS.run(script.encode())


LOOPS = {
    "endless": "while true do end",
    "caught": "while true do pcall(function() while true do end end) end",
    "backtracking": "local s = ('a'):rep(40) print(s:find(('a*'):rep(20) .. 'b'))",
    "coroutines": "while true do coroutine.wrap(function() end)() end",
    "metamethod": "local t = setmetatable({}, {}) getmetatable(t).__index = "
    "function(t, k) while true do end end print(t.x)",
    "sort": "table.sort(setmetatable({}, {__len=function() return 1e9 end}),"
    " function() while true do end end)",
}


@pytest.mark.parametrize("script", LOOPS.values(), ids=LOOPS)
async def test_time_is_bounded(script: str) -> None:
    """A script that never ends is ended, wherever it hangs."""
    started = time.monotonic()
    with pytest.raises(LuaFailed, match="ran longer than 1 s"):
        await HURRIED.run(script.encode())
    assert time.monotonic() - started < 60


async def test_finalizers_do_not_hold_up_the_end() -> None:
    """What a script leaves to run at its end does not run."""
    script = "setmetatable({}, {__gc=function() while true do end end}) print(1)"
    assert await printed(script) == "1\n"


async def test_a_long_script_that_is_not_read() -> None:
    """A script that is refused at its first byte is answered, however long it is."""
    with pytest.raises(LuaFailed):
        await SCRIPTS.run(b"=" + b"x" * 900_000)
