# SPDX-License-Identifier: Apache-2.0
"""Peers that a store asks, with the AE title ARCHIVE: servers of DCMTK and pynetdicom.

An archive moves to the AE title PONS, and has in its worklist the patients that it is told.
"""

import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, build_context, build_role, evt

from clients import FIND, GET, LEVEL, MODELS, MOVE, VERIFICATION, WORKLIST
from dcmtk import ARCHIVE_AET, listening
from outside import free_ports
from pons_testing.scp import serving
from scanner import PUSH, PUSH_INSTANCE

UIDS = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


@contextmanager
def storescp(folder: Path, options: list[str]) -> Iterator[int]:
    """The port of DCMTK's."""
    folder.mkdir()
    (port,) = free_ports(1)
    command = ["storescp", *options, "-od", str(folder), str(port)]
    with listening(folder, *command, port=port):
        yield port


@contextmanager
def pynetdicom_storescp(folder: Path) -> Iterator[int]:
    """The port of pynetdicom's application."""
    folder.mkdir()
    (port,) = free_ports(1)
    words = ["storescp", "-ba", "127.0.0.1", "-od", str(folder), str(port)]
    with listening(folder, sys.executable, "-m", "pynetdicom", *words, port=port):
        yield port


@contextmanager
def qrscp(folder: Path, store_port: int) -> Iterator[int]:
    """The port of pynetdicom's archive, which is empty."""
    folder.mkdir()
    (port,) = free_ports(1)
    (folder / "config").write_text(
        f"[DEFAULT]\nae_title: {ARCHIVE_AET}\nport: {port}\nmax_pdu: 16382\n"
        "acse_timeout: 30\ndimse_timeout: 30\nnetwork_timeout: 30\nbind_address: 127.0.0.1\n"
        f"instance_location: {folder / 'files'}\ndatabase_location: {folder / 'index.sqlite'}\n"
        f"log_identifier: False\n[PONS]\naddress: 127.0.0.1\nport: {store_port}\n"
    )
    command = [sys.executable, "-m", "pynetdicom", "qrscp", "-c", str(folder / "config")]
    with listening(folder, *command, port=port):
        yield port


class Archive:
    """pynetdicom as a library: keeps what is stored, finds, moves and gives by unique keys."""

    def __init__(self, store_port: int, requestor: ssl.SSLContext | None, patients: list[str]):
        contexts = [build_context(CTImageStorage, ExplicitVRLittleEndian)]
        tls = None if requestor is None else (requestor, "127.0.0.1")
        self._target = "127.0.0.1", store_port, {"contexts": contexts, "tls_args": tls}
        self._patients = patients
        self.kept: dict[str, Dataset] = {}
        """By SOP Instance UID."""

    @contextmanager
    def serving(self, acceptor: ssl.SSLContext | None) -> Iterator[int]:
        """Its port."""
        entity = AE(ARCHIVE_AET)
        finds = [uid + FIND for _, uid in MODELS.values()] + [WORKLIST]
        others = [uid + end for _, uid in MODELS.values() for end in (MOVE, GET)]
        for uid in [VERIFICATION, *finds, *others, PUSH]:
            entity.add_supported_context(uid, ExplicitVRLittleEndian)
        entity.add_supported_context(
            CTImageStorage, ExplicitVRLittleEndian, scu_role=True, scp_role=True
        )
        handlers: Any = [
            (evt.EVT_C_STORE, self._keep),
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_C_MOVE, self._move),
            (evt.EVT_C_GET, self._give),
            (evt.EVT_N_ACTION, self._commit),
        ]
        with serving(entity, *handlers, tls=acceptor) as port:
            yield port

    def _keep(self, event: evt.Event) -> int:
        ds = event.dataset
        ds.file_meta = event.file_meta
        self.kept[str(ds.SOPInstanceUID)] = ds
        return 0

    def _commit(self, event: evt.Event) -> tuple[int, None]:
        threading.Thread(target=self._report, args=(event.action_information,)).start()
        return 0, None

    def _report(self, asked: Dataset) -> None:
        """On an association of its own, in the role of the SCP."""
        report, kept, failed = Dataset(), [], []
        report.TransactionUID = asked.TransactionUID
        for item in asked.ReferencedSOPSequence:
            (kept if item.ReferencedSOPInstanceUID in self.kept else failed).append(item)
        for item in failed:
            item.FailureReason = 0x0112
        report.ReferencedSOPSequence, report.FailedSOPSequence = kept, failed
        host, port, options = self._target
        more = {"contexts": [build_context(PUSH)], "ext_neg": [build_role(PUSH, scp_role=True)]}
        assoc = AE(ARCHIVE_AET).associate(host, port, **{**options, **more})
        assert assoc.is_established
        assoc.send_n_event_report(report, 2 if failed else 1, PUSH, PUSH_INSTANCE)
        assoc.release()

    def _matching(self, keys: Dataset) -> list[Dataset]:
        asked = {uid: keys[uid].value for uid in UIDS if keys.get(uid)}
        return [
            ds
            for ds in self.kept.values()
            if all(ds[uid].value == value for uid, value in asked.items())
        ]

    def _find(self, event: evt.Event) -> Iterator[Any]:
        keys = event.identifier
        if LEVEL not in keys:
            for patient in self._patients:
                answer = Dataset()
                answer.PatientID = patient
                yield 0xFF00, answer
            return
        answers = {}
        for ds in self._matching(keys):
            answer = Dataset()
            answer.QueryRetrieveLevel = keys.QueryRetrieveLevel
            for uid in UIDS:
                if uid in keys:
                    setattr(answer, uid, ds[uid].value)
            answers[str(answer)] = answer
        for answer in answers.values():
            yield 0xFF00, answer

    def _move(self, event: evt.Event) -> Iterator[Any]:
        yield self._target
        yield from self._give(event)

    def _give(self, event: evt.Event) -> Iterator[Any]:
        found = self._matching(event.identifier)
        yield len(found)
        for ds in found:
            yield 0xFF00, ds
