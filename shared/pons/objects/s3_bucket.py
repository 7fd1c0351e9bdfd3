# SPDX-License-Identifier: Apache-2.0
"""What is asked of one S3 bucket, by the names of objects."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import islice
from typing import BinaryIO, ParamSpec, TypeVar

from minio import Minio
from minio.datatypes import Object
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

from pons.errors import NotFound, StorageUnavailable
from pons.objects.bodies import PIECE
from pons.objects.s3_client import s3_errors
from pons.objects.s3_download import Download

PART_SIZE = 16 << 20
LARGE_AT_ONCE = 3
"""Uploads of several parts at once: each holds two parts at most, 96 MiB together."""

REQUESTS_AT_ONCE = 32
PROMPT = 2.0
"""Seconds in which a bucket has to say whether it is there, for readiness."""
PAGE = 1000
"""Objects in one answer to a listing, and in one request to delete."""

P = ParamSpec("P")
R = TypeVar("R")


class S3Bucket:
    """A bucket, which is made where it is missing; requests block threads of this object's own.

    `patience`: seconds that a request waits for a thread at most. `checking`: a client that tells
    sooner whether the bucket is there.
    """

    def __init__(self, client: Minio, name: str, patience: float, *, checking: Minio) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name):
            raise ValueError(f"{name!r} cannot be the name of a bucket (storage.s3_bucket)")
        self._client = client
        self._checking = checking
        self._bucket = name
        self._patience = patience
        self._turns = asyncio.Semaphore(REQUESTS_AT_ONCE)
        self._requests = ThreadPoolExecutor(REQUESTS_AT_ONCE, "pons-s3")
        self._uploads = ThreadPoolExecutor(LARGE_AT_ONCE, "pons-s3-large")
        self._prepared = False

    async def put(
        self, size: int, send: Callable[P, None], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Call `send`, which ends in `upload`, for an object of this size."""
        pool = self._requests if size <= PART_SIZE else self._uploads
        await self._run(pool, send, *args, **kwargs)

    def upload(self, name: str, file: BinaryIO, size: int) -> None:
        """Send in one request or, above `PART_SIZE`, in parts, one after the other. Blocks."""
        self._prepare()
        with s3_errors(name):
            self._client.put_object(
                self._bucket, name, file, size, part_size=PART_SIZE, num_parallel_uploads=1
            )

    async def read(
        self, name: str, start: int = 0, length: int | None = None, size: int | None = None
    ) -> bytes:
        """A range of an object, to its end without `length`. Raises as `Download`."""
        download = Download(self._client, self._bucket, name, start, length, size)

        def read() -> bytes:
            with closing(download):
                return b"".join(iter(lambda: download.read(PIECE), b""))

        return await self._run(self._requests, read)

    async def stream(
        self, name: str, start: int, length: int | None, size: int | None
    ) -> AsyncIterator[bytes]:
        """As `read`, in pieces of `PIECE` bytes."""
        download = Download(self._client, self._bucket, name, start, length, size)
        try:
            while not download.finished:
                if piece := await self._run(self._requests, download.read, PIECE):
                    yield piece
        finally:
            if not download.finished:
                # A cancelled read may be under way: closing waits for it.
                try:
                    self._requests.submit(download.close)
                except RuntimeError:  # The pool was shut down, so no thread reads any more.
                    download.close()

    async def size(self, name: str) -> int:
        """Bytes of an object. NotFound if there is none."""
        return await self._run(self._requests, self._size, name)

    async def delete(self, names: Iterable[str]) -> None:
        """Remove the objects; absent ones are fine."""
        left = iter(names)
        while page := tuple(islice(left, PAGE)):
            await self._run(self._requests, self._delete, page)

    async def list(self, prefix: str) -> AsyncIterator[Object]:
        """The objects whose names begin so."""
        found = self._client.list_objects(self._bucket, prefix, recursive=True)

        def next_page() -> tuple[Object, ...]:
            with s3_errors():
                return tuple(islice(found, PAGE))

        while page := await self._run(self._requests, next_page):
            for item in page:
                yield item

    async def prepare(self) -> None:
        """Create the bucket where it is missing."""
        await self._run(self._requests, self._prepare)

    async def check(self) -> None:
        """Raise `Unavailable`, with what to do, where the bucket is not there."""
        # In a thread of its own: while all others wait for the server, that can be told.
        await asyncio.to_thread(self._require_bucket if self._prepared else self._prepare)

    def _prepare(self) -> None:
        """Create the bucket where it is missing: once, since one that vanishes later is a loss."""
        if self._prepared:
            return
        with s3_errors():
            if not self._checking.bucket_exists(self._bucket):
                try:
                    self._client.make_bucket(self._bucket)
                except S3Error as error:
                    # Another process was quicker.
                    if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                        raise StorageUnavailable(
                            f"the bucket {self._bucket} does not exist and cannot be created: "
                            f"{error.code}",
                            "create it, or allow the keys of storage.s3_access_key to",
                        ) from error
        self._prepared = True

    async def close(self) -> None:
        """Let go of threads."""
        for pool in (self._requests, self._uploads):
            await asyncio.to_thread(pool.shutdown)

    async def _run(
        self, pool: ThreadPoolExecutor, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        if pool is not self._requests:
            return await asyncio.wrap_future(pool.submit(call, *args, **kwargs))
        try:
            async with asyncio.timeout(self._patience):
                await self._turns.acquire()
        except TimeoutError:
            raise StorageUnavailable(
                f"the S3 server leaves {REQUESTS_AT_ONCE} requests waiting",
                "see to its load and to storage.s3_endpoint",
            ) from None
        loop = asyncio.get_running_loop()
        try:
            done = pool.submit(call, *args, **kwargs)
        except BaseException:
            self._turns.release()
            raise

        def release(_: object) -> None:
            with suppress(RuntimeError):  # the loop is closed, nobody waits
                loop.call_soon_threadsafe(self._turns.release)

        # A thread that works on for somebody who has gone keeps the place.
        done.add_done_callback(release)
        return await asyncio.wrap_future(done)

    def _size(self, name: str) -> int:
        try:
            with s3_errors(name):
                return self._client.stat_object(self._bucket, name).size or 0
        except NotFound:
            # The answer to HEAD has no body to tell a missing object from a missing bucket.
            self._require_bucket()
            raise

    def _delete(self, names: Iterable[str]) -> None:
        with s3_errors():
            failed = [
                error
                for error in self._client.remove_objects(self._bucket, map(DeleteObject, names))
                if error.code != "NoSuchKey"
            ]
        if failed:
            raise StorageUnavailable(
                f"the S3 server did not delete {len(failed)} objects",
                f"{failed[0].name}: {failed[0].code}",
            )

    def _require_bucket(self) -> None:
        with s3_errors():
            there = self._checking.bucket_exists(self._bucket)
        if not there:
            raise StorageUnavailable(
                f"the bucket {self._bucket} does not exist",
                "create it, or set storage.s3_bucket to one that exists",
            )
