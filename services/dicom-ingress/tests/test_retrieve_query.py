# SPDX-License-Identifier: Apache-2.0
"""What the identifier of a C-MOVE or C-GET names."""

import asyncio
from collections.abc import AsyncIterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from pons.catalog import Search
from pons.errors import BadRequest, NotFound
from pons_ingress.identifier import ReceivedIdentifier
from pons_ingress.retrieve_query import Wanted, read_wanted

MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY = b"\x08\0\x52\0\6\0\0\0STUDY "


class Asked:
    """Stands in for the catalog, and keeps what it is asked."""

    def __init__(self) -> None:
        self.query: tuple[tuple[str, str], ...] = ()
        self.found = ["one"]

    async def search_ids(self, search: Search) -> AsyncIterator[list[str]]:
        self.query = search.query
        yield self.found


def wanted(wire: ModuleType, accession_number: bytes) -> Wanted:
    """Of a request for a study with these numbers."""
    head = b"\x08\0\x50\0" + len(accession_number).to_bytes(4, "little")
    return read(wire, head + accession_number + STUDY)


def wanted_of(wire: ModuleType, level: str, **named: Any) -> Wanted:
    """Of a request with these keywords."""
    ds = Dataset()
    ds.QueryRetrieveLevel = level
    for keyword, value in named.items():
        setattr(ds, keyword, value)
    buffer = DicomBytesIO()
    buffer.is_little_endian = buffer.is_implicit_VR = True
    write_dataset(buffer, ds)
    return read(wire, buffer.getvalue())


def read(wire: ModuleType, content: bytes) -> Wanted:
    identifier = ReceivedIdentifier()
    identifier.write(memoryview(content))
    context = SimpleNamespace(transfer_syntax=wire.IMPLICIT, abstract_syntax=MOVE)
    message = SimpleNamespace(context=context, dataset=identifier)
    conversation: Any = SimpleNamespace(message=message)
    return read_wanted(conversation, "latin1", level_needed=True)


@pytest.mark.parametrize("numbers", [b"A1\\ ", b"\\A1 ", b"A1\\  \\"])
def test_an_empty_value_of_a_list_names_nothing(wire: ModuleType, numbers: bytes) -> None:
    """Else each study without the number were sent, of whatever patient."""
    catalog = Asked()
    asyncio.run(wanted(wire, numbers).find(catalog))
    assert catalog.query == (("00080050", "A1"),)


def test_a_list_of_empty_values_is_refused(wire: ModuleType) -> None:
    """It says as little as no value."""
    with pytest.raises(BadRequest, match="StudyInstanceUID is missing"):
        wanted(wire, b"\\ ")


def test_the_keys_of_levels_above(wire: ModuleType) -> None:
    """What is sent fits each unique key that has a value: else it may be another patient's."""
    keys = {"PatientID": "P1", "StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.3"}
    catalog = Asked()
    asyncio.run(wanted_of(wire, "IMAGE", **keys, SOPInstanceUID="1.4").find(catalog))
    above = (("00100020", "P1"), ("0020000D", "1.2"), ("0020000E", "1.3"))
    assert catalog.query == (*above, ("00080018", "1.4"))


def test_keys_of_levels_above_that_say_nothing(wire: ModuleType) -> None:
    """Empty ones and those that are `*` narrow nothing, and lower ones neither."""
    catalog = Asked()
    keys = {"PatientID": "*", "StudyInstanceUID": "", "SOPInstanceUID": "1.4"}
    asyncio.run(wanted_of(wire, "SERIES", **keys, SeriesInstanceUID="1.3").find(catalog))
    assert catalog.query == (("0020000E", "1.3"),)


def test_keys_that_do_not_fit(wire: ModuleType) -> None:
    """Where nothing has all of them, the peer hears that it may be for those above."""
    catalog = Asked()
    catalog.found = []
    series = wanted_of(wire, "SERIES", PatientID="P1", SeriesInstanceUID="1.3")
    with pytest.raises(NotFound, match="no such series that fits the keys of the levels above"):
        asyncio.run(series.find(catalog))


def instance(sop_instance_uid: str, series_uid: str = "1.3") -> Any:
    return SimpleNamespace(
        sop_instance_uid=sop_instance_uid, series_uid=series_uid, study_uid="1.2", patient_id="P1 "
    )


def test_what_is_named_and_not_there(wire: ModuleType) -> None:
    """Of lists of a unique key, at every level; of one value there is something, or nothing."""
    found = [instance("1.4.1"), instance("1.4.3", "1.3.1")]
    images = wanted_of(wire, "IMAGE", SOPInstanceUID=["1.4.1", "1.4.2", "1.4.3", "1.4.2"])
    assert images.lacking(found) == ["1.4.2"]
    series = wanted_of(wire, "SERIES", SeriesInstanceUID=["1.3", "1.3.1", "1.3.2"])
    assert series.lacking(found) == ["1.3.2"]
    studies = wanted_of(wire, "STUDY", StudyInstanceUID=["1.2", "1.9"], AccessionNumber="A\\B")
    assert studies.lacking(found) == ["1.9"]
    assert wanted_of(wire, "PATIENT", PatientID="P1\\P2").lacking(found) == ["P2"]
    assert wanted_of(wire, "IMAGE", SOPInstanceUID="1.4.1").lacking(found) == []
