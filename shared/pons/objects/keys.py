# SPDX-License-Identifier: Apache-2.0
"""Object keys: UUIDv7 (RFC 9562), and where an object with such a key lies."""

import os
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from uuid import UUID

SHARDS = tuple(f"{number:02x}" for number in range(256))
"""The names of the 256 folders that a store's objects are spread over."""

EPOCH = datetime.fromtimestamp(0, UTC)
PERIOD_BITS = 14
"""Objects lie together whose keys were made in the same 2 ** 14 milliseconds."""


class Kind(Enum):
    """Who knows of an object. Its key tells: that is all there is of one that nobody knows."""

    ANNOUNCED = "announced"
    """A DICOM file as it came in, or its header: the index learns of it by an announcement."""
    REFERRED = "referred"
    """Only a row will refer to it: what clients attach, a file in another form."""
    TEMPORARY = "temporary"
    """It may go when nobody names it any more: pieces of uploads, outputs of jobs."""


KIND_MASK, TEMPORARY = 0xFFFFFF, 0x7E3A15
"""The last 24 bits of a key tell the kind: even for what is announced, `TEMPORARY` for that, any
other odd number for what is referred to. All keys that were ever made have it so."""

_VERSION_AND_VARIANT = (7 << 76) | (2 << 62)
_lock = threading.Lock()
_last_stamp = 0


def new_key(kind: Kind = Kind.ANNOUNCED, *, clock: Callable[[], int] = time.time_ns) -> UUID:
    """A key that is greater than every earlier one of this process and unique among all processes.

    48 bits of milliseconds and 12 bits of fractions of them (RFC 9562 6.2, method 3), counted up
    where the clock stands still or steps back; then random bits, of which the last tell the `kind`.
    """
    global _last_stamp
    milliseconds, nanoseconds = divmod(clock(), 1_000_000)
    now = (milliseconds << 12) | (nanoseconds * 4096 // 1_000_000)
    with _lock:
        stamp = _last_stamp = max(now, _last_stamp + 1)
    tail = int.from_bytes(os.urandom(8), "big") >> 2
    match kind:
        case Kind.ANNOUNCED:
            tail &= ~1
        case Kind.TEMPORARY:
            tail = tail & ~KIND_MASK | TEMPORARY
        case Kind.REFERRED:
            tail |= 1
            if tail & KIND_MASK == TEMPORARY:
                tail ^= 2
    return UUID(int=(stamp >> 12 << 80) | _VERSION_AND_VARIANT | ((stamp & 0xFFF) << 64) | tail)


def key_time(key: UUID) -> datetime:
    """When `key` was made, in UTC, to the millisecond. ValueError if it is not a UUIDv7."""
    if key.version != 7:
        raise ValueError(f"{key} is not a UUIDv7")
    return datetime.fromtimestamp((key.int >> 80) / 1000, UTC)


def first_key(moment: datetime) -> UUID:
    """The least key that can be made at `moment`: all that are made before are less."""
    return UUID(int=(moment - EPOCH) // timedelta(milliseconds=1) << 80)


def kind_of(key: UUID) -> Kind:
    """What its key tells of an object."""
    bits = key.int & KIND_MASK
    if bits == TEMPORARY:
        return Kind.TEMPORARY
    return Kind.REFERRED if bits % 2 else Kind.ANNOUNCED


def key_period(key: UUID) -> int:
    """The number of the 16 seconds in which `key` was made."""
    return key.int >> 80 + PERIOD_BITS


def period_keys(period: int) -> tuple[UUID, UUID]:
    """The range of the keys of a period: the first that may be, and the first that is beyond."""
    start = period << 80 + PERIOD_BITS
    return UUID(int=start), UUID(int=start + (1 << 80 + PERIOD_BITS))


def key_folder(key: UUID) -> str:
    """The folder that the object lies in, below the store's: `<2 hex>/<2 hex>`."""
    period = key_period(key)
    return f"{period >> 8 & 0xFF:02x}/{period & 0xFF:02x}"


def key_path(store: str, key: UUID) -> str:
    """Where the object lies in folder or bucket: `<store>/<2 hex>/<2 hex>/<uuid>`.

    The folder follows from the key's time. What arrives within 16 seconds lies together, so that a
    study fills one folder instead of making a thousand, and forcing a folder to disk serves many
    objects. After twelve days the folders come round again, so that they fill evenly.
    """
    return f"{store}/{key_folder(key)}/{key}"


def key_from_path(store: str, path: str) -> UUID | None:
    """The inverse of `key_path`; None for anything that is not an object of `store`."""
    try:
        key = UUID(path[-36:])
    except ValueError:
        return None
    return key if key.version == 7 and path == key_path(store, key) else None


def check_store_name(store: str) -> str:
    """`store`, if it is safe as the name of a folder; ValueError otherwise."""
    if not re.fullmatch(r"[a-z0-9-]+", store):
        raise ValueError(f"store name {store!r} has characters other than a-z, 0-9 and '-'")
    return store


def check_shard(shard: str) -> str:
    """`shard`, if it is one of `SHARDS`; ValueError otherwise."""
    if shard not in SHARDS:
        raise ValueError(f"shard {shard!r} is not two lower-case hexadecimal digits")
    return shard
