# SPDX-License-Identifier: Apache-2.0
"""Scripts that stay: what they define is called, within bounds, and there again after a loss."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

import pons.lua.scripts
from pons.errors import Unavailable
from pons.lua.process import LuaProcess
from pons.lua.scripts import NotAsked, ProcessLost, ScriptFailed, ScriptLost, open_scripts
from pons.settings import LuaSettings, SettingsError
from pons_testing.waiting import until

from .opening import Open, value

pytestmark = pytest.mark.anyio


async def test_globals_stay(opened: Open) -> None:
    """One call sees what an earlier one has set, and what other files have defined."""
    counting = "function OnStableStudy() count = count + step return count end"
    async with opened("count, step = 0, 2", counting) as scripts:
        assert scripts.defines("OnStoredInstance") is False
        assert [await value(scripts, "OnStableStudy") for _ in range(3)] == [2, 4, 6]


async def test_arguments_and_what_is_returned(opened: Open) -> None:
    """Tables, texts and numbers go in and come back; text of other alphabets as it came."""
    source = """
    function OnStableStudy(t, text, flag)
        return {name = t.Name .. text, second = t.list[2], none = t.nothing, flag = flag}
    end
    """
    async with opened(source) as scripts:
        table = {"Name": "Größe ", "list": [1, "zwei"], "nothing": None}
        told = await value(scripts, "OnStableStudy", table, b"\xff", True, wanted="table")
    assert told["second"] == "zwei"
    assert told["flag"] is True
    assert told["name"].encode("latin-1") == "Größe ".encode() + b"\xff"
    assert "none" not in told


async def test_without_scripts_nothing_runs() -> None:
    """Where no script is set there is no process, and nothing defined."""
    async with open_scripts(LuaSettings(), {}) as scripts:
        assert scripts.pid is None
        assert not scripts.defines("OnStoredInstance")


async def test_initialize_and_finalize(opened: Open) -> None:
    """Both are called once, around everything else."""
    heard: list[bytes] = []

    async def tell(text: bytes) -> None:
        heard.append(text)

    source = """
    function Initialize() RestApiGet('/first') end
    function OnStableStudy() RestApiGet('/middle') end
    function Finalize() RestApiGet('/last') end
    """

    async def rest(method: bytes, uri: bytes, *_: Any) -> bytes:
        await tell(uri)
        return b""

    async with opened(source, doors={"rest": rest}) as scripts:
        await scripts.call("OnStableStudy")
    assert heard == [b"/first", b"/middle", b"/last"]


async def test_a_script_that_is_wrong_ends_the_start(opened: Open, tmp_path: Path) -> None:
    """A service says which file is wrong, and where, instead of running without it."""
    with pytest.raises(SettingsError, match=r"1\.lua failed \(1\.lua:2: "):
        async with opened("x = 1", "\nfunction oops("):
            pass
    with pytest.raises(SettingsError, match=r"0\.lua failed \(0\.lua:1: not ready"):
        async with opened("error('not ready')"):
            pass
    missing = LuaSettings(scripts=[str(tmp_path / "missing.lua")])
    with pytest.raises(SettingsError, match=r"missing\.lua cannot be read"):
        async with open_scripts(missing, {}):
            pass


async def test_an_error_ends_the_call_alone(opened: Open) -> None:
    """What a function raises is told in Lua's words, and globals are as they were."""
    source = (
        "n = 0 function OnStableStudy(wrong) n = n + 1 if wrong then error('why') end return n end"
    )
    async with opened(source) as scripts:
        with pytest.raises(ScriptFailed, match=r"0\.lua:1: why"):
            await scripts.call("OnStableStudy", True)
        assert await value(scripts, "OnStableStudy", False) == 2


async def test_another_value_than_is_wanted_is_an_error(opened: Open) -> None:
    """A filter that returns nothing has not said yes."""
    async with opened("function ReceivedInstanceFilter(x) return x end") as scripts:
        for returned in (None, 1, "true"):
            with pytest.raises(ScriptFailed, match="expected a boolean"):
                await scripts.call("ReceivedInstanceFilter", returned, wanted="boolean")
        assert await value(scripts, "ReceivedInstanceFilter", False, wanted="boolean") is False
        for returned in (True, False):
            with pytest.raises(ScriptFailed, match="returned bool, expected a number"):
                await scripts.call("ReceivedInstanceFilter", returned, wanted="number")


async def test_an_endless_loop_is_ended(opened: Open) -> None:
    """It costs its time; then the scripts are loaded again, and others are answered."""
    source = "n = 0 function OnStableStudy(hang) n = n + 1 while hang do end return n end"
    async with opened(source, timeout=4) as scripts:
        assert await value(scripts, "OnStableStudy", False) == 1
        started = time.monotonic()
        with pytest.raises(ScriptLost, match="longer than 4 s"):
            await scripts.call("OnStableStudy", True)
        assert time.monotonic() - started < 60
        assert scripts.defines("OnStableStudy")
        assert await value(scripts, "OnStableStudy", False) == 1


async def test_a_memory_bomb_is_ended(opened: Open) -> None:
    """What a script may use is its own affair; the filter stays defined all the same."""
    source = """
    function ReceivedInstanceFilter() return true end
    function OnStableStudy() local s = 'x' while true do s = s .. s end end
    """
    async with opened(source) as scripts:
        for _ in range(2):
            with pytest.raises(ScriptLost, match="more memory than it may"):
                await scripts.call("OnStableStudy")
            assert scripts.defines("ReceivedInstanceFilter")
            assert await value(scripts, "ReceivedInstanceFilter", wanted="boolean") is True


async def test_a_process_that_is_killed_is_started_again(opened: Open) -> None:
    """Also while it is asked: then it is asked again, a few times."""
    deaths = 0

    async def die(*_: Any) -> None:
        nonlocal deaths
        assert scripts.pid is not None
        os.kill(scripts.pid, signal.SIGKILL)
        deaths += 1

    source = "function OnStableStudy(die) if die then RestApiGet('/') end return 1 end"
    async with opened(source, doors={"rest": die}) as scripts:
        with pytest.raises(ProcessLost):
            await scripts.call("OnStableStudy", True)
        assert scripts.defines("OnStableStudy")
        assert await value(scripts, "OnStableStudy", False) == 1
        assert deaths == 3
        await die()
        assert await value(scripts, "OnStableStudy", False) == 1


async def test_scripts_that_cannot_be_loaded_again(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was asked then, which is no error of the function: it is asked later."""
    source = "function OnStableStudy() return 1 end"
    async with opened(source, timeout=5) as scripts:
        file = tmp_path / "0.lua"
        for wrong in ("function oops(", "while true do end", None):
            if wrong is None:
                file.unlink()
            else:
                file.write_text(wrong)
            if scripts.pid is not None:
                os.kill(scripts.pid, signal.SIGKILL)
            with monkeypatch.context() as patch:
                patch.setattr(pons.lua.scripts, "START_SECONDS", 3.0)
                with pytest.raises(NotAsked, match="could not be loaded"):
                    await scripts.call("OnStableStudy", wanted="number")
            assert scripts.defines("OnStableStudy")
        file.write_text(source)
        assert await value(scripts, "OnStableStudy") == 1


async def test_posted_scripts(opened: Open, tmp_path: Path) -> None:
    """One that was posted elsewhere is loaded once, asks nothing of others, and comes back after a
    loss; what it defines counts."""
    asked: list[bytes] = []
    posted: dict[str, bytes] = {}

    async def rest(_method: bytes, uri: bytes, *_: Any) -> bytes:
        asked.append(uri)
        return b"x"

    settings = LuaSettings(callbacks=True, timeout=20, memory_mb=32)
    async with open_scripts(settings, {"rest": rest}, lambda: posted) as scripts:
        posted["1"] = b"n = (n or 0) + 1 RestApiGet('/once') function OnStableStudy() return n end"
        await scripts.catch_up()
        assert scripts.defines("OnStableStudy")
        assert await value(scripts, "OnStableStudy") == 1
        posted["2"] = b"n = n + 10"
        posted["3"] = b"error('wrong')"
        await scripts.catch_up()
        assert await value(scripts, "OnStableStudy") == 11
        outcome = await scripts.run("4", b"n = n + 100 RestApiGet('/once') print(n)")
        assert (outcome.changed, outcome.printed) == (True, b"111\n")
        assert (await scripts.run("5", b"print(n) local x = 1")).changed is False
        posted["4"] = b"n = n + 100"
        assert await value(scripts, "OnStableStudy") == 111
        assert scripts.pid is not None
        os.kill(scripts.pid, signal.SIGKILL)
        assert await value(scripts, "OnStableStudy") == 111
    assert asked == [b"/once"]


async def test_what_is_being_loaded_is_waited_for() -> None:
    """Whoever catches up while another does finds the functions defined, too."""
    posted: dict[str, bytes] = {}
    settings = LuaSettings(callbacks=True, timeout=20, memory_mb=32)
    async with open_scripts(settings, {}, lambda: posted) as scripts:
        posted["1"] = (
            b"for i = 1, 30000000 do n = i end function ReceivedInstanceFilter() return true end"
        )
        first = asyncio.create_task(scripts.catch_up())
        await until(lambda: "1" in scripts._loaded)
        assert not scripts.defines("ReceivedInstanceFilter")
        await scripts.catch_up()
        assert scripts.defines("ReceivedInstanceFilter")
        await first


async def test_a_posted_filter_that_cannot_be_loaded() -> None:
    """It lets nothing in, instead of everything, until another is posted; others are called."""
    posted = {
        "1": b"local s = ParseJson(RestApiGet('/system')).Name"
        b" function ReceivedInstanceFilter() return s == 'x' end",
        "2": b"function OnStableStudy() return 1 end",
    }
    settings = LuaSettings(callbacks=True, timeout=20, memory_mb=32)
    async with open_scripts(settings, {}, lambda: posted) as scripts:
        assert scripts.defines("ReceivedInstanceFilter")
        with pytest.raises(Unavailable, match="could not be loaded"):
            await scripts.call("ReceivedInstanceFilter", wanted="boolean")
        assert await value(scripts, "OnStableStudy") == 1
        posted["3"] = b"-- ReceivedInstanceFilter is not defined here"
        await scripts.catch_up()
        assert scripts.defines("ReceivedInstanceFilter")
        posted["4"] = b"function ReceivedInstanceFilter() return true end"
        await scripts.catch_up()
        assert await value(scripts, "ReceivedInstanceFilter", wanted="boolean") is True


async def test_a_posted_script_that_takes_the_process_along() -> None:
    """It is left out when everything is loaded again, and the service starts without it."""
    waiting = b"repeat until RestApiGet('/tools/now') function OnStableSeries() end"
    posted = {"1": waiting, "2": b"function OnStableStudy() return 1 end"}
    settings = LuaSettings(callbacks=True, timeout=4, memory_mb=32)
    async with open_scripts(settings, {}, lambda: posted) as scripts:
        assert await value(scripts, "OnStableStudy") == 1
        with pytest.raises(Unavailable, match="could not be loaded"):
            await scripts.call("OnStableSeries")
        posted["3"] = waiting + b" function ReceivedInstanceFilter() end"
        with pytest.raises(NotAsked):
            await scripts.catch_up()
        assert scripts.defines("ReceivedInstanceFilter")
        with pytest.raises(Unavailable, match="could not be loaded"):
            await scripts.call("ReceivedInstanceFilter")
        posted["4"] = b"ReceivedInstanceFilter = nil"
        await scripts.catch_up()
        assert not scripts.defines("ReceivedInstanceFilter")
        assert await value(scripts, "OnStableStudy") == 1


async def test_a_start_that_takes_longer_than_a_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python takes its time to start on a busy machine, and a file may: a call has less."""
    start = LuaProcess.start

    async def late(memory_mb: int) -> LuaProcess:
        process = await start(memory_mb)
        os.kill(process.pid, signal.SIGSTOP)
        asyncio.get_running_loop().call_later(1.0, os.kill, process.pid, signal.SIGCONT)
        return process

    monkeypatch.setattr(LuaProcess, "start", late)
    file = tmp_path / "filter.lua"
    file.write_text("function ReceivedInstanceFilter() return true end")
    async with open_scripts(LuaSettings(scripts=[str(file)]), {}, seconds=0.5) as scripts:
        assert scripts.defines("ReceivedInstanceFilter")


async def test_a_start_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again a few times; then the error names the file and what to do."""
    started = []
    start = LuaProcess.start

    async def counted(memory_mb: int) -> LuaProcess:
        started.append(memory_mb)
        return await start(memory_mb)

    monkeypatch.setattr(LuaProcess, "start", counted)
    monkeypatch.setattr(pons.lua.scripts, "START_SECONDS", 1.0)
    file = tmp_path / "slow.lua"
    file.write_text("repeat until false")
    with pytest.raises(SettingsError, match=r"took too long to (load .*slow\.lua|start)") as raised:
        async with open_scripts(LuaSettings(scripts=[str(file)]), {}):
            pass
    assert "belongs into a function such as Initialize" in str(raised.value)
    assert len(started) == 3


async def test_a_wrong_file_after_a_lost_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong ends the start, however often the process was lost before: no try helps."""
    started = 0
    start = LuaProcess.start

    async def lost_at_first(memory_mb: int) -> LuaProcess:
        nonlocal started
        started += 1
        assert started < 4, "it is tried for ever"
        process = await start(memory_mb)
        if started == 1:
            os.kill(process.pid, signal.SIGKILL)
        return process

    monkeypatch.setattr(LuaProcess, "start", lost_at_first)
    file = tmp_path / "wrong.lua"
    file.write_text("this is no lua")
    with pytest.raises(SettingsError, match=r"wrong\.lua failed"):
        async with open_scripts(LuaSettings(scripts=[str(file)]), {}):
            pass
    assert started == 2


async def test_a_file_that_needs_too_much_memory(opened: Open) -> None:
    """The start says so, and is not tried again."""
    with pytest.raises(SettingsError, match=r"0\.lua was ended \(.*more memory than it may"):
        async with opened("s = 'x' while true do s = s .. s end"):
            pass
