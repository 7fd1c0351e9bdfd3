# SPDX-License-Identifier: Apache-2.0
"""The recipes of docs/recipes, each followed line by line on a running store."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import (
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    NuclearMedicineImageStorage,
    RTImageStorage,
    generate_uid,
)
from pynetdicom import AE, evt

from archives import nobody
from outside import Store, eventually, image
from pons_testing.scp import serving
from recipes import Recipe

pytestmark = pytest.mark.skipif(
    None in map(shutil.which, ("curl", "findscu", "movescu")),
    reason="needs curl and DCMTK (apt-get install curl dcmtk)",
)

QUICK = {
    "PONS_INDEX_STABLE_AGE": "1",
    "PONS_RETENTION_ROOM_INTERVAL": "0.5",
    "PONS_JOBS_RETRIES": "2",
    "PONS_JOBS_RETRY_DELAY": "0.2",
}
CLASSES = (
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    NuclearMedicineImageStorage,
    RTImageStorage,
)


@contextmanager
def receiving(aet: str, port: int = 0) -> Iterator[tuple[int, list[Dataset]]]:
    """A storage SCP: its port, and what it has taken."""
    received: list[Dataset] = []

    def store(event: Any) -> int:
        received.append(event.dataset)
        return 0

    ae = AE(aet)
    for sop_class in CLASSES:
        ae.add_supported_context(sop_class, ExplicitVRLittleEndian)
    with serving(ae, (evt.EVT_C_STORE, store), port=port) as there:
        yield there, received


def send(store: Store, aet: str, *datasets: Dataset) -> list[int | None]:
    """The status of each C-STORE from this AE title; who may not store has no association."""
    ae = AE(aet)
    for sop_class in CLASSES:
        ae.add_requested_context(sop_class, ExplicitVRLittleEndian)
    assoc = ae.associate("127.0.0.1", store.dicom_port, ae_title=store.aet)
    if not assoc.is_established:
        return []
    try:
        return [assoc.send_c_store(ds).get("Status") for ds in datasets]
    finally:
        assoc.release()


def picture(
    patient: str, modality: str, sop_class: str, rows: int = 16, **attributes: Any
) -> Dataset:
    """An image of a study of its own."""
    ds = image(patient, rows=rows)
    ds.Modality, ds.SOPClassUID = modality, sop_class
    ds.file_meta.MediaStorageSOPClassUID = sop_class
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def test_a_buffer_between_departments(fresh_store: Callable[..., Store], tmp_path: Path) -> None:
    """What the cameras send is found and sent again, and goes when room is needed: what came
    first goes first, what has the label `keep` and what came from elsewhere stays."""
    recipe = Recipe("buffer")
    with receiving("PHYSICS") as (port, at_physics):
        changes = {
            "500_000": "2",
            '"physics.example.org", Port = 11112': f'"127.0.0.1", Port = {port}',
            "KeepDays = 90": "KeepDays = 0.00001",
        }
        recipe.write_settings(tmp_path / "pons.toml", changes)
        options = ("--config", str(tmp_path / "pons.toml"))
        store = fresh_store("buffer", *options, **QUICK)
        store.aet = "NMBUFFER"

        first = picture("NM-17", "NM", NuclearMedicineImageStorage, rows=512)
        assert send(store, "NM1", first) == [0]
        for other in ("STRANGER", "PHYSICS"):
            assert send(store, other, picture("X", "NM", NuclearMedicineImageStorage)) == []
        study_uid = str(first.StudyInstanceUID)
        assert study_uid in recipe.run(store, "findscu")
        recipe.run(store, "movescu", STUDY_UID=study_uid)
        assert [ds.SOPInstanceUID for ds in at_physics] == [first.SOPInstanceUID]
        (study,) = recipe.run(store, "tools/find")
        sent = recipe.run(store, "physics/store", STUDY=study)
        assert (sent["InstancesCount"], sent["FailedInstancesCount"]) == (1, 0)
        assert len(at_physics) == 2

        recipe.run(store, "labels/keep", STUDY=study)
        later = [
            picture(f"NM-{number}", "NM", NuclearMedicineImageStorage, rows=512)
            for number in range(18, 20)
        ]
        for ds in later:
            assert send(store, "NM2", ds) == [0]

        def patients() -> list[str]:
            shown = store.get("/patients", expand="")
            return sorted(one["MainDicomTags"]["PatientID"] for one in shown)

        assert patients() == ["NM-17", "NM-18", "NM-19"]
        eventually("they are stable", lambda: all_stable(store))
        would = recipe.run(store, "dry-run")
        reasons = {one["ID"]: one["Kept"] for one in would["Studies"]}
        assert "label 'keep'" in reasons.pop(study)
        assert set(reasons.values()) == {"until room is needed"}
        assert recipe.all_run()

        # A fourth one takes it beyond 90 % of its two megabytes.
        last = picture("NM-20", "NM", NuclearMedicineImageStorage, rows=440)
        assert send(store, "NM1", last) == [0]
        eventually("there is room", lambda: patients() == ["NM-17", "NM-19", "NM-20"])


def all_stable(store: Store) -> bool:
    return all(one["IsStable"] for one in store.get("/studies", expand=""))


def test_a_store_that_gathers(fresh_store: Callable[..., Store], tmp_path: Path) -> None:
    """Series from three machines get their labels, are found by them, and arrive at the archive;
    also what had to wait while that was down. What no rule names goes nowhere."""
    recipe = Recipe("gathering")
    pictures = {
        "cbct": picture("A", "CT", CTImageStorage),
        "cbct elsewhere": picture("B", "CT", CTImageStorage, SeriesDescription="Pelvis CBCT 1"),
        "radiograph": picture("C", "DX", DigitalXRayImageStorageForPresentation),
        "portal": picture(
            "D", "RTIMAGE", RTImageStorage, ImageType=["ORIGINAL", "PRIMARY", "PORTAL"]
        ),
        "drr": picture("E", "RTIMAGE", RTImageStorage, ImageType=["DERIVED", "SECONDARY", "DRR"]),
        "planning": picture("F", "CT", CTImageStorage),
    }
    for ds in pictures.values():
        ds.SeriesInstanceUID = generate_uid()
    wanted = {str(ds.SOPInstanceUID) for name, ds in pictures.items() if name != "planning"}
    port = nobody()  # for now
    changes = {'"research.example.org", Port = 104': f'"127.0.0.1", Port = {port}'}
    recipe.write_settings(tmp_path / "pons.toml", changes)
    store = fresh_store("gathering", "--config", str(tmp_path / "pons.toml"), **QUICK)
    store.aet = "GATHER"
    assert send(store, "LINAC2", pictures["cbct"], pictures["portal"]) == [0, 0]
    assert send(store, "XRAY", pictures["cbct elsewhere"], pictures["radiograph"]) == [0, 0]
    assert send(store, "TPS", pictures["drr"], pictures["planning"]) == [0, 0]

    def labelled(label: str) -> int:
        asked = {"Level": "Series", "Query": {}, "Labels": [label]}
        return len(store.http.post("/tools/find", json=asked).json())

    counts = {"cbct": 2, "radiograph": 2, "drr": 1}
    eventually("all are labelled", lambda: {one: labelled(one) for one in counts} == counts)
    assert len(store.get("/tools/labels")) == 3
    letters = eventually(
        "the archive is down", lambda: recipe.run(store, "-sf http://localhost:8042/jobs") or None
    )
    assert "connection refused" in letters[0]["Reason"]
    series = recipe.run(store, "tools/find")
    (tried,) = recipe.run(store, "cbct/dry-run", SERIES=series[0])["Resources"]
    assert (tried["To"], tried["Label"]) == (["modality:research"], ["cbct"])

    with receiving("RESEARCH", port) as (_, at_research):

        def all_there() -> bool:
            recipe.run(store, "retry")
            return {str(ds.SOPInstanceUID) for ds in at_research} >= wanted

        eventually("all have arrived", all_there)
        assert {str(ds.SOPInstanceUID) for ds in at_research} == wanted
        (state,) = recipe.run(store, "routing/destinations")
        assert state["Destination"] == "modality:research"
    assert recipe.all_run()
