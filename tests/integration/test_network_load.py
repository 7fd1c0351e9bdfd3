# SPDX-License-Identifier: Apache-2.0
"""Senders, finders and movers at once: nobody is refused, every answer is right, nothing is lost.

Seconds of it: `PONS_TEST_NETWORK_SECONDS`, 10 without.
"""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from pydicom import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelMove,
)

from outside import TIMEOUT, Store, eventually, image
from retrieving import Receiver, identifier, receiving

SECONDS = float(os.environ.get("PONS_TEST_NETWORK_SECONDS", "10"))
SENDERS, FINDERS, MOVERS = 16, 8, 4
AT_ONCE = 5
"""Instances of a study, which are sent over one association."""
FIND = StudyRootQueryRetrieveInformationModelFind
MOVE = StudyRootQueryRetrieveInformationModelMove
STORE = (CTImageStorage, [ExplicitVRLittleEndian])
SUCCESS, PENDING = 0x0000, (0xFF00, 0xFF01)


@dataclass
class Load:
    """What is done to a store until `ends`, and what has been acknowledged by then."""

    store: Store
    ends: float
    studies: dict[str, list[str]] = field(default_factory=dict)
    """Study instance UID to SOP instance UIDs, of studies that were stored whole."""
    found: int = 0
    moved: set[str] = field(default_factory=set)
    """Studies that were moved."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __iter__(self) -> Iterator[random.Random]:
        """Turns, until the time is over."""
        chance = random.Random(threading.get_ident())
        while time.monotonic() < self.ends:
            yield chance

    def any_study(self, chance: random.Random) -> str:
        """One that was stored whole."""
        eventually("a study is stored", lambda: self.studies)
        with self.lock:
            return chance.choice(list(self.studies))

    @contextmanager
    def association(self, *contexts: tuple[str, list[str]] | str) -> Iterator[Association]:
        """An association of a modality that the store knows."""
        entity = AE("LOAD")
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 2 * TIMEOUT
        for context in contexts:
            entity.add_requested_context(*((context,) if isinstance(context, str) else context))
        association = entity.associate("127.0.0.1", self.store.dicom_port)
        assert association.is_established
        yield association
        association.release()
        assert association.is_released

    def send(self) -> None:
        for _ in self:
            study = generate_uid()
            images = [image(study[-20:], study, number) for number in range(AT_ONCE)]
            with self.association(STORE) as association:
                for ds in images:
                    assert association.send_c_store(ds).get("Status") == SUCCESS
            with self.lock:
                self.studies[study] = [str(ds.SOPInstanceUID) for ds in images]

    def find(self) -> None:
        for chance in self:
            study = self.any_study(chance)
            query = identifier("STUDY", StudyInstanceUID="", PatientID=study[-20:])
            query.NumberOfStudyRelatedInstances = ""
            assert self.answers(query) == [(study, AT_ONCE)]
            with self.lock:
                self.found += 1

    def answers(self, query: Dataset) -> list[tuple[str, int]]:
        """The studies that are found, with the numbers of their instances."""
        with self.association(FIND) as association:
            *pending, (last, _) = association.send_c_find(query, FIND)
        assert last.Status == SUCCESS
        assert {status.Status for status, _ in pending} <= set(PENDING)
        return [
            (str(one.StudyInstanceUID), int(one.NumberOfStudyRelatedInstances))
            for _, one in pending
            if one is not None
        ]

    def move(self) -> None:
        for chance in self:
            study = self.any_study(chance)
            query = identifier("STUDY", StudyInstanceUID=study)
            with self.association(MOVE) as association:
                *_, (last, _) = association.send_c_move(query, "RECEIVER", MOVE)
            assert (last.Status, last.NumberOfCompletedSuboperations) == (SUCCESS, AT_ONCE)
            with self.lock:
                self.moved.add(study)

    def run(self) -> None:
        """All of them at once; raises what any of them does."""
        work = [self.send] * SENDERS + [self.find] * FINDERS + [self.move] * MOVERS
        with ThreadPoolExecutor(len(work)) as pool:
            for one in [pool.submit(one) for one in work]:
                one.result()


def arrived(receiver: Receiver) -> set[str]:
    return {str(ds.SOPInstanceUID) for ds in receiver.received}


def test_senders_finders_and_movers_at_once(fresh_store: Callable[..., Store]) -> None:
    store = fresh_store("busy", PONS_DICOM_ALWAYS_ALLOW_FIND="1", PONS_DICOM_ALWAYS_ALLOW_MOVE="1")
    with receiving(store) as receiver:
        load = Load(store, time.monotonic() + SECONDS)
        load.run()
        sent = {uid for uids in load.studies.values() for uid in uids}
        kept = {one["MainDicomTags"]["SOPInstanceUID"] for one in store.get("/instances?expand")}
        assert kept == sent
        assert load.found > FINDERS
        assert load.moved
        delivered = {uid for study in load.moved for uid in load.studies[study]}
        assert arrived(receiver) == delivered
    failed = [job for job in store.get("/jobs?expand") if job["State"] != "Success"]
    assert failed == []
    print(f"{len(sent)} stored, {load.found} queries, {len(load.moved)} studies moved")
