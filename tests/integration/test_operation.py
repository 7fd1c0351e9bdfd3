# SPDX-License-Identifier: Apache-2.0
"""Settings that REST changes, in every service of a running store; its new start and its end."""

import json
from collections.abc import Callable
from io import BytesIO

from pydicom import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from outside import Store, eventually, image

CT = "1.2.840.10008.5.1.4.1.1.2"
PRIVATE = "1.2.840.113619.4.30"


def accepted(store: Store, *contexts: tuple[str, list[str]]) -> list[str]:
    """The transfer syntaxes that the DICOM port agrees on; empty when on none."""
    with store.association("1.2.840.10008.1.1", *contexts) as assoc:
        return [str(one.transfer_syntax[0]) for one in assoc.accepted_contexts[1:]]


def test_dicom_follows_rest(store: Store) -> None:
    """What REST accepts, the DICOM port agrees on; what it refuses is refused there."""
    http = store.http
    before = store.get("/tools/accepted-transfer-syntaxes")
    both = (CT, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    try:
        http.put("/tools/accepted-transfer-syntaxes", json=[ImplicitVRLittleEndian])
        eventually("explicit is refused", lambda: accepted(store, both) == [ImplicitVRLittleEndian])
        http.put("/tools/unknown-sop-class-accepted", content=b"1")
        private = (PRIVATE, [ImplicitVRLittleEndian])
        eventually("a private class is accepted", lambda: accepted(store, private))
        http.put("/tools/unknown-sop-class-accepted", content=b"0")
        eventually("a private class is refused", lambda: not accepted(store, private))
    finally:
        http.put("/tools/accepted-transfer-syntaxes", json=before)
        http.put("/tools/unknown-sop-class-accepted", content=b"0")


def test_encoding_of_what_is_received(store: Store) -> None:
    """Text without a character set is read in the encoding chosen last."""
    ds = image("ENCODED")
    del ds.SpecificCharacterSet
    ds.PatientName = "IVAN"
    file = BytesIO()
    dcmwrite(file, ds, enforce_file_format=True)
    name = "\u0418\u0432\u0430\u043d"
    content = file.getvalue().replace(b"IVAN", name.encode("cp1251"))
    try:
        assert store.http.put("/tools/default-encoding", content=b"Windows1251").is_success
        path = store.http.post("/instances", content=content).json()["Path"]
        assert store.get(f"{path}/simplified-tags")["PatientName"] == name
    finally:
        store.http.put("/tools/default-encoding", content=b"Latin1")


def test_reset(fresh_store: Callable[..., Store]) -> None:
    """A reset forgets what REST changed, and every service starts again."""
    store = fresh_store("again")
    store.http.put("/tools/default-encoding", content=b"Utf8")
    kinds = ("ingress", "index", "gateway", "render", "egress")
    before = [process for kind in kinds for process in store.processes(kind)]
    assert len(before) >= 5
    answer = store.http.post("/tools/reset")
    assert (answer.status_code, answer.json()) == (200, {})
    eventually("all have ended", lambda: not any(process.is_running() for process in before))
    store.wait_until_ready()
    assert store.http.get("/tools/default-encoding").text == "Latin1"


def test_shutdown(fresh_store: Callable[..., Store]) -> None:
    """A shutdown ends the whole store in order, as SIGTERM does."""
    store = fresh_store("end")
    assert store.http.post("/tools/shutdown").json() == {}
    process = store._process
    assert process is not None
    assert process.wait(60) == 0


def test_private_dictionary(fresh_store: Callable[..., Store]) -> None:
    """Attributes named in `ingest.dictionary` have name and representation in tags and searches."""
    dictionary = {"00e1,10c2": ["UI", "Multi Modality Name", 1, 1, "PONS TEST"]}
    store = fresh_store("private", PONS_INGEST_DICTIONARY=json.dumps(dictionary))
    ds = image("PRIVATE")
    ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian  # which says no representation
    block = ds.private_block(0x00E1, "PONS TEST", create=True)
    block.add_new(0xC2, "UI", "1.2.3")
    block.add_new(0xC3, "LO", "unnamed")
    file = BytesIO()
    dcmwrite(file, ds, enforce_file_format=True)
    path = store.http.post("/instances", content=file.getvalue()).json()["Path"]
    creator = {"PrivateCreator": "PONS TEST"}
    assert store.get(f"{path}/tags")["00e1,10c2"] == {
        "Name": "Multi Modality Name",
        "Type": "String",
        "Value": "1.2.3",
        **creator,
    }
    assert store.get(f"{path}/tags")["00e1,10c3"]["Name"] == "Unknown Tag & Data"
    assert store.get(f"{path}/simplified-tags")["Multi Modality Name"] == "1.2.3"
    found = store.http.post(
        "/tools/find",
        json={"Level": "Instance", "Query": {"Multi Modality Name": "1.2.3"}},
    ).json()
    assert found == [path.removeprefix("/instances/")]
