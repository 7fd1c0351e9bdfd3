# SPDX-License-Identifier: Apache-2.0
"""Objects in an S3 bucket."""

import asyncio
import io
import os
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar
from uuid import UUID

from minio import Minio
from minio.datatypes import Object
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

from pons.errors import NotFound, Unavailable
from pons.objects.bodies import PIECE, Body, size_of
from pons.objects.disk import disk_errors
from pons.objects.keys import check_shard, check_store_name, key_from_path, key_path
from pons.objects.protocol import ObjectEntry
from pons.objects.s3_client import s3_errors
from pons.objects.s3_download import Download
from pons.objects.s3_notes import S3Notes
from pons.objects.spool import (
    SPOOL_FOLDER,
    Spool,
    make_spool_folder,
    probe_folder,
    remove_spool_file,
)

PART_SIZE = 16 << 20
LARGE_AT_ONCE = 3
"""Uploads of several parts at once: each holds two parts at most, 96 MiB together."""

REQUESTS_AT_ONCE = 16
PAGE = 1000
"""Objects in one answer to a listing, and in one request to delete."""

P = ParamSpec("P")
R = TypeVar("R")


class S3Objects:
    """Objects of `store` in `bucket`, each under `<store>/…`; several stores may share it.

    Requests block threads of this object's own pool. A put that is cancelled goes on in its
    thread and leaves a whole object or none.

    Parameters
    ----------
    spool_root
        Folder whose `<store>/.spool` takes large bodies before they are sent. None: a private
        temporary folder, which a crash leaves behind.
    """

    def __init__(
        self, client: Minio, bucket: str, store: str, spool_root: Path | None = None
    ) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", bucket):
            raise ValueError(f"{bucket!r} cannot be the name of a bucket (storage.s3_bucket)")
        self._client = client
        self._bucket = bucket
        self._store = check_store_name(store)
        self._private: tempfile.TemporaryDirectory[str] | None = None
        if spool_root is None:
            self._private = tempfile.TemporaryDirectory(prefix=f"pons-{store}-")
            spool_root = Path(self._private.name)
        self._spool_folder = spool_root / store / SPOOL_FOLDER
        make_spool_folder(self._spool_folder)
        self._requests = ThreadPoolExecutor(REQUESTS_AT_ONCE, "pons-s3")
        self._uploads = ThreadPoolExecutor(LARGE_AT_ONCE, "pons-s3-large")
        self._prepared = False
        self.notes = S3Notes(
            client,
            bucket,
            store,
            lambda call, *values: self._run(self._requests, call, *values),
            self._prepare,
            self._delete,
        )

    async def put(self, key: UUID, body: Body, *, crowded: bool = False) -> None:
        size = size_of(body)
        pool = self._requests if size <= PART_SIZE else self._uploads
        await self._run(pool, self._put, key, body)

    async def read(self, key: UUID, size: int | None = None) -> bytes:
        return await self._run(self._requests, self._read, key, 0, None, size)

    async def read_range(
        self, key: UUID, start: int, length: int, size: int | None = None
    ) -> bytes:
        return await self._run(self._requests, self._read, key, start, length, size)

    async def stream(
        self, key: UUID, start: int = 0, length: int | None = None, size: int | None = None
    ) -> AsyncIterator[bytes]:
        download = self._download(key, start, length, size)
        try:
            while piece := await self._run(self._requests, download.read, PIECE):
                yield piece
        finally:
            if not download.finished:
                self._abandon(download)

    async def size(self, key: UUID) -> int:
        return await self._run(self._requests, self._size, key)

    async def delete(self, keys: Iterable[UUID]) -> None:
        names = (key_path(self._store, key) for key in keys)
        while page := tuple(islice(names, PAGE)):
            await self._run(self._requests, self._delete, page)

    async def list(self, shard: str) -> AsyncIterator[ObjectEntry]:
        prefix = f"{self._store}/{check_shard(shard)}/"
        found = self._client.list_objects(self._bucket, prefix, recursive=True)

        def next_page() -> tuple[Object, ...]:
            with s3_errors():
                return tuple(islice(found, PAGE))

        while page := await self._run(self._requests, next_page):
            for item in page:
                key = key_from_path(self._store, item.object_name or "")
                if key is not None:
                    yield ObjectEntry(key, item.size or 0)

    def spool(self) -> Spool:
        return Spool(self._spool_folder)

    def local_path(self, key: UUID) -> None:
        return None

    async def check(self) -> None:
        await self._run(self._requests, self._check)

    async def close(self) -> None:
        for pool in (self._requests, self._uploads):
            await asyncio.to_thread(pool.shutdown)
        if self._private is not None:
            self._private.cleanup()

    async def _run(
        self, pool: ThreadPoolExecutor, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        return await asyncio.get_running_loop().run_in_executor(pool, lambda: call(*args, **kwargs))

    def _put(self, key: UUID, body: Body) -> None:
        if not isinstance(body, Spool):
            self._send(key, io.BytesIO(body), memoryview(body).nbytes)
            return
        os.close(body.detach())
        try:
            with disk_errors(self._spool_folder), open(body.name, "rb") as file:
                self._send(key, file, body.size)
        finally:
            remove_spool_file(body.name)

    def _send(self, key: UUID, file: BinaryIO, size: int) -> None:
        """Upload in one request or, above `PART_SIZE`, in parts, one after the other."""
        self._prepare()
        name = key_path(self._store, key)
        with s3_errors(name):
            self._client.put_object(
                self._bucket, name, file, size, part_size=PART_SIZE, num_parallel_uploads=1
            )

    def _download(self, key: UUID, start: int, length: int | None, size: int | None) -> Download:
        name = key_path(self._store, key)
        return Download(self._client, self._bucket, name, start, length, size)

    def _read(self, key: UUID, start: int, length: int | None, size: int | None) -> bytes:
        with closing(self._download(key, start, length, size)) as download:
            return b"".join(iter(lambda: download.read(PIECE), b""))

    def _abandon(self, download: Download) -> None:
        """Close a download of which a cancelled read may be under way: closing waits for it."""
        try:
            self._requests.submit(download.close)
        except RuntimeError:  # The pool was shut down, so no thread reads any more.
            download.close()

    def _size(self, key: UUID) -> int:
        name = key_path(self._store, key)
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
            raise Unavailable(
                f"the S3 server did not delete {len(failed)} objects",
                f"{failed[0].name}: {failed[0].code}",
            )

    def _check(self) -> None:
        probe_folder(self._spool_folder)
        if self._prepared:
            self._require_bucket()
        else:
            self._prepare()

    def _require_bucket(self) -> None:
        with s3_errors():
            there = self._client.bucket_exists(self._bucket)
        if not there:
            raise Unavailable(
                f"the bucket {self._bucket} does not exist",
                "create it, or set storage.s3_bucket to one that exists",
            )

    def _prepare(self) -> None:
        """Create the bucket where it is missing: once, since one that vanishes later is a loss."""
        if self._prepared:
            return
        with s3_errors():
            if not self._client.bucket_exists(self._bucket):
                try:
                    self._client.make_bucket(self._bucket)
                except S3Error as error:
                    # Another process was quicker.
                    if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                        raise Unavailable(
                            f"the bucket {self._bucket} does not exist and cannot be created: "
                            f"{error.code}",
                            "create it, or allow the keys of storage.s3_access_key to",
                        ) from error
        self._prepared = True
