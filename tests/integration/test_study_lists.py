# SPDX-License-Identifier: Apache-2.0
"""Explorer's list of studies, on a running store: find, page, label, and plan a deletion."""

from io import BytesIO
from typing import Any

from outside import Store, image

API = "/explorer/api"
HOSTILE = "<script>alert(1)</script>\u202e=\u6f22"


def upload(store: Store, name: str, patient: str, date: str, modality: str = "CT") -> str:
    """A study of one image; its identifier."""
    ds = image(patient)
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName, ds.StudyDate, ds.Modality = name, date, modality
    file = BytesIO()
    ds.save_as(file, enforce_file_format=True)
    return str(store.http.post("/instances", content=file.getvalue()).json()["ParentStudy"])


def ask(store: Store, path: str, **body: Any) -> Any:
    answer = store.http.post(f"{API}/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def found(store: Store, text: str, **more: Any) -> list[str]:
    return [row["id"] for row in ask(store, "studies", text=text, **more)["rows"]]


def test_a_list_of_studies(store: Store) -> None:
    """What has just come is found as people type it, in pages, and can be worked on together."""
    studies = [
        upload(store, "Listmüller^Eva", "LIST-1", "20190301"),
        upload(store, "LISTMUELLER^ANNA", "LIST-2", "20190302", "MR"),
        upload(store, HOSTILE, "LIST-3", "20190303"),
    ]
    assert found(store, "listmüller") == [studies[1], studies[0]]
    assert found(store, "listmueller ct 2019-03") == [studies[0]]
    assert found(store, '"<script>alert(1)"') == [studies[2]]
    assert found(store, "id:LIST- 2019", sort="name")[1:] == [studies[1], studies[0]]
    ask_all = {"text": "id:LIST-", "filters": {"date": "1.3.2019..3.3.2019"}}
    pages, after = [], None
    for _ in range(3):
        page = ask(store, "studies", **ask_all, sort="date", limit=1, after=after)
        pages += [row["id"] for row in page["rows"]]
        after = page["next"]
    assert (pages, after) == (studies, None)
    assert ask(store, "studies/count", **ask_all) == {"value": 3, "exact": True}
    assert ask(store, "studies/identifiers", **ask_all) == studies

    labelled = ask(store, "labels", query=ask_all, add=["listed"])
    assert labelled == {"changed": 3, "missing": []}
    assert set(found(store, "label:listed")) == set(studies)
    assert {"value": "listed", "count": 3} in ask(store, "studies/facets")["labels"]
    assert ask(store, "labels", studies=studies[1:], remove=["listed"])["changed"] == 2
    assert found(store, "label:listed") == studies[:1]

    patient = store.get(f"/studies/{studies[0]}")["ParentPatient"]
    assert store.http.put(f"/patients/{patient}/protected", content=b"1").status_code == 200
    assert found(store, "is:protected id:LIST-") == studies[:1]
    plan = ask(store, "delete/plan", query=ask_all)
    assert (plan["studies"], plan["instances"], plan["protectedStudies"]) == (2, 2, 1)
    assert plan["protected"][0]["patient"] == patient
    deletion = {"Resources": [{"Level": "Study", "ID": study} for study in studies[1:]]}
    assert store.http.post("/tools/bulk-delete", json=deletion).status_code == 200
    assert found(store, "id:LIST-") == studies[:1]


def test_what_is_hostile(store: Store) -> None:
    """It is refused with a reason, or is a word that nothing has."""
    for text in ("\0", "x" * 65536, "x " * 31):
        answer = store.http.post(f"{API}/studies", json={"text": text})
        assert answer.status_code == 400
        assert "A search" in answer.json()["Details"]
    for text in ("%" * 500, "\u202e" * 500, "'; DROP TABLE studies; --", "\\" * 99, "_" * 99 + "%"):
        assert found(store, text) == []
