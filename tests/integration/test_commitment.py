# SPDX-License-Identifier: Apache-2.0
"""Storage commitment as SCP: pynetdicom, an Orthanc and the store itself ask what is kept."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage, generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined] # made when it is imported
    StorageCommitmentPushModel,
)

from orthanc import needs_orthanc, running_orthanc
from outside import Store, eventually, free_ports, image
from secured import Channel, Pki

CT, MR, PUSH = str(CTImageStorage), str(MRImageStorage), str(StorageCommitmentPushModel)
Told = tuple[set[str], dict[str, int]]
"""The instances that are kept, and those that are not with their reasons."""


@dataclass
class Scanner:
    """A modality that asks a store, and listens for its reports at a port of its own."""

    store: Store
    title: str
    port: int
    heard: dict[str, Told] = field(default_factory=dict)
    """By transaction UID."""
    calls_with: ssl.SSLContext | None = None
    listens_with: ssl.SSLContext | None = None

    def hear(self, event: evt.Event) -> tuple[int, None]:
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

    @contextmanager
    def listening(self) -> Iterator[None]:
        entity = AE(self.title)
        entity.add_supported_context(PUSH, scu_role=False, scp_role=True)
        handlers: Any = [(evt.EVT_N_EVENT_REPORT, self.hear)]
        server = entity.start_server(
            ("127.0.0.1", self.port),
            block=False,
            evt_handlers=handlers,
            ssl_context=self.listens_with,
        )
        assert server is not None
        try:
            yield
        finally:
            entity.shutdown()

    def ask(self, *instances: tuple[str, str], first: tuple[Dataset, ...] = ()) -> str:
        """The transaction of a request that is taken; `first` is stored before, beside it."""
        entity = AE(self.title)
        entity.add_requested_context(PUSH)
        entity.add_requested_context(CT)
        assoc = entity.associate(
            "127.0.0.1",
            self.store.dicom_port,
            ae_title=self.store.aet,
            tls_args=None if self.calls_with is None else (self.calls_with, "127.0.0.1"),
        )
        assert assoc.is_established
        assert [assoc.send_c_store(ds).Status for ds in first] == [0] * len(first)
        told = Dataset()
        told.TransactionUID = generate_uid()
        told.ReferencedSOPSequence = [Dataset() for _ in instances]
        for item, (class_uid, uid) in zip(told.ReferencedSOPSequence, instances, strict=True):
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = class_uid, uid
        status, _ = assoc.send_n_action(told, 1, PUSH, f"{PUSH}.1")
        assoc.release()
        assert status.Status == 0
        return str(told.TransactionUID)

    def told(self, transaction: str) -> Told:
        """What is reported of it, soon."""
        found: Told = eventually("a report has come", lambda: self.heard.get(transaction), 30)
        return found

    def job(self, transaction: str) -> Any:
        """The job that reports."""
        [job] = [
            one
            for one in self.store.get("/jobs", expand="")
            if one["Content"].get("TransactionUid") == transaction
        ]
        return job


def put_modality(store: Store, name: str, aet: str, port: int, **more: Any) -> None:
    body = {"AET": aet, "Host": "127.0.0.1", "Port": port, **more}
    assert store.http.put(f"/modalities/{name}", json=body).status_code == 200


def scanner_of(store: Store) -> Scanner:
    (port,) = free_ports(1)
    put_modality(store, "scanner", "SCANNER", port)
    return Scanner(store, "SCANNER", port)


@pytest.fixture
def scanner(store: Store) -> Iterator[Scanner]:
    """A scanner that the store knows."""
    yield scanner_of(store)
    store.http.delete("/modalities/scanner")


def images(count: int) -> tuple[Dataset, ...]:
    study = generate_uid()
    return tuple(image(f"COMMIT-{study[-12:]}", study, number + 1) for number in range(count))


def named(*datasets: Dataset) -> list[tuple[str, str]]:
    return [(str(ds.SOPClassUID), str(ds.SOPInstanceUID)) for ds in datasets]


def uids(*datasets: Dataset) -> set[str]:
    return {str(ds.SOPInstanceUID) for ds in datasets}


def object_of(store: Store, ds: Dataset) -> Path:
    """The file that holds an instance."""
    [found] = [path for path in store.objects() if ds.SOPInstanceUID.encode() in path.read_bytes()]
    return found


def test_what_was_just_stored(scanner: Scanner) -> None:
    """All that was acknowledged on the same association is kept, however fast it is asked for."""
    sent = images(40)
    with scanner.listening():
        transaction = scanner.ask(*named(*sent), first=sent)
        assert scanner.told(transaction) == (uids(*sent), {})
    job = eventually("the job ends", lambda: ended(scanner, transaction))
    assert (job["Type"], job["State"]) == ("StorageCommitmentScp", "Success")
    assert job["Content"]["RemoteAet"] == "SCANNER"
    assert job["Content"]["CalledAet"] == scanner.store.aet
    assert job["Content"]["RemoteIp"] == "127.0.0.1"
    assert (job["Content"]["InstancesCount"], job["Content"]["FailedInstancesCount"]) == (40, 0)


def ended(scanner: Scanner, transaction: str) -> Any:
    job = scanner.job(transaction)
    return job if job["State"] in ("Success", "Failure") else None


def test_what_is_not_kept(store: Store, scanner: Scanner) -> None:
    """Nobody may delete what is missing here, is of another class, is lost, or is damaged."""
    kept, lost, short, deleted = sent = images(4)
    assert store.c_store(*sent) == [0] * 4
    object_of(store, lost).unlink()
    path = object_of(store, short)
    content = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(content[:-1])
    [found] = store.http.post("/tools/lookup", content=deleted.SOPInstanceUID).json()
    assert store.http.delete(found["Path"]).status_code == 200
    with scanner.listening():
        missing = generate_uid()
        transaction = scanner.ask(*named(*sent), (CT, missing), (MR, str(kept.SOPInstanceUID)))
        reasons = {
            str(lost.SOPInstanceUID): 0x0110,
            str(short.SOPInstanceUID): 0x0110,
            str(deleted.SOPInstanceUID): 0x0112,
            missing: 0x0112,
            str(kept.SOPInstanceUID): 0x0119,
        }
        assert scanner.told(transaction) == (uids(kept), reasons)
    [found] = store.http.post("/tools/lookup", content=kept.StudyInstanceUID).json()
    assert store.http.delete(found["Path"]).status_code == 200


@pytest.mark.parametrize("channel", [Channel.TLS, Channel.MUTUAL])
def test_over_tls(secure_store: Store, pki: Pki, channel: Channel) -> None:
    """Request and report are encrypted, where the modality is said to speak TLS."""
    sent = images(2)
    (port,) = free_ports(1)
    put_modality(secure_store, "secured", "SECURED", port, UseDicomTls=True)
    calls, listens = pki.requestor(channel), pki.acceptor(channel)
    scanner = Scanner(secure_store, "SECURED", port, {}, calls, listens)
    with scanner.listening():
        transaction = scanner.ask(*named(*sent), first=sent)
        assert scanner.told(transaction) == (uids(*sent), {})
    secure_store.http.delete("/modalities/secured")


def test_strangers(store: Store) -> None:
    """Who is no modality cannot ask, and the log says so."""
    entity = AE("STRANGER")
    entity.add_requested_context(PUSH)
    assoc = entity.associate("127.0.0.1", store.dicom_port, ae_title=store.aet)
    assert assoc.is_rejected
    log = (store.data / "log" / "ingress.log").read_text()
    assert "STRANGER is not a modality that may do what it proposes" in log


def test_the_store_asks_itself(store: Store) -> None:
    """Both roles of one store agree; what it keeps is removed, what it does not is not."""
    (kept,) = images(1)
    assert store.c_store(kept) == [0]
    put_modality(store, "self", store.aet, store.dicom_port)
    body = {"DicomInstances": [named(kept)[0], ["nope", "nope2"]]}
    asked = store.http.post("/modalities/self/storage-commitment", json=body).json()
    failed = eventually("a report", lambda: reported(store, asked["Path"]))
    assert (failed["Status"], failed["RemoteAET"]) == ("Failure", store.aet)
    assert [one["SOPInstanceUID"] for one in failed["Success"]] == [kept.SOPInstanceUID]
    [failure] = failed["Failures"]
    assert (failure["SOPInstanceUID"], failure["FailureReason"]) == ("nope2", 0x0112)
    assert store.http.post(f"{asked['Path']}/remove").status_code != 200
    [found] = store.http.post("/tools/lookup", content=kept.SOPInstanceUID).json()
    body = {"Resources": [found["ID"]], "StorageCommitment": True}
    sent = store.http.post("/modalities/self/store", json=body).json()
    path = f"/storage-commitment/{sent['StorageCommitmentTransactionUID']}"
    assert eventually("a report", lambda: reported(store, path))["Status"] == "Success"
    assert store.http.post(f"{path}/remove").status_code == 200
    assert store.http.get(found["Path"]).status_code == 404
    store.http.delete("/modalities/self")


def reported(store: Store, path: str) -> Any:
    told = store.get(path)
    return told if told["Status"] != "Pending" else None


@needs_orthanc
def test_an_orthanc_asks(store: Store, tmp_path: Path) -> None:
    """It sends with storage commitment, hears that all is kept, and that something else is not."""
    first, second = images(2)
    known = {"pons": [store.aet, "127.0.0.1", store.dicom_port]}
    with running_orthanc(tmp_path / "orthanc", DicomAet="ASKER", DicomModalities=known) as orthanc:
        put_modality(store, "asker", "ASKER", orthanc.dicom_port)
        for ds in (first, second):
            file = tmp_path / "image.dcm"
            ds.save_as(file, enforce_file_format=True)
            assert orthanc.http.post("/instances", content=file.read_bytes()).status_code == 200
        ids = orthanc.http.get("/instances").json()
        body: dict[str, Any] = {"Resources": ids, "StorageCommitment": True}
        sent = orthanc.http.post("/modalities/pons/store", json=body).json()
        path = f"/storage-commitment/{sent['StorageCommitmentTransactionUID']}"

        def answered() -> Any:
            told = orthanc.http.get(path).json()
            return told if told["Status"] != "Pending" else None

        told = eventually("Orthanc hears", answered)
        assert (told["Status"], told["RemoteAET"]) == ("Success", store.aet)
        assert {one["SOPInstanceUID"] for one in told["Success"]} == uids(first, second)
        body = {"DicomInstances": [[CT, "1.2.3.4"], *named(first)]}
        asked = orthanc.http.post("/modalities/pons/storage-commitment", json=body)
        path = asked.json()["Path"]
        told = eventually("Orthanc hears", answered)
        assert told["Status"] == "Failure"
        assert [one["FailureReason"] for one in told["Failures"]] == [0x0112]
        assert {one["SOPInstanceUID"] for one in told["Success"]} == uids(first)
    store.http.delete("/modalities/asker")


def test_whatever_dies(fresh_store: Callable[..., Store]) -> None:
    """The report comes once the modality is up again, and says what is true then."""
    store = fresh_store("commit", PONS_JOBS_LONGEST_RETRY_DELAY="1")
    scanner = scanner_of(store)
    kept, deleted = images(2)
    transaction = scanner.ask(*named(kept, deleted), first=(kept, deleted))
    store.kill("ingress")
    eventually("it was tried", lambda: scanner.job(transaction)["State"] == "Retry")
    store.kill("egress")
    store.kill("nats")
    store.wait_until_ready()
    [found] = store.http.post("/tools/lookup", content=deleted.SOPInstanceUID).json()
    assert store.http.delete(found["Path"]).status_code == 200
    store.kill("egress")
    with scanner.listening():
        assert scanner.told(transaction) == (uids(kept), {str(deleted.SOPInstanceUID): 0x0112})


def test_an_index_that_is_behind(fresh_store: Callable[..., Store]) -> None:
    """What was acknowledged is not denied because the index does not have it yet."""
    store = fresh_store("behind", PONS_INGEST_ANSWER_TIMEOUT="0.2", PONS_JOBS_RETRY_DELAY="0.2")
    scanner = scanner_of(store)
    sent = images(3)
    held = store.processes("index")
    with scanner.listening():
        for process in held:
            process.suspend()
        try:
            transaction = scanner.ask(*named(*sent), first=sent)
            threading.Event().wait(2)
            assert scanner.heard == {}
        finally:
            for process in held:
                process.resume()
        assert scanner.told(transaction) == (uids(*sent), {})
