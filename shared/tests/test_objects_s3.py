# SPDX-License-Identifier: Apache-2.0
"""Objects in S3: servers that are gone, odd, slow or refuse, and bounded memory."""

import asyncio
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import pons
from pons.errors import NotFound, OutOfResources, StorageUnavailable, Unavailable
from pons.objects import Objects, new_key, open_objects
from pons_testing.s3 import Endpoint, run_rclone

pytestmark = pytest.mark.anyio

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(pons.__file__).parents[1])}

UPLOAD_AT_ONCE = """
import asyncio, sys
from pathlib import Path
from pons.objects import new_key, open_objects
from pons_testing.s3 import Endpoint

def memory(name):
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name)) >> 10

async def main():
    objects = open_objects(Endpoint(sys.argv[1]).storage(Path(sys.argv[2])), "main")
    await objects.check()
    before = memory("VmRSS")
    async def upload():
        with objects.spool() as spool:
            for _ in range(48):
                spool.write(bytes(1 << 20))
            key = new_key()
            await objects.put(key, spool)
            assert await objects.size(key) == 48 << 20
            assert sum([len(piece) async for piece in objects.stream(key)]) == 48 << 20
    await asyncio.gather(*[upload() for _ in range(5)])
    print(memory("VmHWM") - before)
    await objects.close()

asyncio.run(main())
"""


@dataclass
class Answer:
    """What the scripted server says to one request."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    missing: int = 0
    """Bytes of the body that are announced and not sent."""


class Script(BaseHTTPRequestHandler):
    """An HTTP server that gives the answers it was told to, in order, and notes the requests."""

    protocol_version = "HTTP/1.1"
    answers: list[Answer]
    requests: list[str]

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.requests.append(f"{self.command} {self.headers.get('range', '')}".strip())
        answer = self.answers.pop(0)
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: len(answer.body) - answer.missing])
        self.close_connection = answer.missing > 0

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 as in the library
        pass


@pytest.fixture
def script() -> Iterator[type[Script]]:
    class Own(Script):
        answers: list[Answer] = []  # noqa: RUF012 one list per test
        requests: list[str] = []  # noqa: RUF012 one list per test
        address: str

    with ThreadingHTTPServer(("127.0.0.1", 0), Own) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        Own.address = f"127.0.0.1:{server.server_port}"
        yield Own
        server.shutdown()
        thread.join()


@pytest.fixture
async def scripted(script: type[Script], tmp_path: Path) -> AsyncIterator[Objects]:
    """A store on the scripted server."""
    address: str = script.address  # type: ignore[attr-defined]
    objects = open_objects(Endpoint(address).storage(tmp_path), "main")
    yield objects
    await objects.close()


@pytest.fixture(scope="module")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with run_rclone(tmp_path_factory.mktemp("rclone")) as endpoint:
        yield endpoint


def error(code: str, status: int) -> Answer:
    body = f"<Error><Code>{code}</Code><Message>so it is</Message></Error>".encode()
    return Answer(status, body, {"Content-Type": "application/xml"})


async def test_server_down(tmp_path: Path) -> None:
    """Without a server everything is Unavailable within seconds, and a spool is not left over."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # Bound and not listening: nobody else gets the port.
        endpoint = Endpoint(f"127.0.0.1:{unused.getsockname()[1]}")
        objects = open_objects(endpoint.storage(tmp_path, s3_patience=1), "main")
        began = time.monotonic()
        failures = await asyncio.gather(
            objects.put(new_key(), b"body"),
            objects.read(new_key()),
            objects.size(new_key()),
            objects.delete([new_key()]),
            objects.check(),
            anext(objects.stream(new_key())),
            anext(objects.list("00")),
            return_exceptions=True,
        )
        assert [type(failure) for failure in failures] == [StorageUnavailable] * 7
        for failure in failures:
            assert re.search(r"does not answer .*storage\.s3_endpoint", str(failure))
        with objects.spool() as spool:
            spool.write(b"body")
            with pytest.raises(Unavailable):
                await objects.put(new_key(), spool)
            assert not spool.path.exists()
        assert time.monotonic() - began < 10
        await objects.close()


async def test_wrong_secret(rclone: Endpoint, tmp_path: Path) -> None:
    """A wrong key is Unavailable and says which setting to see to."""
    wrong = replace(rclone, secret_key="wrong-secret", bucket="pons-wrong")
    objects = open_objects(wrong.storage(tmp_path), "main")
    with pytest.raises(Unavailable, match=r"SignatureDoesNotMatch .*storage\.s3_secret_key"):
        await objects.read(new_key())
    with pytest.raises(Unavailable, match=r"AccessDenied .*the keys need to"):
        await objects.check()
    await objects.close()


async def test_missing_bucket_is_created(rclone: Endpoint, tmp_path: Path) -> None:
    """The first put creates the bucket; nobody has to before."""
    storage = replace(rclone, bucket="pons-created").storage(tmp_path)
    objects, other = open_objects(storage, "main"), open_objects(storage, "other")
    key = new_key()
    await objects.put(key, b"body")
    await other.check()
    assert await objects.read(key) == b"body"
    for opened in (objects, other):
        await opened.close()


async def test_vanished_bucket_is_no_missing_object(
    script: type[Script], scripted: Objects
) -> None:
    """A bucket that disappears is Unavailable, never NotFound, and is not created anew."""
    script.answers += [Answer(200), Answer(404), Answer(404), Answer(404)]
    await scripted.check()
    with pytest.raises(Unavailable, match="bucket pons-test does not exist"):
        await scripted.check()
    with pytest.raises(Unavailable, match="bucket pons-test does not exist"):
        await scripted.size(new_key())
    script.answers += [error("NoSuchBucket", 404)]
    with pytest.raises(Unavailable, match=r"NoSuchBucket .*create the bucket"):
        await scripted.read(new_key())
    assert script.requests == ["HEAD", "HEAD", "HEAD", "HEAD", "GET"]


async def test_bucket_that_cannot_be_created(script: type[Script], scripted: Objects) -> None:
    """A missing bucket that the keys may not create is Unavailable and says what to do."""
    script.answers += [Answer(404), error("AccessDenied", 403)]
    with pytest.raises(Unavailable, match=r"cannot be created: AccessDenied \(create it, or"):
        await scripted.check()


async def test_bucket_that_another_process_creates(script: type[Script], scripted: Objects) -> None:
    """Losing the race to create the bucket is as good as winning it."""
    script.answers += [Answer(404), error("BucketAlreadyOwnedByYou", 409)]
    await scripted.check()


async def test_bucket_without_room(script: type[Script], scripted: Objects) -> None:
    """A bucket's used-up quota is OutOfResources."""
    script.answers += [Answer(200), error("QuotaExceeded", 403)]
    with pytest.raises(OutOfResources, match="QuotaExceeded"):
        await scripted.put(new_key(), b"body")


async def test_busy_server_is_asked_again(script: type[Script], scripted: Objects) -> None:
    """A server that is busy for a moment costs a repeated request, not a failed one."""
    script.answers += [error("SlowDown", 503), error("SlowDown", 503), Answer(200, b"body")]
    assert await scripted.read(new_key()) == b"body"


async def test_busy_server_is_not_asked_for_ever(script: type[Script], tmp_path: Path) -> None:
    """A server that stays busy is Unavailable after a while, whatever delay it asks for."""
    busy = error("SlowDown", 503)
    busy.headers["Retry-After"] = "60"  # A server cannot make us wait that long either.
    script.answers += [busy] * 100
    address: str = script.address  # type: ignore[attr-defined]
    objects = open_objects(Endpoint(address).storage(tmp_path, s3_patience=1), "main")
    began = time.monotonic()
    with pytest.raises(Unavailable, match="SlowDown"):
        await objects.read(new_key())
    assert 2 <= len(script.requests) < 50
    assert set(script.requests) == {"GET"}
    assert time.monotonic() - began < 30
    await objects.close()


async def test_something_else_answers(script: type[Script], scripted: Objects) -> None:
    """A web page in place of S3 is Unavailable and says which setting to see to."""
    page = Answer(404, b"<html>nothing here</html>", {"Content-Type": "text/html"})
    script.answers += [page]
    with pytest.raises(Unavailable, match=r"not an S3 server .*storage\.s3_endpoint"):
        await scripted.read(new_key())


async def test_errors_as_text_xml(script: type[Script], scripted: Objects) -> None:
    """An error is understood although its type is text/xml."""
    missing = error("NoSuchKey", 404)
    missing.headers["Content-Type"] = "text/xml; charset=utf-8"
    script.answers += [missing]
    with pytest.raises(NotFound):
        await scripted.read(new_key())


async def test_server_that_ignores_ranges(script: type[Script], scripted: Objects) -> None:
    """A server that sends the whole object for a range does not shift the bytes."""
    script.answers += [Answer(200, b"0123456789")] * 3
    assert await scripted.read_range(new_key(), 3, 4) == b"3456"
    assert await scripted.read_range(new_key(), 7, 100) == b"789"
    assert await scripted.read_range(new_key(), 12, 5) == b""
    assert script.requests == ["GET bytes=3-6", "GET bytes=7-106", "GET bytes=12-16"]


async def test_server_that_sends_another_range(script: type[Script], scripted: Objects) -> None:
    """Bytes from another place than asked for are refused, not handed on."""
    script.answers += [Answer(206, b"2345", {"Content-Range": "bytes 2-5/10"})]
    with pytest.raises(Unavailable, match="another range than asked for"):
        await scripted.read_range(new_key(), 3, 4)


async def test_broken_connection_is_resumed(script: type[Script], scripted: Objects) -> None:
    """A connection that breaks in the middle of an object costs a request for the rest."""
    body = os.urandom(3 << 20)
    first = Answer(200, body, missing=1 << 20)
    rest = {"Content-Range": f"bytes {2 << 20}-{(3 << 20) - 1}/{3 << 20}"}
    script.answers += [first, Answer(206, body[2 << 20 :], rest)]
    assert await scripted.read(new_key()) == body
    assert script.requests == ["GET", "GET bytes=2097152-3145727"]


async def test_object_that_keeps_breaking_off(script: type[Script], scripted: Objects) -> None:
    """Three broken connections are Unavailable, never a shorter object."""
    script.answers += [Answer(200, b"0123456789", missing=4)] * 3
    with pytest.raises(Unavailable, match="does not answer"):
        await scripted.read(new_key())
    assert script.answers == []


async def test_objects_that_are_not_deleted(script: type[Script], scripted: Objects) -> None:
    """A delete that the server refuses for an object is Unavailable, not silence."""
    body = b"<DeleteResult><Error><Key>k</Key><Code>AccessDenied</Code></Error></DeleteResult>"
    script.answers += [Answer(200, body, {"Content-Type": "application/xml"})]
    with pytest.raises(Unavailable, match=r"did not delete 1 objects \(k: AccessDenied\)"):
        await scripted.delete([new_key()])


def test_impossible_bucket_name() -> None:
    """A bucket name that S3 does not allow is a mistake at once, before any request."""
    with pytest.raises(ValueError, match="'Ab' cannot be the name of a bucket"):
        open_objects(Endpoint("127.0.0.1:1", bucket="Ab").storage(), "main")


async def test_private_spool_folder_is_removed(rclone: Endpoint) -> None:
    """Without storage.path spool files lie in a private folder that closing removes."""
    objects = open_objects(rclone.storage(), "main")
    with objects.spool() as spool:
        assert spool.path.parent.parent.parent.stat().st_mode & 0o077 == 0
    await objects.close()
    assert not spool.path.parent.parent.parent.exists()


def test_large_objects_take_little_memory(rclone: Endpoint, tmp_path: Path) -> None:
    """Five objects of 48 MB sent and read at once take less than 130 MB of memory."""
    command = [sys.executable, "-c", UPLOAD_AT_ONCE, rclone.address, str(tmp_path)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 130


def test_file_store_does_not_load_s3() -> None:
    """A process with a file store does not pay for the S3 client's memory."""
    command = [sys.executable, "-c", "import pons.objects, sys; print('minio' in sys.modules)"]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=30)
    assert done.stdout == "False\n"
