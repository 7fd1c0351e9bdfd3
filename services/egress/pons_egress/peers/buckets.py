# SPDX-License-Identifier: Apache-2.0
"""How instances are put into buckets: small files together, large ones in parts."""

from collections.abc import Iterable, Iterator, Sequence

from pons.messages.transfers import Bucket, Chunk, Transferred, bucket_size

TARGET = 2 << 20
"""Bytes that a bucket of small files has, roughly. Orthanc's is twice as large; several buckets are
in memory at a time."""
LARGEST = 2 * TARGET
"""Bytes of the largest bucket, and of a part of a larger file."""
MOST_FILES = 36
"""Files in a bucket: a pull names each in its address, for which 2000 characters are safe."""


def fill_buckets(instances: Iterable[Transferred]) -> Iterator[Bucket]:
    """All of the instances in their order: none begins before the one before it has ended.

    Instances without bytes are in no bucket.
    """
    bucket: Bucket = []
    for instance in instances:
        if instance.size > LARGEST:
            if bucket:
                yield bucket
                bucket = []
            yield from ([part] for part in _parts(instance))
        elif instance.size:
            if bucket and bucket_size(bucket) + instance.size > LARGEST:
                yield bucket
                bucket = []
            bucket.append(Chunk(instance.id, 0, instance.size))
            if bucket_size(bucket) >= TARGET or len(bucket) == MOST_FILES:
                yield bucket
                bucket = []
    if bucket:
        yield bucket


def pull_path(bucket: Sequence[Chunk], compression: str) -> str:
    """Where a bucket is fetched."""
    names = ".".join(chunk.id for chunk in bucket)
    asked = f"offset={bucket[0].offset}&size={bucket_size(list(bucket))}&compression={compression}"
    return f"transfers/chunks/{names}?{asked}"


def _parts(instance: Transferred) -> Iterator[Chunk]:
    for start in range(0, instance.size, LARGEST):
        yield Chunk(instance.id, start, min(LARGEST, instance.size - start))
