# SPDX-License-Identifier: Apache-2.0
import asyncio
import os
import sys
import time
from contextlib import suppress
from typing import Any

import psutil
import pytest
from structlog.testing import capture_logs

from pons.errors import DamagedObject, Unavailable, UnsupportedImage
from pons_render.answer import IN_MEMORY
from pons_render.image import Image
from pons_render.pool import Bounds, ReadRange, WorkerPool
from pons_render.wire import Task
from pons_render.worker import ANSWER_PIECE
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio
Command = tuple[str, ...]
MEBIBYTE = 1024 * 1024

IMAGE = Image(
    transfer_syntax="1.2.840.10008.1.2.1",
    rows=1,
    columns=1,
    samples_per_pixel=1,
    photometric_interpretation="MONOCHROME2",
    planar_configuration=0,
    bits_allocated=8,
    bits_stored=8,
    high_bit=7,
    pixel_representation=0,
    number_of_frames=1,
    pixel_vr="OB",
    offset=0,
    length=1,
    encapsulated=False,
)


def task(operation: str, frame: int = 0, **fields: Any) -> Task:
    return Task(operation, IMAGE, frame, size=100, **fields)


def pool_of(command: Command, memory: int = 256 * MEBIBYTE, **bounds: Any) -> WorkerPool:
    values = {"workers": 1, "seconds": 20.0, **bounds}
    return WorkerPool(Bounds(memory=memory, **values), (*command, str(memory)))


async def run(pool: WorkerPool, task: Task, read: ReadRange) -> bytes:
    """All that a worker answers."""
    with await pool.run(task, read) as answer:
        return b"".join([piece async for piece in answer.pieces()])


async def no_read(_start: int, _length: int) -> bytes:
    raise AssertionError("nothing is to be read")


@pytest.mark.parametrize("operation", ["segfault", "killed"])
async def test_crash_costs_one_request(hostile_command: Command, operation: str) -> None:
    """A decoder that kills its process is one unsupported image; the next request is served.

    It is tried in a fresh process too: the idle one may have died on its own.
    """
    async with pool_of(hostile_command) as pool:
        first = await run(pool, task("pid"), no_read)
        with capture_logs() as logs, pytest.raises(UnsupportedImage):
            await run(pool, task(operation), no_read)
        second = await run(pool, task("pid"), no_read)
    assert first != second
    assert [(line["event"], line["operation"]) for line in logs] == [
        ("render worker crashed", operation)
    ] * 2
    assert all(line["exit_code"] < 0 for line in logs)


async def test_others_go_on_while_one_crashes(hostile_command: Command) -> None:
    """A request in another worker does not notice a crash beside it."""
    async with pool_of(hostile_command, workers=2) as pool:
        results = await asyncio.gather(
            *(run(pool, task(o), no_read) for o in ("pid", "segfault", "pid", "segfault", "pid")),
            return_exceptions=True,
        )
    assert [type(result) for result in results] == [
        bytes,
        UnsupportedImage,
        bytes,
        UnsupportedImage,
        bytes,
    ]


async def test_deadline_kills_the_worker(hostile_command: Command) -> None:
    """A decoder that never ends is stopped at the deadline, and its process is gone."""
    async with pool_of(hostile_command, seconds=1) as pool:
        pid = int(await run(pool, task("pid"), no_read))
        started = time.monotonic()
        with capture_logs() as logs, pytest.raises(UnsupportedImage):
            await run(pool, task("spin"), no_read)
        assert time.monotonic() - started < 30
        assert not psutil.pid_exists(pid)
        assert int(await run(pool, task("pid"), no_read)) != pid
    assert [line["event"] for line in logs] == ["render timed out"]


@pytest.mark.skipif(not psutil.LINUX, reason="address space is bounded on Linux only")
async def test_memory_is_bounded(hostile_command: Command) -> None:
    """A decoder that wants a gigabyte where 256 MiB are allowed fails, and its worker lives on."""
    async with pool_of(hostile_command) as pool:
        pid = await run(pool, task("pid"), no_read)
        with pytest.raises(UnsupportedImage, match="memory"):
            await run(pool, task("hoard"), no_read)
        assert await run(pool, task("pid"), no_read) == pid


@pytest.mark.skipif(not psutil.LINUX, reason="resident memory is looked at on Linux only")
async def test_memory_is_watched(hostile_command: Command) -> None:
    """A decoder that fills more than it may, bit by bit, is killed once; the next one works."""
    async with pool_of(hostile_command, memory=192 * MEBIBYTE) as pool:
        pid = int(await run(pool, task("pid"), no_read))
        with (
            capture_logs() as logs,
            pytest.raises(UnsupportedImage, match=r"render\.memory_mb"),
        ):
            await run(pool, task("hoard slowly"), no_read)
        assert not psutil.pid_exists(pid)
        assert int(await run(pool, task("pid"), no_read)) != pid
    assert [line["event"] for line in logs] == ["render took too much memory"]


async def test_unforeseen_error_is_logged_with_its_traceback(hostile_command: Command) -> None:
    """An exception of a decoder is an unsupported image, and the log tells where it came from."""
    async with pool_of(hostile_command) as pool:
        with capture_logs() as logs, pytest.raises(UnsupportedImage):
            await run(pool, task("raise"), no_read)
    assert "nobody foresaw this" in logs[0]["traceback"]


async def test_codec_output_does_not_disturb(hostile_command: Command) -> None:
    """What a codec prints reaches neither the answers nor this process' output."""
    async with pool_of(hostile_command) as pool:
        first = await run(pool, task("print"), no_read)
        assert await run(pool, task("pid"), no_read) == first


async def test_idle_workers_end(hostile_command: Command) -> None:
    """After the idle time no process is left, and the next request starts one."""
    async with pool_of(hostile_command, idle_seconds=0.2) as pool:
        pid = int(await run(pool, task("pid"), no_read))
        assert pool.idle_workers == 1
        await until(lambda: pool.idle_workers == 0 and not psutil.pid_exists(pid))
        assert int(await run(pool, task("pid"), no_read)) != pid


async def test_worker_that_died_while_idle_is_replaced(hostile_command: Command) -> None:
    """A worker that something killed between requests costs none."""
    async with pool_of(hostile_command) as pool:
        pid = int(await run(pool, task("pid"), no_read))
        os.kill(pid, 9)
        await until(lambda: not psutil.pid_exists(pid))
        assert int(await run(pool, task("pid"), no_read)) != pid


async def test_closing_leaves_no_process(hostile_command: Command) -> None:
    """The end of the pool is the end of its workers."""
    async with pool_of(hostile_command) as pool:
        pid = int(await run(pool, task("pid"), no_read))
    assert not psutil.pid_exists(pid)


async def test_cancelled_request_frees_its_slot(hostile_command: Command) -> None:
    """A request that is given up in the middle takes its worker along and blocks nobody."""
    async with pool_of(hostile_command) as pool:
        await run(pool, task("pid"), no_read)
        running = asyncio.ensure_future(run(pool, task("spin"), no_read))
        await until(lambda: pool.idle_workers == 0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await run(pool, task("pid"), no_read)


async def test_too_many_waiting_are_turned_away(hostile_command: Command) -> None:
    """When the queue is full the answer is to come again, at once."""
    async with pool_of(hostile_command, waiting=1, seconds=1) as pool:
        first = asyncio.ensure_future(run(pool, task("spin"), no_read))
        second = asyncio.ensure_future(run(pool, task("pid"), no_read))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await run(pool, task("pid"), no_read)
        with pytest.raises(UnsupportedImage):
            await first
        assert int(await second)


async def test_worker_sees_no_settings(
    hostile_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passwords in the environment of the service are not in that of a worker."""
    monkeypatch.setenv("PONS_DATABASE_URL", "postgresql://u:secret@host/db")
    async with pool_of(hostile_command) as pool:
        names = (await run(pool, task("environment"), no_read)).decode().split()
    assert "PATH" in names
    assert "PONS_DATABASE_URL" not in names


ORPHAN = """
import asyncio, sys
from test_pool import no_read, pool_of, run, task

async def main():
    async with pool_of((sys.executable, sys.argv[1]), seconds=1) as pool:
        pid = await run(pool, task("pid"), no_read)
        spin = asyncio.ensure_future(pool.run(task("spin"), no_read))
        while pool.idle_workers:
            await asyncio.sleep(0.01)
        print(pid.decode(), flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


@pytest.mark.skipif(not psutil.POSIX, reason="there are no timers beyond the interpreter elsewhere")
async def test_busy_worker_ends_after_its_parent(hostile_command: Command) -> None:
    """When the service is killed, a worker in an endless decoder does not stay for ever."""
    here = os.path.dirname(hostile_command[1])
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ORPHAN, hostile_command[1]),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([here, *sys.path])},
    )
    assert parent.stdout
    assert parent.stdin
    worker = psutil.Process(int(await parent.stdout.readline()))
    parent.kill()
    await parent.wait()
    parent.stdin.close()
    try:
        await until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
    finally:
        with suppress(psutil.NoSuchProcess):
            worker.kill()


async def test_parent_reads_for_a_worker_without_file(hostile_command: Command) -> None:
    """Without a local path the worker gets the ranges that it asks for."""
    asked = []

    async def read(start: int, length: int) -> bytes:
        asked.append((start, length))
        return bytes(range(100))[start : start + length]

    async with pool_of(hostile_command) as pool:
        assert await run(pool, task("read", 10), read) == bytes([10, 11, 12, 13])
    assert asked == [(10, 90)]


async def test_failing_read_reaches_the_caller(hostile_command: Command) -> None:
    """When the object store fails, the request fails as the object store does."""

    async def read(_start: int, _length: int) -> bytes:
        raise Unavailable("The object store does not answer")

    async with pool_of(hostile_command) as pool:
        with pytest.raises(Unavailable, match="object store"):
            await run(pool, task("read"), read)


async def test_vanished_file_is_missing(hostile_command: Command) -> None:
    """An object deleted after it was looked up is missing, rather than not decodable."""
    async with pool_of(hostile_command) as pool:
        with pytest.raises(DamagedObject, match="no such object"):
            await run(pool, task("read", path="/nowhere/at/all"), no_read)


async def test_worker_that_cannot_start_is_unavailable() -> None:
    """A broken installation is the server's fault, not the image's."""
    async with pool_of(("/nowhere/python",)) as pool:
        with pytest.raises(Unavailable):
            await run(pool, task("pid"), no_read)
    async with pool_of(("/bin/false",)) as pool:
        with pytest.raises(Unavailable):
            await run(pool, task("pid"), no_read)


async def test_answer_in_pieces(hostile_command: Command) -> None:
    """An answer of any size arrives whole, beyond a few pieces by way of a file."""
    async with pool_of(hostile_command) as pool:
        for size in (0, 1, ANSWER_PIECE, ANSWER_PIECE + 1, IN_MEMORY, 3 * IN_MEMORY + 7):
            assert await run(pool, task("much", size), no_read) == bytes(size)


async def test_answer_that_breaks_off(hostile_command: Command) -> None:
    """A failure after the first pieces is a failure, and the worker's next answer is its own."""
    async with pool_of(hostile_command) as pool:
        pid = await run(pool, task("pid"), no_read)
        for size in (10, ANSWER_PIECE + 10):
            with pytest.raises(UnsupportedImage, match="that was all"):
                await run(pool, task("much and no more", size), no_read)
        assert await run(pool, task("pid"), no_read) == pid
