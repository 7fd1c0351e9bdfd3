# SPDX-License-Identifier: Apache-2.0
"""What a modality is asked: which keys, and how they are encoded."""

from io import BytesIO
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom.dsutils import decode, encode

from pons.errors import BadRequest
from pons.messages.egress import FindLevel
from pons.messages.modality import Manufacturer, Modality
from pons_egress.scu.identifier import identifier
from pons_egress.scu.query import keys_of

PATIENT_NAME, PATIENT_ID, STUDY_DATE, STUDY_TIME = "00100010", "00100020", "00080020", "00080030"


def keys(
    level: FindLevel,
    query: dict[str, Any],
    *,
    normalize: bool = True,
    manufacturer: Manufacturer = "Generic",
) -> dict[str, Any]:
    modality = Modality("PEER", "127.0.0.1", 104, manufacturer=manufacturer)
    return dict(sorted(keys_of(level, query, modality, normalize=normalize).items()))


def arrived(query: dict[str, Any], *, implicit: bool, codec: str = "latin1") -> Dataset:
    """What the peer reads."""
    encoded = encode(identifier(query, codec, implicit=implicit), implicit, True)
    assert encoded is not None
    return decode(BytesIO(encoded), implicit, True)


@pytest.fixture(params=[False, True], ids=["explicit", "implicit"])
def implicit(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_each_level_has_its_identifiers() -> None:
    """What tells entities of the level and of those above is asked for."""
    assert keys("Patient", {}) == {"00080052": "PATIENT", "00100020": ""}
    study = {"00080050": "", "00080052": "STUDY", "00100020": "", "0020000D": ""}
    assert keys("Study", {}) == study
    series = {**study, "00080052": "SERIES", "0020000E": ""}
    assert keys("Series", {}) == series
    assert keys("Instance", {}) == {"00080018": "", **series, "00080052": "IMAGE"}


def test_normalized_keys_belong_to_the_level() -> None:
    """What is of a lower level, or no attribute of any, is left out; counters of the level stay."""
    query = dict.fromkeys((PATIENT_NAME, "0008103E", "00280010", "00201208", "00201200"), "1")
    asked = keys("Study", query)
    assert {tag for tag in query if tag in asked} == {PATIENT_NAME, "00201208"}
    assert keys("Study", query, normalize=False).items() >= query.items()


def test_a_caller_cannot_change_the_level() -> None:
    """QueryRetrieveLevel is that of the query."""
    assert keys("Study", {"00080052": "IMAGE"}, normalize=False)["00080052"] == "STUDY"


@pytest.mark.parametrize(
    ("manufacturer", "date", "time", "identifier"),
    [
        ("Generic", "*", "*", ""),
        ("GenericNoWildcardInDates", "", "*", ""),
        ("GenericNoUniversalWildcard", "", "", ""),
        ("GE", "*", "*", "*"),
    ],
)
def test_peculiarities(manufacturer: Manufacturer, date: str, time: str, identifier: str) -> None:
    """Universal keys have the form that the modality understands."""
    asked = keys("Study", {STUDY_DATE: "*", STUDY_TIME: "*"}, manufacturer=manufacturer)
    assert (asked[STUDY_DATE], asked[STUDY_TIME], asked[PATIENT_ID]) == (date, time, identifier)


def test_a_worklist_is_asked_as_it_stands() -> None:
    """No level, no identifiers, nothing left out."""
    query = {PATIENT_ID: "1", "00400100": [{"00080060": "CT"}]}
    assert keys("Worklist", query) == query


def test_values_arrive(implicit: bool) -> None:
    """Ranges, wildcards, lists, numbers and sequences arrive as they were asked for."""
    asked = arrived(
        {
            STUDY_DATE: "20240101-",
            "00080016": "1.2\\1.3",
            "00280010": "512",
            "00400100": [{"00080060": "CT", "00400002": "", "00400100": [{PATIENT_ID: "7"}]}],
            "00090010": "ACME",
            "00091001": "x",
            "00080061": "CT\\MR",
        },
        implicit=implicit,
    )
    assert asked.StudyDate == "20240101-"
    assert asked.SOPClassUID == ["1.2", "1.3"]
    assert asked.Rows == 512
    (step,) = asked.ScheduledProcedureStepSequence
    assert (step.Modality, step.ScheduledProcedureStepStartDate) == ("CT", "")
    assert step.ScheduledProcedureStepSequence[0].PatientID == "7"
    assert asked[0x00091001].value == b"x "
    assert asked.ModalitiesInStudy == ["CT", "MR"]


@pytest.mark.parametrize(
    ("name", "given", "codec", "term"),
    [
        ("DOE*", "", "latin1", "ISO_IR 100"),
        ("Müller*", "", "latin1", "ISO_IR 100"),
        ("Иванов*", "", "iso8859_5", "ISO_IR 144"),
        ("Müller*", "", "cp1251", "ISO_IR 192"),
        ("山田*", "", "latin1", "ISO_IR 192"),
        ("王^小东", "GB18030", "latin1", "GB18030"),
        ("Yamada^Tarou=山田^太郎", "\\ISO 2022 IR 87", "latin1", ["", "ISO 2022 IR 87"]),
        ("Hong^Gildong=洪^吉洞", "\\ISO 2022 IR 149", "latin1", ["", "ISO 2022 IR 149"]),
    ],
)
def test_character_sets(
    implicit: bool, name: str, given: str, codec: str, term: str | list[str]
) -> None:
    """Names arrive whole, in the set asked for, else the store's, else UTF-8."""
    query = {PATIENT_NAME: name} | ({"00080005": given} if given else {})
    asked = arrived(query, implicit=implicit, codec=codec)
    assert asked.SpecificCharacterSet == term
    assert str(asked.PatientName) == name


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"00280010": "*"}, r"The value of 0028,0010 \(US\) is out of range: '\*'"),
        ({"00280010": "70000"}, "out of range"),
        (
            {PATIENT_NAME: "山", "00080005": "ISO_IR 100"},
            "0010,0010 has characters that 'ISO_IR 100' lacks",
        ),
        ({PATIENT_NAME: "x", "00080005": "ISO 8859"}, "cannot be 'ISO 8859'"),
        ({"0020000D": "é"}, "must be ASCII"),
        ({PATIENT_NAME: [{}]}, "must be a text"),
        ({"00400100": "x"}, r"0040,0100 \(SQ\) cannot have a text"),
        ({"00400100": ["x"]}, "must be an object"),
        ({"7FE00010": "x"}, "cannot have a text"),
    ],
)
def test_what_cannot_be_asked(query: dict[str, Any], told: str) -> None:
    """Values that their VR cannot have are refused in words, before anybody is asked."""
    with pytest.raises(BadRequest, match=told):
        identifier(query, "latin1", implicit=False)
