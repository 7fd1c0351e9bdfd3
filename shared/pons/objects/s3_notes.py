# SPDX-License-Identifier: Apache-2.0
"""Notes in an S3 bucket."""

import io
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from itertools import islice
from typing import Any

from minio import Minio
from minio.datatypes import Object

from pons.objects.notes import NOTES_FOLDER, check_note_name
from pons.objects.s3_client import s3_errors

PAGE = 1000

Run = Callable[..., Awaitable[Any]]


class S3Notes:
    """Notes of a store as small objects under `<store>/.notes/`.

    Parameters
    ----------
    run
        Calls a function that blocks in a thread.
    prepare
        Makes the bucket where it is missing.
    remove
        Deletes objects by their names.
    """

    def __init__(
        self,
        client: Minio,
        bucket: str,
        store: str,
        run: Run,
        prepare: Callable[[], None],
        remove: Callable[[Iterable[str]], None],
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{store}/{NOTES_FOLDER}/"
        self._run = run
        self._prepare = prepare
        self._remove = remove

    async def put(self, name: str, body: bytes) -> None:
        await self._run(self._put, name, body)

    async def read(self, name: str) -> bytes:
        content: bytes = await self._run(self._read, name)
        return content

    async def names(self, folder: str) -> AsyncIterator[str]:
        prefix = f"{self._prefix}{check_note_name(folder)}/"
        found = self._client.list_objects(self._bucket, prefix, recursive=True)

        def next_page() -> tuple[Object, ...]:
            with s3_errors():
                return tuple(islice(found, PAGE))

        while page := await self._run(next_page):
            for item in page:
                yield (item.object_name or "").removeprefix(self._prefix)

    async def delete(self, names: Iterable[str]) -> None:
        paths = (self._path(name) for name in names)
        while page := tuple(islice(paths, PAGE)):
            await self._run(self._remove, page)

    def _path(self, name: str) -> str:
        return self._prefix + check_note_name(name)

    def _put(self, name: str, body: bytes) -> None:
        self._prepare()
        with s3_errors(name):
            self._client.put_object(self._bucket, self._path(name), io.BytesIO(body), len(body))

    def _read(self, name: str) -> bytes:
        self._prepare()
        with s3_errors(name):
            response = self._client.get_object(self._bucket, self._path(name))
            try:
                return response.read()
            finally:
                response.close()
                response.release_conn()
