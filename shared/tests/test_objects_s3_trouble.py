# SPDX-License-Identifier: Apache-2.0
"""What objects cost at an S3 server, and one that is slow, busy, silent or cuts connections."""

import asyncio
import ssl
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pons.errors import StorageUnavailable, Unavailable
from pons.objects import Objects, new_key, open_objects
from pons.objects.s3_bucket import REQUESTS_AT_ONCE
from pons.objects.s3_connections import CONNECT_SECONDS
from pons_testing.certificates import Authority
from pons_testing.distance import distant
from pons_testing.s3 import Endpoint, prepare_bucket, run_rclone
from pons_testing.s3_between import Between, Mode, between
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio

IMAGE = bytes(range(256)) * 2048


@pytest.fixture(scope="module")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with run_rclone(tmp_path_factory.mktemp("rclone")) as endpoint:
        yield endpoint


@pytest.fixture
def way(rclone: Endpoint) -> Iterator[Between]:
    with between(rclone) as found:
        yield found


async def opened(way: Between, folder: Path, **bounds: float) -> AsyncIterator[Objects]:
    objects = open_objects(way.endpoint.storage(folder, **bounds), "main")
    await prepare_bucket(objects)
    way.forget()
    yield objects
    way.mode = "pass"
    await objects.close()


@pytest.fixture
async def objects(way: Between, tmp_path: Path) -> AsyncIterator[Objects]:
    """A store with time for a busy machine."""
    async for one in opened(way, tmp_path, s3_timeout=20, s3_patience=60):
        yield one


@pytest.fixture
async def impatient(way: Between, tmp_path: Path) -> AsyncIterator[Objects]:
    """A store that gives up a request after 0.4 s of silence, and for good after 1.5 s."""
    async for one in opened(way, tmp_path / "impatient", s3_timeout=0.4, s3_patience=1.5):
        yield one


async def test_an_object_costs_one_request(way: Between, objects: Objects) -> None:
    """Storing is one PUT, reading one GET, a range one GET: nothing is asked before."""
    keys = [new_key() for _ in range(8)]
    await asyncio.gather(*[objects.put(key, IMAGE) for key in keys])
    assert way.about("main") == ["PUT"] * 8
    way.forget()
    assert await objects.read(keys[0], len(IMAGE)) == IMAGE
    assert await objects.read_range(keys[1], 300, 5, len(IMAGE)) == IMAGE[300:305]
    assert b"".join([piece async for piece in objects.stream(keys[2])]) == IMAGE
    assert way.about("main") == ["GET"] * 3


async def test_a_body_is_copied_once(rclone: Endpoint, tmp_path: Path) -> None:
    """What grew while it came is not what minio takes: that costs one copy, and bytes none."""
    objects = open_objects(rclone.storage(tmp_path), "main")
    await prepare_bucket(objects)
    for body, most in ((bytearray(8 << 20), 1.5), (bytes(8 << 20), 0.5)):
        tracemalloc.start()
        try:
            await objects.put(new_key(), body)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < most * len(body)
    await objects.close()


async def test_what_was_read_whole_ends_without_a_turn(way: Between, objects: Objects) -> None:
    """Whoever has all bytes of a file does not wait for a thread to hear that there are no more."""
    key = new_key()
    await objects.put(key, IMAGE)
    way.forget()
    reading = objects.stream(key, size=len(IMAGE))
    assert await anext(reading) == IMAGE
    way.mode = "silent"
    more = REQUESTS_AT_ONCE + 4
    puts = [asyncio.create_task(objects.put(new_key(), b"body")) for _ in range(more)]
    await until(lambda: way.about("main").count("PUT") == REQUESTS_AT_ONCE)
    with pytest.raises(StopAsyncIteration):
        await anext(reading)
    assert not any(put.done() for put in puts)
    way.mode = "pass"
    await asyncio.gather(*puts)


async def test_an_object_is_sent_to_the_server_whole_and_read_back(
    rclone: Endpoint, tmp_path: Path
) -> None:
    """Whatever the distance, and however many at once, each key has its own bytes."""
    with distant(rclone.address, 20) as address:
        endpoint = Endpoint(address, bucket="pons-distant")
        objects = open_objects(endpoint.storage(tmp_path), "main")
        bodies = {new_key(): number.to_bytes(4, "big") * 100_000 for number in range(40)}
        began = time.monotonic()
        await asyncio.gather(*[objects.put(key, body) for key, body in bodies.items()])
        assert time.monotonic() - began >= 0.02  # it is far away
        found = await asyncio.gather(*[objects.read(key) for key in bodies])
        assert found == list(bodies.values())
        await objects.close()


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("busy", r"refused: SlowDown \(it has more to do"),
        ("silent", r"does not answer \(.*timed out.*: see to storage\.s3_endpoint"),
        ("cut", r"does not answer \(.+: see to storage\.s3_endpoint"),
    ],
)
async def test_trouble_is_told_and_passes(
    way: Between, objects: Objects, impatient: Objects, mode: Mode, words: str
) -> None:
    """A put is repeated and then Unavailable, with the reason; a trouble that is over in time is
    not noticed by whoever stores."""
    way.mode = mode
    with pytest.raises(Unavailable, match=words):
        await impatient.put(new_key(), IMAGE)
    assert way.about("main").count("PUT") > 1
    for failing in (impatient.read(new_key()), impatient.size(new_key()), impatient.check()):
        with pytest.raises(Unavailable):
            await failing
    key = new_key()
    asked = len(way.asked)
    storing = asyncio.create_task(objects.put(key, IMAGE))
    await until(lambda: len(way.asked) > asked)
    way.mode = "pass"
    await storing
    assert await objects.read(key, len(IMAGE)) == IMAGE


async def test_readiness_says_that_the_server_is_busy(way: Between, impatient: Objects) -> None:
    """A refusal without a body, as HEAD has it, is told as one with a body is."""
    way.mode = "busy"
    with pytest.raises(Unavailable, match=r"answers 503 \(it has more to do than it can"):
        await impatient.check()


async def test_a_read_waits_no_longer_than_a_put(way: Between, impatient: Objects) -> None:
    """A silent server is asked again within one patience, and not for another one after it."""
    way.mode = "silent"
    with pytest.raises(Unavailable):
        await impatient.read(new_key())
    assert 0 < way.about("main").count("GET") <= 4  # each hears 0.4 s of silence, within 1.5 s


async def test_many_wait_no_longer_than_one(way: Between, impatient: Objects) -> None:
    """A hundred puts to a silent server fail within the patience for a place and for an answer."""
    await impatient.put(new_key(), b"")
    way.mode = "silent"
    puts = [impatient.put(new_key(), b"body") for _ in range(100)]
    async with asyncio.timeout(30):
        failures = await asyncio.gather(*puts, return_exceptions=True)
    assert [type(failure) for failure in failures] == [StorageUnavailable] * 100


async def test_a_put_that_is_cancelled_lets_others_go_on(way: Between, objects: Objects) -> None:
    """A sender that goes away leaves no place taken and no connection in the middle of a body."""
    way.mode = "silent"
    puts = [asyncio.create_task(objects.put(new_key(), IMAGE)) for _ in range(40)]
    await until(lambda: len(way.asked) >= 10)
    for put in puts:
        put.cancel()
    await asyncio.gather(*puts, return_exceptions=True)
    way.mode = "pass"
    keys = [new_key() for _ in range(40)]
    await asyncio.gather(*[objects.put(key, key.bytes) for key in keys])
    assert [await objects.read(key) for key in keys] == [key.bytes for key in keys]


async def test_a_server_that_hung_up_meanwhile_costs_nothing(
    rclone: Endpoint, tmp_path: Path
) -> None:
    """A connection that the server closed while nobody used it is replaced without a failure."""
    accepted: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(writer)
        with suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody")
                if len(accepted) < 3:
                    break  # says nothing of it, and goes
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    objects = open_objects(Endpoint(f"127.0.0.1:{port}").storage(tmp_path, s3_patience=1), "main")
    for _ in range(6):
        assert await objects.read(new_key()) == b"body"
    assert len(accepted) == 3
    await objects.close()
    server.close()


async def test_a_slow_answer_is_waited_for(tmp_path: Path) -> None:
    """What moves is not given up, however long it takes in all."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
        for number in range(10):
            await asyncio.sleep(0.15)
            writer.write(b"%02d" % number)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    storage = Endpoint(f"127.0.0.1:{port}").storage(tmp_path, s3_timeout=1, s3_patience=1.1)
    objects = open_objects(storage, "main")
    assert await objects.read(new_key()) == b"00010203040506070809"
    await objects.close()
    server.close()


async def test_a_server_that_stops_reading_is_told_as_such(tmp_path: Path) -> None:
    """Nobody is led to look for a connection that was ended."""
    stopped = asyncio.Event()

    async def take_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (await reader.readuntil(b"\r\n")).startswith(b"HEAD"):
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        else:
            await stopped.wait()
        writer.close()

    server = await asyncio.start_server(take_nothing, "127.0.0.1", 0, limit=1 << 10)
    port = server.sockets[0].getsockname()[1]
    storage = Endpoint(f"127.0.0.1:{port}").storage(tmp_path, s3_timeout=0.4, s3_patience=1)
    objects = open_objects(storage, "main")
    try:
        with pytest.raises(Unavailable, match=r"it stopped taking what was sent to it: see to"):
            await objects.put(new_key(), bytes(16 << 20))
    finally:
        stopped.set()
        await objects.close()
        server.close()


@pytest.mark.parametrize("secure", [False, True])
async def test_a_server_that_reads_late_is_waited_for(tmp_path: Path, secure: bool) -> None:
    """A body is not sent again while its server may still take it: longer than connecting takes."""
    body = bytes(8 << 20)
    puts = []

    class Late(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.end_headers()

        def do_PUT(self) -> None:
            puts.append(self.path)
            time.sleep(CONNECT_SECONDS + 1)
            if len(self.rfile.read(len(body))) == len(body):
                self.do_HEAD()

    authority = Authority(tmp_path, "authority")
    with ThreadingHTTPServer(("127.0.0.1", 0), Late) as server:
        if secure:
            issued = authority.issue("s3")
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(issued.certificate, issued.key)
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        address = f"127.0.0.1:{server.server_port}"
        endpoint = Endpoint(address, secure=secure, ca=str(authority.file) if secure else "")
        objects = open_objects(endpoint.storage(tmp_path, s3_timeout=20, s3_patience=40), "main")
        try:
            await objects.put(new_key(), body)
        finally:
            server.shutdown()
            serving.join()
            await objects.close()
    assert len(puts) == 1
