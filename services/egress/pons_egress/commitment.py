# SPDX-License-Identifier: Apache-2.0
"""The job `StorageCommitmentScp`: a modality hears what this store keeps for good (PS3.4 J.3.3).

Modalities delete their images on the strength of it. So what is reported was looked up just before,
again at each try, and nothing is reported while it cannot be told.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import msgspec
import structlog

from pons.bus import Bus
from pons.catalog import StoredObject
from pons.catalog.archive import BEATEN_WITHIN
from pons.errors import DamagedObject
from pons.ingest.backlog import drained
from pons.jobs import CommitmentRequest, Run, StoreRequest
from pons.jobs.transitions import NotYet
from pons.messages.egress import Reference
from pons.objects import Objects
from pons.objects.damage import notice
from pons.objects.stored_file import check_file
from pons.remotes.commitments import (
    CLASS_CONFLICT,
    NO_SUCH_INSTANCE,
    PROCESSING_FAILURE,
    Failed,
    Reported,
)
from pons.remotes.modalities import Modalities
from pons.settings import Settings
from pons_egress.metrics import COMMITMENTS
from pons_egress.peer import find_peer
from pons_egress.scu.event_report import report_offer, send_report
from pons_egress.scu.threads import ScuThreads

PATIENCE = 10.0
"""Seconds to wait for the index to have what was acknowledged before."""
NOTED_PER_SECOND = 500
"""Instances of a report that a modality may take a second for, beside its timeout."""
NOTICE_SECONDS = 6.0
"""Seconds after which a beat of the index has seen that NATS is back: one comes every 5 s."""
AT_ONCE = 32
"""Objects that are looked at at a time."""

log = structlog.get_logger()


class Named(Protocol):
    """A part of `pons.catalog.Archive`."""

    async def instances_named(self, sop_instance_uids: Sequence[str]) -> list[StoredObject]: ...
    async def is_restoring(self, within: float) -> bool: ...


class Index(Protocol):
    """A part of `pons.catalog.Catalog`."""

    @property
    def archive(self) -> Named: ...


class Committing:
    """Handler of the job."""

    def __init__(
        self,
        bus: Bus,
        objects: Objects,
        index: Index,
        threads: ScuThreads,
        modalities: Modalities,
        settings: Settings,
    ) -> None:
        self._custody = Custody(bus, objects, index)
        self._threads = threads
        self._modalities = modalities
        self._settings = settings

    async def __call__(self, run: Run) -> None:
        """Raises `NotFound` for a modality that is no more, `RemoteFailure` when it does not take
        the report, and `Unavailable` when nothing can be said now."""
        request = msgspec.convert(run.request.arguments, CommitmentRequest)
        modality = await self._modalities.read(request.modality)
        called = StoreRequest(request.modality, [], local_aet=request.called_aet)
        peer = find_peer(called, modality, self._settings)
        asked = await request.instances()
        peer = replace(peer, timeout=peer.timeout + len(asked) / NOTED_PER_SECOND)
        reported = await self._custody.of(asked)
        await run.step(0.5, {"FailedInstancesCount": len(reported.failures)}, None)
        uid = request.transaction_uid
        await self._threads.run(
            peer,
            report_offer(),
            lambda association: send_report(association, uid, reported),
            within=3 * peer.timeout,  # what was looked up is not to be old when it is told
        )
        COMMITMENTS.labels(request.modality, "success").inc(len(reported.success))
        COMMITMENTS.labels(request.modality, "failure").inc(len(reported.failures))
        log.info(
            "commitment reported to modality",
            job=run.id,
            transaction=uid,
            modality=request.modality,
            instances=len(reported.success),
            failures={
                f"{n:04X}": c for n, c in Counter(f.reason for f in reported.failures).items()
            },
        )


class Custody:
    """Which instances this store keeps."""

    def __init__(self, bus: Bus, objects: Objects, index: Index) -> None:
        self._bus = bus
        self._objects = objects
        self._index = index

    async def of(self, asked: Sequence[Reference]) -> Reported:
        """Which of these instances the store keeps, and why not the others.

        It keeps an instance that is in the index with this SOP class, and whose object is in the
        object store with exactly the size that it was stored with; its bytes are not read. An
        instance that several patients or studies have has to be whole in each of them.

        An instance that the index does not have may have been acknowledged all the same. So it is
        only said to be missing when it still is after the index has written everything that was
        announced. Raises `NotYet` when that takes too long, and rather than to deny an instance
        while the index is compared with the objects, also where only the last hours are;
        `Unavailable` while index or object store are away.
        """
        restoring = await self._is_restoring()
        found = await self._named(asked)
        missing = [one for one in asked if one.sop_instance_uid not in found]
        if missing:
            if not await drained(self._bus, PATIENCE):
                what = "The index is behind with what was stored"
                raise NotYet(what, f"{len(missing)} instances may be among it; see index")
            found |= await self._named(missing)
        success, failures = [], []
        for start in range(0, len(asked), AT_ONCE):
            part = asked[start : start + AT_ONCE]
            reasons = await asyncio.gather(
                *(self._reason(one, found.get(one.sop_instance_uid, [])) for one in part)
            )
            success += [one for one, why in zip(part, reasons, strict=True) if why is None]
            failures += [
                Failed(one, why) for one, why in zip(part, reasons, strict=True) if why is not None
            ]
        # Asked before and after: what is denied may have come back since it was looked up. So may
        # what an older copy of the database has with an object that was replaced later.
        if failures and (restoring or await self._is_restoring()):
            what = "The index is being compared with the objects, and may lack some"
            raise NotYet(what, "see the log of index")
        return Reported(success, failures)

    async def _is_restoring(self) -> bool:
        """Whether the index may lack what it had, as far as it could notice by now.

        NATS that has started again may have lost what was announced last, also where it lost power
        alone. The index notices that with its next beat after it is back.
        """
        noticed = min(self._bus.connected_for - NOTICE_SECONDS, BEATEN_WITHIN)
        return await self._index.archive.is_restoring(noticed)

    async def _named(self, asked: Sequence[Reference]) -> dict[str, list[StoredObject]]:
        """The rows of each SOP Instance UID."""
        found: defaultdict[str, list[StoredObject]] = defaultdict(list)
        for one in await self._index.archive.instances_named([a.sop_instance_uid for a in asked]):
            found[one.sop_instance_uid].append(one)
        return dict(found)

    async def _reason(
        self, asked: Reference, rows: Sequence[StoredObject], *, again: bool = True
    ) -> int | None:
        """Why the store does not keep an instance (PS3.3 C.14.1.1); None when it does."""
        if not rows:
            return NO_SUCH_INSTANCE
        of_class = [row for row in rows if row.sop_class_uid == asked.sop_class_uid]
        if not of_class:
            return CLASS_CONFLICT
        for row in of_class:
            try:
                await check_file(self._objects, row)
            except DamagedObject as error:
                if (
                    again and error.what == "missing"
                ):  # it may have been deleted or replaced since its row was read
                    rows = (await self._named([asked])).get(asked.sop_instance_uid, [])
                    return await self._reason(asked, rows, again=False)
                notice(error)
                return PROCESSING_FAILURE
        return None
