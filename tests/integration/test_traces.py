# SPDX-License-Identifier: Apache-2.0
"""One instance through a whole store, as a collector of traces sees it."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO

import pytest
from pydicom import Dataset, dcmwrite

from outside import Store, eventually, image
from pons_testing.collector import Collector, Told, collecting

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
CHANGES = {"NewPatient", "NewStudy", "NewSeries", "NewInstance"}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


def somebody(number: int) -> Dataset:
    """An image of somebody whose data no trace may have."""
    ds = image(f"Verschwiegen{number}", number=number)
    ds.PatientName = "Geheim^Jane"
    ds.PatientBirthDate = "19520229"
    ds.AccessionNumber = "ZUGANG-77"
    ds.StudyDescription = "Vertraulich"
    return ds


def encoded(ds: Dataset) -> bytes:
    file = BytesIO()
    dcmwrite(file, ds, enforce_file_format=True)
    return file.getvalue()


def trace_of(collector: Collector, name: str, **attributes: str) -> list[Told]:
    """All spans so far of the trace that has a span of this name with these attributes."""
    for one in collector.named(name):
        if attributes.items() <= {**one.attributes}.items():
            return [other for other in collector.spans if other.trace_id == one.trace_id]
    return []


def changes(spans: list[Told]) -> set[object]:
    return {one.attributes["pons.change.type"] for one in spans if one.name.endswith(".change")}


def test_an_instance_is_followed_from_its_association_to_its_changes(
    fresh_store: Callable[..., Store], collector: Collector
) -> None:
    """One trace through three processes: each span is inside the one that caused it."""
    store = fresh_store("traced", PONS_TRACES_ENDPOINT=collector.endpoint)
    ds = somebody(1)
    assert store.c_store(ds) == [0]

    def whole() -> list[Told]:
        spans = trace_of(
            collector, "C-STORE", **{"pons.dicom.sop_instance_uid": str(ds.SOPInstanceUID)}
        )
        names = {one.name for one in spans}
        return spans if changes(spans) == CHANGES and "DICOM association" in names else []

    spans = eventually("the trace is whole", whole)
    assert {one.store for one in spans} == {"traced"}
    [association] = [one for one in spans if one.name == "DICOM association"]
    assert (association.parent_id, association.kind) == ("", "server")
    assert association.attributes["pons.dicom.calling_aet"] == "TESTER"
    assert association.attributes["pons.dicom.requests"] == 1
    path = ["pons-dicom-ingress DICOM association"]
    above = association
    for name in ("C-STORE", "send pons.traced.instance.received", "index instance"):
        [above] = [one for one in spans if one.name == name and one.parent_id == above.span_id]
        path.append(f"{above.service} {name}")
    assert path == [
        "pons-dicom-ingress DICOM association",
        "pons-dicom-ingress C-STORE",
        "pons-dicom-ingress send pons.traced.instance.received",
        "pons-index index instance",
    ]
    assert above.attributes["pons.outcome"] == "Success"
    told = [one for one in spans if one.name == "send pons.traced.change"]
    assert {(one.service, one.parent_id) for one in told} == {("pons-index", above.span_id)}
    assert len(told) == len(CHANGES)


def test_an_upload_goes_on_from_its_callers_trace(
    fresh_store: Callable[..., Store], collector: Collector
) -> None:
    """Without being asked for, nothing of this store is traced; what is has nobody's data in it."""
    store = fresh_store("traced", PONS_TRACES_ENDPOINT=collector.endpoint, PONS_TRACES_SAMPLE="0")
    caller = {"traceparent": CALLER}
    unseen, ds = somebody(2), somebody(3)
    assert store.c_store(unseen) == [0]
    answer = store.http.post("/instances", content=encoded(ds), headers=caller)
    instance = answer.json()["ID"]
    shown = store.http.get(f"/instances/{instance}/preview", headers=caller)
    assert shown.status_code == 200
    query = {"Level": "Study", "Query": {"PatientName": "Geheim*", "AccessionNumber": "ZUGANG-77"}}
    assert len(store.http.post("/tools/find", json=query, headers=caller).json()) == 2
    assert store.http.get("/instances/Vertraulich", headers=caller).status_code == 404
    label = f"/instances/{instance}/labels/seen"
    assert store.http.put(label, headers=caller).status_code == 200
    wanted = {
        ("pons-gateway", "POST /instances"),
        ("pons-gateway", "store object"),
        ("pons-index", "index instance"),
        ("pons-index", "send pons.traced.change"),
        ("pons-gateway", "GET /instances/{id}/preview"),
        ("pons-render", "GET /instances/{id}/preview"),
        ("pons-gateway", "POST /tools/find"),
        ("pons-gateway", "GET /instances/{id}"),
        ("pons-gateway", "PUT /instances/{id}/labels/{label}"),
        ("pons-gateway", "PutLabel"),
        ("pons-index", "PutLabel"),
    }

    def missing() -> set[tuple[str, str]]:
        return wanted - {(one.service, one.name) for one in collector.spans}

    with suppress(AssertionError):  # the next line says what is missing
        eventually("everything is told", lambda: not missing())
    assert missing() == set()
    _, trace_id, span_id, _ = CALLER.split("-")
    assert {one.trace_id for one in collector.spans} == {trace_id}
    [upload] = collector.named("POST /instances")
    assert (upload.parent_id, upload.attributes["http.response.status_code"]) == (span_id, 200)
    persons = ("Verschwiegen", "Geheim", "19520229", "ZUGANG-77", "Vertraulich")
    assert [word for word in persons if word.encode() in collector.wire] == []
