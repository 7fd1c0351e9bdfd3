# SPDX-License-Identifier: Apache-2.0
"""Two stores on one machine: neither sees anything of the other."""

from collections.abc import Callable

from outside import Store, eventually, image


def test_one_patient_in_two_stores_stays_apart(
    store: Store, fresh_store: Callable[..., Store]
) -> None:
    """The same patient, different images: each store knows only its own, and forgets only that."""
    other = fresh_store("other")
    here, there = image("SHARED"), image("SHARED", number=2)
    there.StudyInstanceUID, there.SeriesInstanceUID = here.StudyInstanceUID, here.SeriesInstanceUID
    assert store.c_store(here) == [0]
    assert other.c_store(there) == [0]
    for place, ds in ((store, here), (other, there)):
        listed = eventually("it is listed", lambda place=place: of_patient(place, "SHARED"))
        assert listed == [ds.SOPInstanceUID]
    changes = {change["ID"] for change in other.get("/changes", limit=1000)["Changes"]}
    assert not changes & {change["ID"] for change in instance_changes(store)}
    identifier = other.get("/instances")[0]
    assert store.http.get(f"/instances/{identifier}").status_code == 404
    assert store.http.get(f"/instances/{identifier}/file").status_code == 404
    patient = other.get("/patients")[0]
    assert other.http.delete(f"/patients/{patient}").status_code == 200
    assert other.get("/statistics")["CountInstances"] == 0
    assert of_patient(store, "SHARED") == [here.SOPInstanceUID]
    store.http.delete(f"/patients/{patient}")


def of_patient(store: Store, patient_id: str) -> list[str]:
    patients = store.get("/patients", expand="")
    ids = [one["ID"] for one in patients if one["MainDicomTags"]["PatientID"] == patient_id]
    found = [store.get(f"/patients/{identifier}/instances") for identifier in ids]
    return [one["MainDicomTags"]["SOPInstanceUID"] for several in found for one in several]


def instance_changes(store: Store) -> list[dict[str, str]]:
    changes = store.get("/changes", limit=100000)["Changes"]
    return [change for change in changes if change["ResourceType"] == "Instance"]
