# SPDX-License-Identifier: Apache-2.0
"""Texts that are longer than anybody expects: stored, listed, found, wherever they come."""

import random

import pytest
from pydicom import Dataset, config
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement

from outside import Store, eventually, image

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def long_text(length: int, seed: int) -> str:
    """Random, so that it is as long for every index."""
    return "".join(random.Random(seed).choices(LETTERS, k=length))


def with_text(ds: Dataset, keyword: str, text: str) -> Dataset:
    """The data set with a value that is longer than the standard allows."""
    vr = dictionary_VR(keyword)
    ds[keyword] = DataElement(keyword, vr, text, validation_mode=config.IGNORE)
    return ds


def test_what_was_acknowledged_is_listed(store: Store) -> None:
    """Nobody waits for the index from the eleventh instance of an association on: all are there."""
    images = [image("LONG TEXTS", None, number) for number in range(1, 15)]
    for place in (0, 12):
        with_text(images[place], "AccessionNumber", long_text(4000, place))
    with_text(images[13], "PatientName", long_text(30_000, 13))
    assert store.c_store(*images) == [0] * 14
    uids = {ds.SOPInstanceUID for ds in images}

    def listed() -> bool:
        query = {"Level": "Instance", "Query": {"PatientID": "LONG TEXTS"}, "Expand": True}
        found = store.http.post("/tools/find", json=query).json()
        return {one["MainDicomTags"]["SOPInstanceUID"] for one in found} == uids

    eventually("all of them are listed", listed)
    assert store.get("/tools/dead-letters") == []
    for place in (0, 12):
        query = {"Level": "Study", "Query": {"AccessionNumber": long_text(4000, place)}}
        [study] = store.http.post("/tools/find", json=query).json()
        tags = store.get(f"/studies/{study}")["MainDicomTags"]
        assert tags["StudyInstanceUID"] == images[place].StudyInstanceUID
        assert tags["AccessionNumber"] == long_text(4000, place)
    [patient] = store.http.post("/tools/lookup", content="LONG TEXTS").json()
    assert store.http.delete(f"/patients/{patient['ID']}").status_code == 200


@pytest.mark.parametrize("length", [1024, 1025])
def test_an_identifier_is_taken_or_refused_before_it_is_acknowledged(
    store: Store, length: int
) -> None:
    """The longest PatientID is stored; a longer one is refused by name, over DICOM and at once."""
    ds = with_text(image("X"), "PatientID", long_text(length, 1))
    [status] = store.c_store(ds)
    if length > 1024:
        assert status is not None
        assert status & 0xF000 == 0xC000
        return
    assert status == 0
    [patient] = store.http.post("/tools/lookup", content=long_text(length, 1)).json()
    assert store.http.delete(f"/patients/{patient['ID']}").status_code == 200
