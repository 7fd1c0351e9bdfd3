# SPDX-License-Identifier: Apache-2.0
"""One instance through a whole store, as a collector of traces sees it."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO

import pytest
from pydicom import Dataset, dcmwrite

from archives import add_modality, archive, put, uids
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


def way_to(collector: Collector, end: Told) -> list[Told]:
    """A span and those that it is inside of, the outermost first, as far as they have arrived."""
    spans = {one.span_id: one for one in collector.spans if one.trace_id == end.trace_id}
    way = [end]
    while way[0].parent_id in spans:
        way.insert(0, spans[way[0].parent_id])
    return way


def words(way: list[Told]) -> list[tuple[str, str, str]]:
    return [(one.service, one.name, one.kind) for one in way]


RECEIVED = [
    ("pons-dicom-ingress", "DICOM association", "server"),
    ("pons-dicom-ingress", "C-STORE", "server"),
    ("pons-dicom-ingress", "send pons.traced.instance.received", "producer"),
    ("pons-index", "index instance", "consumer"),
    ("pons-index", "send pons.traced.change", "producer"),
]
SENT = [
    ("pons-egress", "route", "consumer"),
    ("pons-egress", "job DicomModalityStore", "consumer"),
    ("pons-egress", "DICOM association", "client"),
    ("pons-egress", "C-STORE", "client"),
]


def test_an_instance_is_followed_from_its_association_to_where_a_rule_sends_it(
    fresh_store: Callable[..., Store], collector: Collector
) -> None:
    """One trace through three services: each span is inside the one that caused it. From a change
    it leads to the job that the change makes, and to the association of that."""
    store = fresh_store("traced", PONS_TRACES_ENDPOINT=collector.endpoint)
    ds = somebody(1)
    with archive() as (port, received):
        add_modality(store, "archive", port)
        put(store, "/routing/rules/all", {"On": "NewInstance", "To": ["modality:archive"]})
        assert store.c_store(ds) == [0]
        eventually("it is sent on", lambda: received == uids([ds]), 120)

        def sent() -> list[Told]:
            stored = [one for one in collector.named("C-STORE") if one.kind == "client"]
            way = way_to(collector, stored[0]) if stored else []
            return way if way and not way[0].parent_id else []

        way = eventually("the way to it is told", sent, 120)
    assert words(way) == [*RECEIVED, *SENT]
    assert way[-1].attributes["pons.dicom.status"] == "0000"
    assert way[-1].attributes["pons.dicom.sop_instance_uid"] == ds.SOPInstanceUID

    def whole() -> dict[object, list[Told]]:
        ways = {
            one.attributes["pons.change.type"]: way_to(collector, one)
            for one in collector.named("send pons.traced.change")
            if one.attributes["pons.change.type"] in CHANGES
        }
        complete = all(way[0].name == "DICOM association" for way in ways.values())
        return ways if ways.keys() == CHANGES and complete else {}

    ways = eventually("the changes are told, and all before them", whole, 120)
    for way in ways.values():
        assert words(way) == RECEIVED
        association, stored, _, indexed, _ = way
        assert association.parent_id == ""
        assert association.attributes["pons.dicom.calling_aet"] == "TESTER"
        assert association.attributes["pons.dicom.requests"] == 1
        assert stored.attributes["pons.dicom.sop_instance_uid"] == ds.SOPInstanceUID
        assert stored.attributes["pons.dicom.status"] == "0000"
        assert indexed.attributes["pons.outcome"] == "Success"
        assert {one.store for one in way} == {"traced"}


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
        eventually("everything is told", lambda: not missing(), 120)
    assert missing() == set()
    _, trace_id, span_id, _ = CALLER.split("-")
    assert {one.trace_id for one in collector.spans} == {trace_id}
    [upload] = collector.named("POST /instances")
    assert (upload.parent_id, upload.attributes["http.response.status_code"]) == (span_id, 200)
    persons = ("Verschwiegen", "Geheim", "19520229", "ZUGANG-77", "Vertraulich")
    assert [word for word in persons if word.encode() in collector.wire] == []
