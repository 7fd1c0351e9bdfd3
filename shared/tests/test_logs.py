# SPDX-License-Identifier: Apache-2.0
"""Logs as they come out of a process: one line per outcome, whoever wrote it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import asyncio, logging, sys
import structlog
from pons.runtime.logs import configure_logs
from pons.settings import LogSettings

configure_logs(LogSettings(level={level!r}, format={format!r}), "render")
log = structlog.get_logger()
{body}
"""


def lines(body: str, level: str = "info", form: str = "auto") -> list[str]:
    """What a service that runs `body` writes to standard error."""
    program = PROGRAM.format(level=level, format=form, body=body)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        encoding="utf-8",
        check=True,
        cwd=Path(__file__).parents[1],
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def entries(body: str, level: str = "info") -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(body, level)]


def test_a_line_is_json_where_nobody_watches() -> None:
    """Without a terminal each outcome is one JSON object that says when, which service and what."""
    [entry] = entries('log.info("instance stored", bytes=12, name="José\\n")')
    assert entry.pop("timestamp").endswith("Z")
    assert entry == {
        "service": "render",
        "level": "info",
        "event": "instance stored",
        "bytes": 12,
        "name": "José\n",
    }


def test_a_line_is_key_and_value_on_a_terminal() -> None:
    """People read `key=value`, with when, how bad, who and what first."""
    [line] = lines('log.warning("nats disconnected", seconds=3)', form="console")
    words = line.split(" ", 1)
    assert words[0].startswith("timestamp='2")
    assert words[1] == "level='warning' service='render' event='nats disconnected' seconds=3"


def test_values_that_json_does_not_know_are_written_as_text() -> None:
    """A path or an error in a line is no reason to lose the line."""
    [entry] = entries('from pathlib import Path; log.info("x", path=Path("/a"), of=ValueError(1))')
    assert (entry["path"], entry["of"]) == ("/a", "1")


def test_the_level_leaves_out_what_is_less() -> None:
    """`log.level` decides what is written."""
    body = 'log.debug("a"); log.info("b"); log.warning("c"); log.error("d")'
    assert [entry["event"] for entry in entries(body, "debug")] == ["a", "b", "c", "d"]
    assert [entry["event"] for entry in entries(body, "warning")] == ["c", "d"]


def test_libraries_write_the_same_lines_and_only_warnings() -> None:
    """What a library logs has the same form, so that one reader reads everything."""
    body = """
library = logging.getLogger("uvicorn.error")
library.info("started")
library.warning("slow %s", "peer")
"""
    [entry] = entries(body, "debug")
    assert entry.pop("timestamp").endswith("Z")
    assert entry == {"service": "render", "level": "warning", "event": "slow peer"}


def test_a_bug_is_logged_with_its_traceback() -> None:
    """One line holds the traceback too, whether we or a library wrote it."""
    body = """
try:
    1 / 0
except ZeroDivisionError:
    log.exception("command failed")
    logging.getLogger("asyncio").exception("task failed")
"""
    ours, theirs = entries(body)
    for entry in (ours, theirs):
        assert entry["level"] == "error"
        assert entry["exception"].startswith("Traceback (most recent call last):")
        assert entry["exception"].endswith("ZeroDivisionError: division by zero")


def test_tasks_and_threads_of_a_service_carry_its_name() -> None:
    """Every line says which service wrote it, wherever in the service that happened."""
    body = """
async def main():
    await asyncio.create_task(asyncio.to_thread(log.info, "from a thread"))
    asyncio.get_running_loop().call_soon(log.info, "from a callback")
    await asyncio.sleep(0)
asyncio.run(main())
"""
    assert [entry["service"] for entry in entries(body)] == ["render", "render"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_costs_lines_and_nothing_else() -> None:
    """A line that cannot be written, ours or a library's, is no error of the work."""
    body = 'log.info("lost"); logging.getLogger("x").error("lost too"); print("went on")'
    program = PROGRAM.format(level="info", format="json", body=body)
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=full, text=True
        )
    assert done.stdout == "went on\n"
