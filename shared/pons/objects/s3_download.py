# SPDX-License-Identifier: Apache-2.0
"""Reading an object, or a range of it, from S3."""

import re
import threading

from minio import Minio
from minio.error import S3Error
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, MaxRetryError

from pons.errors import DamagedObject, StorageUnavailable, check_size
from pons.objects.s3_client import s3_errors

RESUMES = 2
"""Connections that may break while one object is read."""

_SKIP = 1 << 20
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class Download:
    """Bytes [start, start + length) of an object, read piece by piece in one request.

    A connection that breaks is replaced by a request for the rest. Its methods block; `close`
    may be called from another thread and waits for a `read` that is under way. An object that has
    not `size` bytes in all, where that is given, is `DamagedObject`.
    """

    def __init__(
        self,
        client: Minio,
        bucket: str,
        name: str,
        start: int,
        length: int | None,
        size: int | None = None,
    ) -> None:
        if start < 0 or (length is not None and length < 0):
            raise ValueError(f"there are no {length} bytes from {start} on")
        self._client = client
        self._bucket = bucket
        self._name = name
        self._size = size
        self._position = start
        self._end = None if length is None else start + length
        self._resumes = RESUMES
        self._response: BaseHTTPResponse | None = None
        self._lock = threading.Lock()
        self.finished = self._end == start

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end, none after it."""
        with self._lock, s3_errors(self._name):
            while not self.finished:
                try:
                    return self._read(size)
                except HTTPError as error:
                    self._drop()
                    if self._resumes == 0 or isinstance(error, MaxRetryError):
                        raise  # who was asked until patience ended is not asked for as long again
                    self._resumes -= 1
            return b""

    def close(self) -> None:
        """Give the connection up. Reading on afterwards would open another one."""
        with self._lock:
            self._drop()

    def _read(self, size: int) -> bytes:
        if self._response is None and not self._open():
            self.finished = True
            return b""
        response, end = self._response, self._end
        assert response is not None
        assert end is not None
        piece = response.read(min(size, end - self._position), decode_content=False)
        if not piece and self._position < end:
            raise HTTPError(f"the object ended at byte {self._position} of {end}")
        self._position += len(piece)
        if self._position == end:
            self.finished = True
            self._drop()
        return piece

    def _open(self) -> bool:
        """Ask for the rest of the range; False where it is empty."""
        # A closed range even where only the start matters: `offset` and `length` 0 mean neither.
        length = 0 if self._end is None else self._end - self._position
        try:
            response = self._client.get_object(self._bucket, self._name, self._position, length)
        except S3Error as error:
            if error.code == "InvalidRange":  # It starts at or after the end of the object.
                if self._size is not None and self._position < self._size:
                    why = f"it has at most {self._position} bytes instead of {self._size}"
                    message = f"The object {self._name} is damaged"
                    raise DamagedObject(message, why, what="size") from error
                return False
            raise
        self._response = response
        total = self._align(response)
        if self._size is not None and total != self._size:
            self._drop()
            check_size(self._name, total, self._size)
        self._end = total if self._end is None else min(self._end, total)
        return self._position < self._end

    def _align(self, response: BaseHTTPResponse) -> int:
        """Skip to the wanted byte where the server sent others before; the object's size."""
        content_range = response.headers.get("content-range")
        if content_range is not None:
            found = _CONTENT_RANGE.fullmatch(content_range)
            if found is None or int(found[1]) != self._position:
                raise StorageUnavailable(
                    "the S3 server sent another range than asked for",
                    f"from byte {self._position}, got {content_range}",
                )
            return int(found[3])
        # The whole object, whatever was asked for: a server or proxy may ignore ranges.
        total = int(response.headers["content-length"])
        skip = min(self._position, total)
        while skip:
            skipped = len(response.read(min(skip, _SKIP), decode_content=False))
            if not skipped:
                raise HTTPError("the object ended before the range")
            skip -= skipped
        return total

    def _drop(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            # One that was read to its end has given its connection back to the pool already.
            response.close()
            response.release_conn()
