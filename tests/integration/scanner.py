# SPDX-License-Identifier: Apache-2.0
"""A modality that asks a store to keep instances for good, and listens for its reports."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydicom import Dataset
from pydicom.uid import CTImageStorage, generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined] # made when it is imported
    StorageCommitmentPushModel,
)

from outside import TAKEN_OVER, eventually
from pons_testing.scp import serving

PUSH = str(StorageCommitmentPushModel)
PUSH_INSTANCE = f"{PUSH}.1"
Told = tuple[set[str], dict[str, int]]
"""The instances that are kept, and those that are not with their reasons."""


@dataclass
class Scanner:
    """Calls the store `aet` at `dicom_port`, which has to know `title` at `port`."""

    aet: str
    dicom_port: int
    title: str
    port: int
    calls_with: ssl.SSLContext | None = None
    listens_with: ssl.SSLContext | None = None
    heard: dict[str, Told] = field(default_factory=dict)
    """By transaction UID."""

    @contextmanager
    def listening(self) -> Iterator[None]:
        entity = AE(self.title)
        entity.add_supported_context(PUSH, scu_role=False, scp_role=True)
        heard = (evt.EVT_N_EVENT_REPORT, self._hear)
        with serving(entity, heard, port=self.port, tls=self.listens_with):
            yield

    def ask(self, *instances: tuple[str, str], first: tuple[Dataset, ...] = ()) -> str:
        """The transaction of a request that is taken; `first` is stored before, beside it."""
        entity = AE(self.title)
        entity.add_requested_context(PUSH)
        entity.add_requested_context(CTImageStorage)
        secured: Any = None if self.calls_with is None else (self.calls_with, "127.0.0.1")
        assoc = entity.associate("127.0.0.1", self.dicom_port, ae_title=self.aet, tls_args=secured)
        assert assoc.is_established
        assert [assoc.send_c_store(ds).Status for ds in first] == [0] * len(first)
        told = Dataset()
        told.TransactionUID = generate_uid()
        told.ReferencedSOPSequence = [Dataset() for _ in instances]
        for item, (class_uid, uid) in zip(told.ReferencedSOPSequence, instances, strict=True):
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = class_uid, uid
        status, _ = assoc.send_n_action(told, 1, PUSH, PUSH_INSTANCE)
        assoc.release()
        assert status.Status == 0
        return str(told.TransactionUID)

    def told(self, transaction: str) -> Told:
        """What is reported of it, soon."""
        found: Told = eventually(
            "a report has come", lambda: self.heard.get(transaction), TAKEN_OVER
        )
        return found

    def _hear(self, event: evt.Event) -> tuple[int, None]:
        told = event.event_information
        kept = {one.ReferencedSOPInstanceUID for one in told.get("ReferencedSOPSequence", [])}
        failed = {
            one.ReferencedSOPInstanceUID: one.FailureReason
            for one in told.get("FailedSOPSequence", [])
        }
        assert event.event_type == (2 if failed else 1)
        assert told.TransactionUID not in self.heard, "a report has come twice"
        self.heard[told.TransactionUID] = kept, failed
        return 0, None
