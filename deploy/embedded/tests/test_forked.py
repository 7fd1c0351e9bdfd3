# SPDX-License-Identifier: Apache-2.0
"""Processes that are forked instead of started are like those that were started."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from pons_embedded import forked
from pons_embedded.command import Command, open_log
from pons_embedded.forked import ForkServer, can_fork
from pons_embedded.forkserver import command_line
from pons_embedded.testing import Store, until
from pons_testing import waiting

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="services are forked on Linux alone"),
]
ABOUT = """
import gc, json, os, random, signal, sys, uuid
print(json.dumps({
    "arguments": sys.argv, "name": __name__, "environment": dict(os.environ),
    "folder": os.getcwd(), "session": os.getsid(0), "group": os.getpgid(0),
    "input": sys.stdin.read(),
    "threads": len(os.listdir("/proc/self/task")), "collects": gc.isenabled(),
    "drawn": [random.random(), str(uuid.uuid4())],
    "signals": [str(signal.getsignal(one)) for one in (2, 13, 15, 17)],
    "files": sorted(os.readlink(f"/proc/self/fd/{one}").split(":")[0].rpartition("/")[2]
                    for one in os.listdir("/proc/self/fd") if int(one) < 3 or one.isdigit()
                    and os.path.exists(f"/proc/self/fd/{one}")),
    "loaded": sorted(name for name in sys.modules if name.startswith("pons_")),
    "imported": "pynetdicom" in sys.modules,
}), flush=True)
sys.exit(79)
"""
LONG = "import time\nprint('runs', flush=True)\ntime.sleep(60)\n"
PARENT = "import subprocess, sys\nsubprocess.Popen(['sleep', '60'])\n" + LONG
MODULES = {"pons_about": ABOUT, "pons_long": LONG, "pons_parent": PARENT}


class Starts:
    """Starts modules by a fork server, each with a log of its own."""

    def __init__(self, server: ForkServer, folder: Path) -> None:
        self.server = server
        self.folder = folder

    def command(self, module: str) -> Command:
        environment = {**os.environ, "PONS_TOLD": "ä" * 3000}
        return Command(module, (sys.executable, "-P", "-m", module), environment)

    async def start(self, module: str, stdin: int = asyncio.subprocess.DEVNULL) -> Any:
        output = open_log(self.folder / f"{module}.log")
        try:
            return await self.server.start(self.command(module), stdin, output)
        finally:
            os.close(output)

    def said(self, module: str) -> str:
        return (self.folder / f"{module}.log").read_text()


@pytest.fixture
def forking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[list[str]], AbstractAsyncContextManager[Starts]]:
    for name, code in MODULES.items():
        (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)

    @asynccontextmanager
    async def forking(told: list[str]) -> Any:
        async with ForkServer(tmp_path / "forkserver.log", told.append) as server:
            yield Starts(server, tmp_path)

    assert can_fork()
    return forking


Forking = Callable[[list[str]], AbstractAsyncContextManager[Starts]]


def fork_server_process() -> psutil.Process:
    """The one that runs, among whatever else this process has started."""
    (server,) = (
        one
        for one in psutil.Process().children()
        if one.status() != psutil.STATUS_ZOMBIE and "pons_embedded.forkserver" in one.cmdline()
    )
    return server


async def test_a_forked_process_is_as_fresh_as_a_started_one(
    forking: Forking, tmp_path: Path
) -> None:
    """It has what a started one has, but what was imported; two of them draw different numbers."""
    told: list[str] = []
    async with forking(told) as starts:
        for _ in range(2):
            process = await starts.start("pons_about")
            assert process is not None, (tmp_path / "forkserver.log").read_text()
            assert await process.wait() == process.returncode == 79
        plain = await asyncio.create_subprocess_exec(
            *starts.command("pons_about").argv,
            stdout=(log := open_log(tmp_path / "plain.log")),
            **starts.command("pons_about").options(),
        )
        os.close(log)
        assert await plain.wait() == 79
    first, second = (json.loads(line) for line in starts.said("pons_about").splitlines())
    started = json.loads(starts.said("plain"))
    assert first["imported"] is True
    assert started["imported"] is False
    assert len({*first["drawn"], *second["drawn"], *started["drawn"]}) == 6
    assert first["session"] == first["group"] != second["session"]
    assert [name for name in first["loaded"] if not name.startswith("pons_embedded")] == []
    same = (
        *("arguments", "name", "environment", "folder", "input", "threads", "collects"),
        "signals",
    )
    assert {name: first[name] for name in same} == {name: started[name] for name in same}
    assert len(first["files"]) == len(started["files"])
    assert told == []


async def test_others_see_which_service_it_is(forking: Forking) -> None:
    """Its command line and environment are its own, and its parent is who ordered it."""
    async with forking([]) as starts:
        process = await starts.start("pons_long")
        seen = psutil.Process(process.pid)
        command = starts.command("pons_long")
        assert seen.cmdline()[1:] == list(command.argv[1:])
        assert Path(seen.cmdline()[0]) == Path(command.argv[0])
        assert seen.environ() == dict(command.environment)
        assert seen.ppid() == os.getpid()
        process_ended = asyncio.create_task(process.wait())
        seen.kill()
        assert await process_ended == -signal.SIGKILL


async def test_what_was_forked_outlives_the_fork_server(forking: Forking) -> None:
    """It goes on, its exit code is known; nothing more is forked, which is said once."""
    told: list[str] = []
    async with forking(told) as starts:
        process = await starts.start("pons_long")
        fork_server_process().kill()
        await waiting.until(lambda: told)
        assert await starts.start("pons_long") is None
        assert process.returncode is None
        assert psutil.Process(process.pid).ppid() == os.getpid()
        os.kill(process.pid, signal.SIGTERM)
        assert await process.wait() == -signal.SIGTERM
    assert len(told) == 1
    assert "is gone: it ended (-9)" in told[0]


async def test_a_fork_server_that_hangs_is_not_waited_for(
    forking: Forking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Services are started plainly then, and it is ended."""
    monkeypatch.setattr(forked, "PATIENCE", 0.2)
    told: list[str] = []
    async with forking(told) as starts:
        fork_server_process().suspend()
        assert await starts.start("pons_long") is None
        assert await starts.start("pons_long", asyncio.subprocess.PIPE) is None
    assert len(told) == 1
    assert "it did not answer (timed out)" in told[0]


async def test_a_fork_server_that_cannot_import_says_so(forking: Forking, tmp_path: Path) -> None:
    """A broken package ends it, not the store."""
    (tmp_path / "pynetdicom.py").write_text("raise ImportError('broken')\n")
    told: list[str] = []
    async with forking(told) as starts:
        assert await starts.start("pons_long") is None
    assert len(told) == 1
    assert "ImportError: broken" in (tmp_path / "forkserver.log").read_text()


async def test_the_input_of_a_forked_process_is_ours(forking: Forking) -> None:
    """What is written to it arrives, and it ends with us."""
    async with forking([]) as starts:
        process = await starts.start("pons_about", asyncio.subprocess.PIPE)
        process.stdin.write(b"open\n")
        process.stdin.close()
        assert await process.wait() == 79
    assert json.loads(starts.said("pons_about"))["input"] == "open\n"


async def test_children_of_a_killed_service_are_not_adopted(forking: Forking) -> None:
    """Nobody here would fetch their exit codes; they go where orphans go."""
    async with forking([]) as starts:
        process = await starts.start("pons_parent")
        await waiting.until(lambda: "runs" in starts.said("pons_parent"))
        (orphan,) = psutil.Process(process.pid).children()
        os.kill(process.pid, signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL
        assert orphan.ppid() != os.getpid()
        orphan.kill()


def test_a_command_line_fills_its_room() -> None:
    """Exactly: what is left over would be read as more arguments."""
    argv = ("/usr/bin/python", "-P", "-m", "pons_index")
    assert command_line(argv, 40) == b"/usr/bin////////python\0-P\0-m\0pons_index\0"
    assert command_line(argv, 33) == b"/usr/bin/python\0-P\0-m\0pons_index\0"


def test_a_store_outlives_its_fork_server(store: Store) -> None:
    """What runs goes on, what dies is started again without it, and an end is one in order."""
    store.environment["PONS_STORE_FORK_SERVICES"] = "true"
    store.up()
    assert store.process is not None
    launcher = psutil.Process(store.process.pid)
    names = ("gateway", "ingress", "render", "egress", "index")
    before = {name: store.pid(name) for name in names}
    assert {psutil.Process(pid).ppid() for pid in before.values()} == {launcher.pid}
    first = store.send("render", signal.SIGKILL)
    until(lambda: store.pid("render") not in (0, first), "render again")
    before["render"] = store.pid("render")
    (server,) = (one for one in launcher.children() if "pons_embedded.forkserver" in one.cmdline())
    server.kill()
    store.send("index", signal.SIGKILL)
    until(lambda: store.pid("index") not in (0, before["index"]), "index again")
    until(lambda: store.pons("status", "--data", str(store.data)).returncode == 0, "healthy")
    assert {name: store.pid(name) for name in names[:4]} == {n: before[n] for n in names[:4]}
    store.pons("down", "--data", str(store.data))
    said = store.output()
    assert store.process.returncode == 0
    assert said.count("share no memory") == 1
    assert said.count("was ended by SIGKILL; starting it again") == 2
