# SPDX-License-Identifier: Apache-2.0
"""Storage commitment as SCP: pynetdicom, an Orthanc and the store itself ask what is kept."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage, generate_uid
from pynetdicom import AE, evt
from pynetdicom.pdu import A_ASSOCIATE_RJ

from orthanc import needs_orthanc, running_orthanc
from outside import Store, eventually, free_ports, image
from retrieving import known_modality
from scanner import PUSH, Scanner

CT, MR = str(CTImageStorage), str(MRImageStorage)


@contextmanager
def known_scanner(store: Store) -> Iterator[Scanner]:
    """A scanner that the store knows as long as the block runs."""
    (port,) = free_ports(1)
    with known_modality(store, "scanner", "SCANNER", PUSH, port):
        yield Scanner(store.aet, store.dicom_port, "SCANNER", port)


@pytest.fixture
def scanner(store: Store) -> Iterator[Scanner]:
    """A scanner that the store knows."""
    with known_scanner(store) as scanner:
        yield scanner


def images(count: int) -> tuple[Dataset, ...]:
    study = generate_uid()
    return tuple(image(f"COMMIT-{study[-12:]}", study, number + 1) for number in range(count))


def named(*datasets: Dataset) -> list[tuple[str, str]]:
    return [(str(ds.SOPClassUID), str(ds.SOPInstanceUID)) for ds in datasets]


def uids(*datasets: Dataset) -> set[str]:
    return {str(ds.SOPInstanceUID) for ds in datasets}


def test_what_was_just_stored(store: Store, scanner: Scanner) -> None:
    """All that was acknowledged on the same association is kept, however fast it is asked for."""
    sent = images(40)
    with scanner.listening():
        transaction = scanner.ask(*named(*sent), first=sent)
        assert scanner.told(transaction) == (uids(*sent), {})
    job = eventually("the job ends", lambda: ended(store, transaction))
    assert (job["Type"], job["State"]) == ("StorageCommitmentScp", "Success")
    assert job["Content"]["RemoteAet"] == "SCANNER"
    assert job["Content"]["CalledAet"] == store.aet
    assert job["Content"]["RemoteIp"] == "127.0.0.1"
    assert (job["Content"]["InstancesCount"], job["Content"]["FailedInstancesCount"]) == (40, 0)


def job_of(store: Store, transaction: str) -> Any:
    """The job that reports."""
    [job] = [
        one
        for one in store.get("/jobs", expand="")
        if one["Content"].get("TransactionUid") == transaction
    ]
    return job


def ended(store: Store, transaction: str) -> Any:
    job = job_of(store, transaction)
    return job if job["State"] in ("Success", "Failure") else None


def test_what_is_not_kept(store: Store, scanner: Scanner) -> None:
    """Nobody may delete what is missing here, is of another class, is lost, or is damaged."""
    kept, lost, short, deleted = sent = images(4)
    assert store.c_store(*sent) == [0] * 4
    store.object_of(lost.SOPInstanceUID.encode()).unlink()
    path = store.object_of(short.SOPInstanceUID.encode())
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


def test_strangers(store: Store) -> None:
    """Who is no modality cannot ask, and the log says so."""
    entity = AE("STRANGER")
    entity.add_requested_context(PUSH)
    heard: list[object] = []  # as it comes: `is_rejected` may miss what is answered at once
    entity.associate(
        "127.0.0.1",
        store.dicom_port,
        ae_title=store.aet,
        evt_handlers=[(evt.EVT_PDU_RECV, lambda event: heard.append(type(event.pdu)))],
    )
    assert heard == [A_ASSOCIATE_RJ]
    log, why = store.data / "log" / "ingress.log", "STRANGER is not a modality that may do what"
    eventually("the log says so", lambda: f"{why} it proposes" in log.read_text())


def test_the_store_asks_itself(store: Store) -> None:
    """Both roles of one store agree; what it keeps is removed, what it does not is not."""
    (kept,) = images(1)
    assert store.c_store(kept) == [0]
    with known_modality(store, "self", store.aet, PUSH, store.dicom_port):
        ask_itself(store, kept)


def ask_itself(store: Store, kept: Dataset) -> None:
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


def reported(store: Store, path: str) -> Any:
    told = store.get(path)
    return told if told["Status"] != "Pending" else None


@needs_orthanc
def test_an_orthanc_asks(store: Store, tmp_path: Path) -> None:
    """It sends with storage commitment, hears that all is kept, and that something else is not."""
    first, second = images(2)
    known = {"pons": [store.aet, "127.0.0.1", store.dicom_port]}
    options: dict[str, Any] = {"DicomAet": "ASKER", "DicomModalities": known}
    with (
        running_orthanc(tmp_path / "orthanc", **options) as orthanc,
        known_modality(store, "asker", "ASKER", PUSH, orthanc.dicom_port),
    ):
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


def test_whatever_dies(fresh_store: Callable[..., Store]) -> None:
    """The report comes once the modality is up again, and says what is true then."""
    store = fresh_store("commit", PONS_JOBS_LONGEST_RETRY_DELAY="1")
    with known_scanner(store) as scanner:
        ask_while_it_dies(store, scanner)


def ask_while_it_dies(store: Store, scanner: Scanner) -> None:
    kept, deleted = images(2)
    transaction = scanner.ask(*named(kept, deleted), first=(kept, deleted))
    store.kill("ingress")
    eventually("it was tried", lambda: job_of(store, transaction)["State"] == "Retry")
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
    sent = images(3)
    held = store.processes("index")
    with known_scanner(store) as scanner, scanner.listening():
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
