# SPDX-License-Identifier: Apache-2.0
"""C-FIND by pynetdicom from a catalog that gives what a test wants."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.dsutils import encode

from pons.catalog import Fields, Resource, Search
from pons.errors import BadRequest, DamagedObject, OutOfResources, PonsError, Unavailable
from pons.settings import DicomSettings, FindSettings, Settings
from pons_ingress.find import Find
from pons_ingress.service_classes import (
    PATIENT_ROOT_FIND,
    PATIENT_STUDY_ONLY_FIND,
    STUDY_ROOT_FIND,
    Permission,
)

StartPort = Callable[..., Any]
PENDING, PENDING_UNMATCHED, SUCCESS, CANCELLED = 0xFF00, 0xFF01, 0x0000, 0xFE00


class GivenPages:
    """Stands in for the catalog: gives pages, remembers what it was asked, fails or waits."""

    def __init__(self) -> None:
        self.asked: list[tuple[Search, Fields]] = []
        self.resources: list[Resource] = []
        self.failure: PonsError | None = None
        self.endless = False
        self.given = 0
        self.stuck = threading.Event()
        self.waits = False

    async def search(self, search: Search, fields: Fields) -> AsyncIterator[list[Resource]]:
        self.asked.append((search, fields))
        if self.failure is not None:
            raise self.failure
        if self.waits:
            self.stuck.set()
            await asyncio.sleep(600)
        limit = search.limit or len(self.resources)
        yield self.resources[:limit]
        while self.endless:
            self.given += len(self.resources)
            yield self.resources


def study(number: int = 1, **more: Any) -> Resource:
    requested = {"00100010": "Doe^Jané", "0020000D": f"1.2.{number}", "00201208": "17"}
    return Resource("Study", f"{number}", number, requested=requested, **more)


class Served:
    """A port with a catalog behind its C-FIND, and a peer that asks it."""

    def __init__(self, start_port: StartPort, **find: Any) -> None:
        self.catalog = GivenPages()
        self.codec = "latin1"
        settings = Settings(dicom=DicomSettings(aet="STORE"), find=FindSettings(**find))
        service = Find(self.catalog, settings, lambda: self.codec)
        self.port = start_port(more_services={Permission.FIND: service}, always_allow_find=True)

    def associate(self, model: str = STUDY_ROOT_FIND, syntax: str = "1.2.840.10008.1.2") -> Any:
        entity = AE("FINDER")
        entity.add_requested_context(model, syntax)
        assoc = entity.associate("127.0.0.1", self.port.number)
        assert assoc.is_established
        return assoc

    def ask(
        self, model: str = STUDY_ROOT_FIND, syntax: str = "1.2.840.10008.1.2", **keys: Any
    ) -> tuple[list[int], list[Dataset], str]:
        """The statuses, the identifiers, and the comment of the last response."""
        ds = Dataset()
        for keyword, value in {"QueryRetrieveLevel": "STUDY", **keys}.items():
            tag = tag_for_keyword(keyword) or 0
            ds.add(DataElement(tag, dictionary_VR(tag), value, validation_mode=IGNORE))
        assoc = self.associate(model, syntax)
        try:
            responses = list(assoc.send_c_find(ds, model))
        finally:
            assoc.release()
        statuses = [status.Status for status, _ in responses]
        comment = responses[-1][0].get("ErrorComment", "")
        return statuses, [found for _, found in responses if found is not None], comment


@pytest.fixture
def served(start_port: StartPort) -> Served:
    return Served(start_port)


@pytest.mark.parametrize("syntax", [f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".1.99", ".2")])
def test_answers(served: Served, syntax: str) -> None:
    """An answer has what was asked for, empty where there is none, and says who holds it."""
    served.catalog.resources = [
        study(1),
        study(2, elements={"00081115": b'{"vr":"SQ","Value":[{"00080060":{"vr":"CS"}}]}'}),
    ]
    statuses, answers, _ = served.ask(
        syntax=syntax,
        PatientName="doe*",
        StudyInstanceUID="",
        NumberOfStudyRelatedInstances=None,
        ReferencedSeriesSequence=[],
        StudyID="",
        InstanceAvailability="",
    )
    assert statuses == [PENDING, PENDING, SUCCESS]
    first, second = answers
    assert str(first.PatientName) == "Doe^Jané"
    assert first.SpecificCharacterSet == "ISO_IR 100"
    assert (first.QueryRetrieveLevel, first.RetrieveAETitle) == ("STUDY", "STORE")
    assert first.InstanceAvailability == "ONLINE"
    assert first.NumberOfStudyRelatedInstances == 17
    assert first.StudyID == ""
    assert len(first.ReferencedSeriesSequence) == 0
    assert len(second.ReferencedSeriesSequence) == 1
    assert len(first) == len(second) == 9
    search, fields = served.catalog.asked[0]
    assert (search.level, search.query) == ("Study", (("00100010", "doe*"),))
    assert not search.minds_case("00100010")
    assert search.minds_case("00081030")
    assert fields.tags == ("00081115", "00100010", "0020000D", "00200010", "00201208")


def test_odd_values(served: Served) -> None:
    """What the index has as text becomes numbers where it is some; what is too long is empty."""
    item = b'{"00420011":{"vr":"OB","BulkDataURI":"400/900"},"00080060":{"vr":"CS","Value":["CT"]}}'
    served.catalog.resources = [
        Resource(
            "Instance",
            "1",
            1,
            requested={
                "00280010": "512",
                "00280011": "many",
                "00280009": "0018,1063",
                "00280100": "70000",
            },
            elements={
                "00081115": b'{"vr":"SQ","Value":[' + item + b"]}",
                "00420011": b'{"vr":"OB","BulkDataURI":"400/900"}',
            },
        )
    ]
    statuses, (found,), _ = served.ask(
        QueryRetrieveLevel="IMAGE",
        Rows=None,
        Columns=None,
        BitsAllocated=None,
        FrameIncrementPointer=None,
        ReferencedSeriesSequence=[],
        EncapsulatedDocument=None,
        PatientName="",
    )
    assert statuses == [PENDING, SUCCESS]
    assert (found.Rows, found.Columns, found.FrameIncrementPointer) == (512, None, 0x00181063)
    assert found.BitsAllocated is None
    assert found.ReferencedSeriesSequence[0].Modality == "CT"
    assert not found.ReferencedSeriesSequence[0].EncapsulatedDocument
    assert not found.EncapsulatedDocument


def test_case_of_names(start_port: StartPort) -> None:
    """A setting has names of persons compared with case."""
    served = Served(start_port, case_sensitive_pn=True)
    served.ask(PatientName="doe*")
    assert served.catalog.asked[0][0].minds_case("00100010")


def test_character_set_of_the_query(served: Served) -> None:
    """Values are read in the query's character set, else in the store's."""
    served.ask(SpecificCharacterSet="ISO_IR 192", PatientName="Jané*")
    served.ask(SpecificCharacterSet="\\ISO 2022 IR 149", PatientName="김희중")
    assert [search.query[0][1] for search, _ in served.catalog.asked] == ["Jané*", "김희중"]


@pytest.mark.filterwarnings("ignore:The value for the data element:UserWarning")
@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
def test_a_long_list(served: Served, syntax: str) -> None:
    """10,000 UIDs are looked for; in explicit VR they come as UN (PS3.5 6.2.2)."""
    uids = [f"1.2.3.{number:040d}" for number in range(10_000)]
    statuses, _, _ = served.ask(syntax=syntax, StudyInstanceUID=uids)
    assert statuses == [SUCCESS]
    assert served.catalog.asked[0][0].query == (("0020000D", "\\".join(uids)),)


def test_a_value_that_is_too_long(served: Served) -> None:
    """It is refused: passed over, it would let everything match."""
    served.catalog.resources = [study()]
    uids = [f"1.2.3.{number:060d}" for number in range(20_000)]
    statuses, _, comment = served.ask(StudyInstanceUID=uids)
    assert (statuses, served.catalog.asked) == ([0xA700], [])
    assert comment == "The value of 0020000D is too long to look for"


def test_what_is_no_text(served: Served) -> None:
    """Bytes are matched with nothing, and the status says so."""
    served.catalog.resources = [study()]
    for length in (8, 80):
        statuses, _, _ = served.ask(EncapsulatedDocument=bytes(length))
        assert statuses == [PENDING_UNMATCHED, SUCCESS]


def test_what_nothing_is_found_by(served: Served) -> None:
    """Keys that cannot be matched are passed over, and the status says so (PS3.4 C.4.1.1.4)."""
    served.catalog.resources = [study()]
    statuses, _, _ = served.ask(
        NumberOfStudyRelatedInstances=3, TimezoneOffsetFromUTC="+0100", RetrieveAETitle="OTHER"
    )
    assert statuses == [PENDING_UNMATCHED, SUCCESS]
    assert served.catalog.asked[0][0].query == ()
    statuses, _, _ = served.ask(StudyDate="*", PatientID="*")
    assert statuses == [PENDING, SUCCESS]
    assert served.catalog.asked[1][0].query == (("00100020", "*"),)


@pytest.mark.parametrize(
    ("keyword", "value", "status"),
    [
        ("RetrieveAETitle", "OTHER", PENDING_UNMATCHED),
        ("RetrieveAETitle", ["OTHER", "ANOTHER"], PENDING_UNMATCHED),
        ("RetrieveAETitle", "STORE", PENDING),
        ("RetrieveAETitle", "", PENDING),
        ("InstanceAvailability", "NEARLINE", PENDING_UNMATCHED),
        ("InstanceAvailability", ["NEARLINE", "ONLINE"], PENDING),
        ("InstanceAvailability", "*", PENDING),
    ],
)
def test_what_answers_say_of_themselves(
    served: Served, keyword: str, value: Any, status: int
) -> None:
    """A value that no answer has is not matched, and each says so (PS3.4 C.4.1.1.4)."""
    served.catalog.resources = [study(1), study(2)]
    statuses, answers, _ = served.ask(**{keyword: value})
    assert statuses == [status, status, SUCCESS]
    assert {one.RetrieveAETitle for one in answers} == {"STORE"}


def test_star_alone_as_a_uid(served: Served) -> None:
    """A UID has no wildcards (PS3.4 C.2.2.2.4): one alone does not find everything either."""
    for key in ("StudyInstanceUID", "SOPClassesInStudy"):
        statuses, answers, comment = served.ask(**{key: "*"})
        assert (statuses, answers) == ([0xA900], [])
        assert comment.startswith("Wildcards cannot be used with tag")
    assert served.catalog.asked == []


def test_private_keys(served: Served) -> None:
    """A private attribute is matched, and answered, as that of the creator that the query names."""
    right, wrong = b'{"vr":"LO","Value":["ACME 1"]}', b'{"vr":"LO","Value":["OTHER"]}'
    value = b'{"vr":"SH","Value":["x"]}'
    served.catalog.resources = [
        study(1, elements={"00110010": right, "00111001": value}),
        study(2, elements={"00110010": wrong, "00111001": value}),
    ]
    ds = Dataset()
    ds.QueryRetrieveLevel = "STUDY"
    ds.private_block(0x11, "ACME 1", create=True).add_new(1, "SH", "x")
    assoc = served.associate(syntax="1.2.840.10008.1.2.1")
    answers = [found for _, found in assoc.send_c_find(ds, STUDY_ROOT_FIND) if found is not None]
    assoc.release()
    assert [one[0x00110010].value for one in answers] == ["ACME 1", "ACME 1"]
    assert [one[0x00111001].value for one in answers] == ["x", ""]
    query = served.catalog.asked[0][0].query
    assert query == (("00111001", "x"), ("00110010", "ACME 1"))


@pytest.mark.parametrize(
    ("model", "level", "status"),
    [
        (PATIENT_ROOT_FIND, "PATIENT", SUCCESS),
        (STUDY_ROOT_FIND, "IMAGES", SUCCESS),
        (PATIENT_STUDY_ONLY_FIND, "STUDY", SUCCESS),
        (PATIENT_STUDY_ONLY_FIND, "SERIES", 0xA900),
        (STUDY_ROOT_FIND, "WARD", 0xA900),
        (STUDY_ROOT_FIND, None, 0xA900),
    ],
)
def test_levels(served: Served, model: str, level: str | None, status: int) -> None:
    """Each model has its levels; another one, or none, is told."""
    statuses, _, comment = served.ask(model, QueryRetrieveLevel=level)
    assert statuses == [status]
    assert bool(comment) == (status != SUCCESS)


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (BadRequest("Wildcards cannot be used with tag 00080020"), 0xA900),
        (Unavailable("The database does not answer"), 0xC000),
        (OutOfResources("no room"), 0xA700),
        (DamagedObject("lost"), 0xC000),
    ],
)
def test_failures(served: Served, failure: PonsError, status: int) -> None:
    """A query that fails has a status and says why; the association goes on."""
    served.catalog.failure = failure
    statuses, answers, comment = served.ask(StudyDate="2020")
    assert (statuses, answers) == ([status], [])
    assert comment == failure.message[:64]


def test_identifiers_that_cannot_be_read(served: Served, wire: ModuleType) -> None:
    """Garbage, none and too much are refused with a status, and the association goes on."""
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    good = encode(query, is_implicit_vr=True, is_little_endian=True)
    with served.port.connect() as peer:
        peer.associate((5, STUDY_ROOT_FIND, wire.IMPLICIT))
        whole = wire.fragment(5, 3, wire.command(0x20, STUDY_ROOT_FIND))
        for content, status in (
            (b"\x08\0\x52\0\xff\xff\0\0garbage", 0xC000),
            (bytes(5_000_000), 0xA700),
            (good, SUCCESS),
        ):
            peer.send(whole)
            for start in range(0, len(content), 60_000):
                last = start + 60_000 >= len(content)
                peer.send(wire.fragment(5, 2 if last else 0, content[start : start + 60_000]))
            assert peer.receive_status() == status
        peer.send(wire.fragment(5, 3, wire.command(0x20, STUDY_ROOT_FIND, dataset=False)))
        assert peer.receive_status() == 0xC000


@pytest.mark.parametrize(("level", "limit"), [("STUDY", 3), ("IMAGE", 5)])
def test_limits(start_port: StartPort, level: str, limit: int) -> None:
    """A list that is cut short ends with `Cancel`, as Orthanc's; one that just fits does not."""
    served = Served(start_port, limit_results=3, limit_instances=5)
    served.catalog.resources = [study(number) for number in range(limit)]
    assert served.ask(QueryRetrieveLevel=level)[0] == [PENDING] * limit + [SUCCESS]
    served.catalog.resources.append(study(99))
    statuses, answers, comment = served.ask(QueryRetrieveLevel=level)
    assert statuses == [PENDING] * limit + [CANCELLED]
    assert len(answers) == limit
    assert str(limit) in comment


def until_cancelled(assoc: Association, stop_after: int) -> Iterator[int]:
    ds = Dataset()
    ds.QueryRetrieveLevel = "STUDY"
    ds.PatientName = ""
    for number, (status, _) in enumerate(assoc.send_c_find(ds, STUDY_ROOT_FIND, msg_id=5)):
        if number == stop_after:
            assoc.send_c_cancel(5, query_model=STUDY_ROOT_FIND)
        yield status.Status


def test_cancel(served: Served) -> None:
    """An endless list of answers ends when it is cancelled, and so does a search that is stuck."""
    served.catalog.resources = [study(number) for number in range(100)]
    served.catalog.endless = True
    assoc = served.associate()
    assert list(until_cancelled(assoc, 250))[-1] == CANCELLED
    assoc.release()
    assoc = served.associate()  # pynetdicom ends one that was busy with answers for a minute
    served.catalog.endless, served.catalog.waits = False, True
    timer = threading.Thread(
        target=lambda: (
            served.catalog.stuck.wait(60),
            assoc.send_c_cancel(5, query_model=STUDY_ROOT_FIND),
        )
    )
    timer.start()
    assert list(until_cancelled(assoc, -1)) == [CANCELLED]
    timer.join()
    assoc.release()


def test_back_pressure(served: Served, wire: ModuleType) -> None:
    """Who does not read gets no more than the connection holds: answers do not pile up here."""
    served.catalog.resources = [study(number) for number in range(100)]
    served.catalog.endless = True
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.PatientName = ""
    content = encode(query, is_implicit_vr=True, is_little_endian=True)
    with served.port.connect(receive_buffer=4096) as peer:
        peer.associate((5, STUDY_ROOT_FIND, wire.IMPLICIT))
        peer.send(wire.fragment(5, 3, wire.command(0x20, STUDY_ROOT_FIND)))
        peer.send(wire.fragment(5, 2, content))
        given = -1
        while given != served.catalog.given:
            given = served.catalog.given
            threading.Event().wait(0.5)
        assert 0 < given < 200_000
