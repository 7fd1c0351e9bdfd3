# SPDX-License-Identifier: Apache-2.0
"""What modalities were asked to commit to (PS3.4 annex J), and what they have reported.

In the bucket `<store>-commitments`, the number of a transaction UID is the key of a `Transaction`;
`<number>.asked` and `<number>.reported` are its instances, compressed with zstd. So any process
asks, any other one hears the report, and any third one shows it.
"""

import asyncio
import re
import time
from collections.abc import Iterable, Sequence
from typing import Literal, TypeVar
from uuid import uuid4

import msgspec
import structlog
import zstandard

from pons.bus import MAX_EVENT_BYTES, Bus
from pons.bus.bucket import Bucket
from pons.errors import NotFound, TooLarge
from pons.messages.egress import Reference

T = TypeVar("T")
log = structlog.get_logger()

Status = Literal["Pending", "Success", "Failure"]

TRANSACTION_UID = re.compile(r"2\.25\.(\d{1,39})")
PROCESSING_FAILURE, NO_SUCH_INSTANCE, CLASS_CONFLICT = 0x0110, 0x0112, 0x0119
FAILURE_REASONS = {
    PROCESSING_FAILURE: "Processing failure",
    NO_SUCH_INSTANCE: "No such object instance",
    CLASS_CONFLICT: "Class / instance conflict",
    0x0122: "Referenced SOP class not supported",
    0x0131: "Duplicate transaction UID",
    0x0213: "Resource limitation",
}
"""Failure Reason (0008,1197) in words (PS3.3 C.14.1.1)."""


class Failed(msgspec.Struct, frozen=True, array_like=True):
    """An instance to which a modality does not commit."""

    reference: Reference
    reason: int


class Reported(msgspec.Struct, frozen=True, array_like=True):
    """What a modality has said."""

    success: list[Reference] = []
    failures: list[Failed] = []


class Transaction(msgspec.Struct, frozen=True):
    """A request for storage commitment, and how far it is."""

    uid: str
    remote_aet: str
    asked: float
    """Seconds since the epoch."""
    status: Status = "Pending"


def new_transaction_uid() -> str:
    """A UID that nobody else has, nor can guess: whoever knows it may report."""
    return f"2.25.{uuid4().int}"


class Commitments:
    """The requests of a store, of which it keeps the last `kept`. Every method may raise
    `Unavailable`."""

    def __init__(self, bus: Bus, kept: int) -> None:
        away = "Storage commitment cannot be asked for or looked up now"
        self._bucket = Bucket(bus, bus.names.commitments_bucket, away, "try again shortly")
        self._kept = kept

    async def begin(self, uid: str, remote_aet: str, instances: Sequence[Reference]) -> Transaction:
        """Expect a report; one that is expected already is given as it is.

        Raises `TooLarge` for more instances than a message has room for.
        """
        key = _key(uid)
        known = await self._bucket.get(key)
        if known is not None and known.value:
            return msgspec.msgpack.decode(known.value, type=Transaction)
        await self._bucket.put(f"{key}.asked", await packed(list(dict.fromkeys(instances))))
        transaction = Transaction(uid, remote_aet, time.time())
        await self._bucket.put(key, msgspec.msgpack.encode(transaction))
        await self._forget_old()
        return transaction

    async def drop(self, uid: str) -> None:
        """Expect no report any more."""
        for suffix in ("", ".asked", ".reported"):
            await self._bucket.purge(f"{_key(uid)}{suffix}")

    async def report(self, uid: str, reported: Reported) -> Transaction:
        """Keep what a modality says. Raises `NotFound` for a transaction that is none of ours.

        It is a success when every instance is in it that was asked for; those that are not are
        failures too, since instances may be deleted on the strength of it. What was not asked for
        is left out, since nobody here said that it may go.
        """
        transaction = await self.find(uid)
        key = _key(uid)
        asked = await self._instances(f"{key}.asked")
        told = {one.sop_instance_uid for one in reported.success}
        told.update(one.reference.sop_instance_uid for one in reported.failures)
        untold = [one for one in asked if one.sop_instance_uid not in told]
        failures = [*reported.failures, *(Failed(one, PROCESSING_FAILURE) for one in untold)]
        wanted = {one.sop_instance_uid for one in asked}
        success = [one for one in reported.success if one.sop_instance_uid in wanted]
        whole = Reported(success, failures)
        await self._bucket.put(f"{key}.reported", await packed(whole))
        changed = msgspec.structs.replace(transaction, status="Failure" if failures else "Success")
        await self._bucket.put(key, msgspec.msgpack.encode(changed))
        log.info(
            "commitment reported",
            transaction=uid,
            modality=transaction.remote_aet,
            instances=len(success),
            failures=len(failures),
        )
        return changed

    async def find(self, uid: str) -> Transaction:
        """The transaction; raises `NotFound`."""
        entry = await self._bucket.get(_key(uid))
        if entry is None or not entry.value:
            raise _unknown(uid)
        return msgspec.msgpack.decode(entry.value, type=Transaction)

    async def reported(self, uid: str) -> Reported:
        """What was reported; nothing before."""
        entry = await self._bucket.get(f"{_key(uid)}.reported")
        if entry is None or not entry.value:
            return Reported()
        return await unpacked(entry.value, Reported)

    async def _instances(self, key: str) -> list[Reference]:
        entry = await self._bucket.get(key)
        if entry is None or not entry.value:
            return []
        return await unpacked(entry.value, list[Reference])

    async def _forget_old(self) -> None:
        entries = [entry.value for entry in await self._bucket.all() if entry.value]
        known = [msgspec.msgpack.decode(value, type=Transaction) for value in entries]
        known.sort(key=lambda one: one.asked)
        for transaction in known[: -self._kept]:
            await self.drop(transaction.uid)


def _key(uid: str) -> str:
    match = TRANSACTION_UID.fullmatch(uid)
    if match is None:  # also keeps wildcards out of the bucket
        raise _unknown(uid)
    return match[1]


def _unknown(uid: str) -> NotFound:
    return NotFound(f"There is no storage commitment {uid!r:.80}")


async def packed(value: Iterable[Reference] | Reported) -> bytes:
    """The value, compressed. Raises `TooLarge` when no message has room for it."""
    packed = await asyncio.to_thread(_pack, value)
    if len(packed) > MAX_EVENT_BYTES:
        raise TooLarge(
            f"The instances of this commitment take {len(packed)} bytes, of {MAX_EVENT_BYTES}",
            "ask for fewer at a time",
        )
    return packed


def _pack(value: Iterable[Reference] | Reported) -> bytes:
    return zstandard.compress(msgspec.msgpack.encode(value))


async def unpacked(value: bytes, kind: type[T]) -> T:
    """The value that `packed` was given."""
    unpacked = await asyncio.to_thread(zstandard.decompress, value)
    return msgspec.msgpack.decode(unpacked, type=kind)
