# SPDX-License-Identifier: Apache-2.0
"""Accelerated transfers as they go over HTTP: files in buckets of some megabytes.

The words and the JSON are those of Orthanc's transfers accelerator. A bucket has whole small files
one after the other, or a part of a large one.
"""

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

Compression = Literal["gzip", "none"]


class Transferred(msgspec.Struct, frozen=True):
    """An instance that is transferred."""

    id: str
    size: int
    """Bytes of its file."""
    md5: str

    def to_json(self) -> dict[str, str]:
        return {"ID": self.id, "Size": str(self.size), "MD5": self.md5}


class Chunk(msgspec.Struct, frozen=True):
    """A range of the file of an instance."""

    id: str
    offset: int
    size: int

    def to_json(self) -> dict[str, str]:
        return {"ID": self.id, "Offset": str(self.offset), "Size": str(self.size)}


Bucket = list[Chunk]
"""What goes in one request, in this order."""


def bucket_size(bucket: Bucket) -> int:
    """Bytes of a bucket that is not compressed."""
    return sum(chunk.size for chunk in bucket)


def push_json(
    instances: Iterable[Transferred], buckets: Iterable[Bucket], compression: Compression
) -> dict[str, Any]:
    """What announces a push."""
    return {
        "Instances": [instance.to_json() for instance in instances],
        "Buckets": [[chunk.to_json() for chunk in bucket] for bucket in buckets],
        "Compression": compression,
    }
