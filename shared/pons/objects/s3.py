# SPDX-License-Identifier: Apache-2.0
"""Objects in an S3 bucket, and the notes beside them."""

import asyncio
import io
import os
import tempfile
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from uuid import UUID

from pons.objects.bodies import Body, size_of
from pons.objects.disk import disk_errors
from pons.objects.keys import check_shard, check_store_name, key_from_path, key_path
from pons.objects.notes import NOTES_FOLDER, check_note_name
from pons.objects.protocol import ObjectEntry
from pons.objects.s3_bucket import S3Bucket
from pons.objects.spool import (
    SPOOL_FOLDER,
    Spool,
    make_spool_folder,
    probe_folder,
    remove_spool_file,
)


class S3Objects:
    """Objects of `store` in `bucket`, each under `<store>/…`; several stores may share it.

    A put that is cancelled goes on in its thread and leaves a whole object or none.

    Parameters
    ----------
    spool_root
        Folder whose `<store>/.spool` takes large bodies before they are sent. None: a private
        temporary folder, which a crash leaves behind.
    """

    def __init__(self, bucket: S3Bucket, store: str, spool_root: Path | None = None) -> None:
        self._bucket = bucket
        self._store = check_store_name(store)
        self._private: tempfile.TemporaryDirectory[str] | None = None
        if spool_root is None:
            self._private = tempfile.TemporaryDirectory(prefix=f"pons-{store}-")
            spool_root = Path(self._private.name)
        self._spool_folder = spool_root / store / SPOOL_FOLDER
        make_spool_folder(self._spool_folder)
        self.notes = S3Notes(self._bucket, store)

    @property
    def spool_folder(self) -> Path:
        return self._spool_folder

    async def put(self, key: UUID, body: Body, *, crowded: bool = False) -> None:
        size = size_of(body)
        await self._bucket.put(size, self._put, self._name(key), body, size)

    async def read(self, key: UUID, size: int | None = None) -> bytes:
        return await self._bucket.read(self._name(key), size=size)

    async def read_range(
        self, key: UUID, start: int, length: int, size: int | None = None
    ) -> bytes:
        return await self._bucket.read(self._name(key), start, length, size)

    def stream(
        self, key: UUID, start: int = 0, length: int | None = None, size: int | None = None
    ) -> AsyncIterator[bytes]:
        return self._bucket.stream(self._name(key), start, length, size)

    async def size(self, key: UUID) -> int:
        return await self._bucket.size(self._name(key))

    async def delete(self, keys: Iterable[UUID]) -> None:
        await self._bucket.delete(map(self._name, keys))

    async def list(self, shard: str) -> AsyncIterator[ObjectEntry]:
        async for item in self._bucket.list(f"{self._store}/{check_shard(shard)}/"):
            key = key_from_path(self._store, item.object_name or "")
            if key is not None:
                yield ObjectEntry(key, item.size or 0)

    def spool(self) -> Spool:
        return Spool(self._spool_folder)

    def local_path(self, key: UUID) -> None:
        return None

    async def check(self) -> None:
        await asyncio.to_thread(probe_folder, self._spool_folder)
        await self._bucket.check()

    async def close(self) -> None:
        await self._bucket.close()
        if self._private is not None:
            self._private.cleanup()

    def _name(self, key: UUID) -> str:
        return key_path(self._store, key)

    def _put(self, name: str, body: Body, size: int) -> None:
        if not isinstance(body, Spool):
            # minio asks for bytes: of these a BytesIO makes no copy, of anything else it makes two.
            self._bucket.upload(name, io.BytesIO(bytes(body)), size)
            return
        os.close(body.detach())
        try:
            with disk_errors(self._spool_folder), open(body.name, "rb") as file:
                self._bucket.upload(name, file, size)
        finally:
            remove_spool_file(body.name)


class S3Notes:
    """Notes of a store as small objects under `<store>/.notes/`."""

    def __init__(self, bucket: S3Bucket, store: str) -> None:
        self._bucket = bucket
        self._prefix = f"{store}/{NOTES_FOLDER}/"

    async def put(self, name: str, body: bytes) -> None:
        size = len(body)
        await self._bucket.put(size, self._bucket.upload, self._path(name), io.BytesIO(body), size)

    async def read(self, name: str) -> bytes:
        path = self._path(name)
        await self._bucket.prepare()
        return await self._bucket.read(path)

    async def names(self, folder: str) -> AsyncIterator[str]:
        async for item in self._bucket.list(f"{self._path(folder)}/"):
            yield (item.object_name or "").removeprefix(self._prefix)

    async def delete(self, names: Iterable[str]) -> None:
        await self._bucket.delete(map(self._path, names))

    def _path(self, name: str) -> str:
        return self._prefix + check_note_name(name)
