# SPDX-License-Identifier: Apache-2.0
"""Modality worklist by pynetdicom, from entries that a test gives and from a folder."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pynetdicom import AE
from structlog.testing import capture_logs

from pons.catalog.worklists import KeptWorklist
from pons.errors import Unavailable
from pons.settings import FindSettings, Settings, WorklistsSettings
from pons_ingress.service_classes import MODALITY_WORKLIST_FIND, STUDY_ROOT_FIND, Permission
from pons_ingress.worklist import Worklist

StartPort = Callable[..., Any]
PENDING, SUCCESS, CANCELLED = 0xFF00, 0x0000, 0xFE00
MOMENT = datetime(2024, 1, 2, tzinfo=UTC)


def entry(name: str = "Doe^Jané", station: str = "CT1", **more: Any) -> dict[str, Any]:
    step = {
        "00080060": {"vr": "CS", "Value": ["CT"]},
        "00400001": {"vr": "AE", "Value": [station]},
        "00400002": {"vr": "DA", "Value": ["20240105"]},
    }
    return {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": name}]},
        "00100020": {"vr": "LO", "Value": ["P1"]},
        "00400100": {"vr": "SQ", "Value": [step]},
        **more,
    }


class GivenEntries:
    """Stands in for the catalog: gives pages, remembers the days, fails, or never ends."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = [entry()]
        self.days: list[tuple[str, str]] = []
        self.failure: Exception | None = None
        self.endless = False

    async def pages(self, first_day: str, last_day: str) -> AsyncIterator[list[KeptWorklist]]:
        self.days.append((first_day, last_day))
        if self.failure is not None:
            raise self.failure
        page = [
            KeptWorklist(UUID(int=1), msgspec.json.encode(e), MOMENT, MOMENT) for e in self.entries
        ]
        yield page
        while self.endless:
            yield page


class Served:
    """A port with entries behind its worklist, and a modality that asks it."""

    def __init__(
        self, start_port: StartPort, find: dict[str, Any] | None = None, **worklists: Any
    ) -> None:
        self.kept = GivenEntries()
        self.codec = "latin1"
        settings = Settings(
            worklists=WorklistsSettings(**worklists), find=FindSettings(**(find or {}))
        )
        service = Worklist(self.kept, settings, lambda: self.codec)
        self.port = start_port(
            more_services={Permission.FIND_WORKLIST: service}, always_allow_find_worklist=True
        )

    def associate(self, called: str = "PONS", syntax: str = "1.2.840.10008.1.2") -> Any:
        entity = AE("CT1")
        entity.add_requested_context(MODALITY_WORKLIST_FIND, syntax)
        assoc = entity.associate("127.0.0.1", self.port.number, ae_title=called)
        assert assoc.is_established
        return assoc

    def ask(self, ds: Dataset | None = None, **how: str) -> tuple[list[int], list[Dataset], str]:
        """The statuses, the identifiers, and the comment of the last response."""
        assoc = self.associate(**how)
        try:
            responses = list(assoc.send_c_find(ds or query(), MODALITY_WORKLIST_FIND))
        finally:
            assoc.release()
        statuses = [status.Status for status, _ in responses]
        comment = responses[-1][0].get("ErrorComment", "")
        return statuses, [found for _, found in responses if found is not None], comment

    def names(self, ds: Dataset | None = None, **how: str) -> list[str]:
        statuses, answers, _ = self.ask(ds, **how)
        assert statuses == [PENDING] * len(answers) + [SUCCESS]
        return [str(answer.PatientName) for answer in answers]


def query(name: str = "", **step: str) -> Dataset:
    asked = Dataset()
    asked.PatientName = name
    if name and not name.isascii():
        asked.SpecificCharacterSet = "ISO_IR 192"
    asked.PatientID = ""
    asked.StudyInstanceUID = ""
    item = Dataset()
    for keyword, value in {"Modality": "", "ScheduledStationAETitle": "", **step}.items():
        tag = tag_for_keyword(keyword) or 0
        item.add(DataElement(tag, dictionary_VR(tag), value, validation_mode=IGNORE))
    asked.ScheduledProcedureStepSequence = [item]
    return asked


@pytest.fixture
def served(start_port: StartPort) -> Served:
    return Served(start_port)


@pytest.mark.parametrize("syntax", [f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".1.99", ".2")])
def test_answers(served: Served, syntax: str) -> None:
    """An answer has what was asked for, empty where there is none, in every transfer syntax."""
    statuses, (answer,), _ = served.ask(query("doe*", Modality="CT"), syntax=syntax)
    assert statuses == [PENDING, SUCCESS]
    assert str(answer.PatientName) == "Doe^Jané"
    assert (answer.PatientID, answer.StudyInstanceUID) == ("P1", "")
    assert answer.SpecificCharacterSet == "ISO_IR 100"
    (step,) = answer.ScheduledProcedureStepSequence
    assert (step.Modality, step.ScheduledStationAETitle) == ("CT", "CT1")
    assert "ScheduledProcedureStepStartDate" not in step


def test_what_does_not_match_is_not_answered(served: Served) -> None:
    """One final response, of success."""
    assert served.ask(query("Roe*"))[:2] == ([SUCCESS], [])
    assert served.ask(query(Modality="MR"))[:2] == ([SUCCESS], [])


def test_only_the_days_that_are_asked_for_are_read(served: Served) -> None:
    """The catalog is told which."""
    served.ask(query(ScheduledProcedureStepStartDate="20240105-"))
    assert served.kept.days == [("20240105", "")]


def test_names_in_another_character_set_are_found(served: Served) -> None:
    """The query may have another one than the store, and the answer has the store's."""
    assert served.names(query("doe^jané")) == ["Doe^Jané"]
    served.codec = "ascii"
    assert served.names() == ["Doe^Jan"]
    served.codec = "utf8"
    assert served.names() == ["Doe^Jané"]


def test_answers_in_the_character_set_of_the_entry(start_port: StartPort) -> None:
    """Where it is set so: nothing is lost, whatever the store's own is."""
    served = Served(start_port, charset="entry")
    served.codec = "ascii"

    def of(name: str, *terms: str | None) -> dict[str, Any]:
        named = {"00080005": {"vr": "CS", "Value": list(terms)}} if terms else {}
        return {**named, **entry(name)}

    served.kept.entries = [
        of("Jané", "ISO_IR 100"),
        of("Łukasz", "ISO_IR 100"),
        of("Łukasz"),
        of("Jane"),
        of("Yamada=山田", None, "ISO 2022 IR 87"),
    ]
    _, answers, _ = served.ask()
    assert [str(one.PatientName) for one in answers] == [
        "Jané",
        "Łukasz",
        "Łukasz",
        "Jane",
        "Yamada=山田",
    ]
    assert [one.SpecificCharacterSet for one in answers] == [
        "ISO_IR 100",
        "ISO_IR 192",
        "ISO_IR 192",
        "ISO_IR 6",
        ["", "ISO 2022 IR 87"],
    ]


def test_a_modality_sees_its_own_steps(start_port: StartPort) -> None:
    """With the filter, by the AE title that calls."""
    served = Served(start_port, filter_station=True)
    served.kept.entries = [entry("A"), entry("B", station="MR1")]
    assert served.names() == ["A"]


def test_the_number_of_answers_is_bounded(start_port: StartPort) -> None:
    """Whoever asks hears that there are more."""
    served = Served(start_port, limit_answers=2)
    served.kept.entries = [entry()] * 3
    statuses, answers, comment = served.ask()
    assert statuses == [PENDING, PENDING, CANCELLED]
    assert len(answers) == 2
    assert "more than 2" in comment


def test_case_counts_where_it_is_set(start_port: StartPort) -> None:
    """The same setting as of other queries."""
    served = Served(start_port, find={"case_sensitive_pn": True})
    assert served.names(query("doe*")) == []
    assert served.names(query("Doe*")) == ["Doe^Jané"]


def test_a_query_that_cannot_be_asked_is_refused(served: Served) -> None:
    """With the attribute that is wrong: an empty list would mean that nothing is scheduled."""
    statuses, _, comment = served.ask(query(ScheduledProcedureStepStartDate="2024*"))
    assert statuses == [0xA900]
    assert "0040,0002" in comment


def test_a_database_that_is_away_is_told(served: Served) -> None:
    """It is no empty list."""
    served.kept.failure = Unavailable("The database does not answer")
    statuses, _, comment = served.ask()
    assert statuses == [0xC000]
    assert "database" in comment


def test_an_entry_that_cannot_be_written_hides_no_other(served: Served) -> None:
    """Of a file, whose numbers may be wrong: the log tells it."""
    odd = entry("A") | {"001021C0": {"vr": "US", "Value": [70000]}}
    served.kept.entries = [odd, entry("B")]
    asked = query()
    asked.PregnancyStatus = None
    with capture_logs() as logs:
        assert served.names(asked) == ["B"]
    assert [line["event"] for line in logs if line["log_level"] == "error"] == [
        "worklist entry cannot be written"
    ]


def test_a_query_can_be_cancelled(served: Served) -> None:
    """Answers end soon after C-CANCEL."""
    served.kept.endless = True
    assoc = served.associate()
    statuses = []
    for status, _ in assoc.send_c_find(query(), MODALITY_WORKLIST_FIND, msg_id=7):
        statuses.append(status.Status)
        if len(statuses) == 5:
            assoc.send_c_cancel(7, query_model=MODALITY_WORKLIST_FIND)
    assoc.release()
    assert statuses[-1] == CANCELLED
    assert set(statuses[:-1]) == {PENDING}


def test_an_unknown_modality_is_not_served(start_port: StartPort) -> None:
    """Unless the settings open the worklist to all, and then nothing else with it."""
    kept: Any = GivenEntries()
    service = Worklist(kept, Settings(), lambda: "latin1")
    closed = start_port(more_services={Permission.FIND_WORKLIST: service})
    entity = AE("CT1")
    entity.add_requested_context(MODALITY_WORKLIST_FIND)
    assoc = entity.associate("127.0.0.1", closed.number)
    if assoc.is_established:
        statuses = [s.Status for s, _ in assoc.send_c_find(query(), MODALITY_WORKLIST_FIND)]
        assoc.release()
        assert statuses == [0x0124]
    served = Served(start_port)
    entity = AE("CT1")
    entity.add_requested_context(STUDY_ROOT_FIND)
    assert not entity.associate("127.0.0.1", served.port.number).is_established


def test_a_folder_is_served_beside_the_store(start_port: StartPort, tmp_path: Path) -> None:
    """Files for everybody, and those for who calls an AE title; changes are seen at once."""
    served = Served(start_port, folder=tmp_path)
    (tmp_path / "OTHER").mkdir()
    written("FILE", tmp_path / "a.wl")
    written("OF OTHER", tmp_path / "OTHER" / "b.wl")
    written("NO ENTRY", tmp_path / "c.txt")
    assert served.names() == ["Doe^Jané", "FILE"]
    assert served.names(called="OTHER") == ["Doe^Jané", "FILE", "OF OTHER"]
    (tmp_path / "a.wl").unlink()
    written("NEW", tmp_path / "d.wl")
    assert served.names() == ["Doe^Jané", "NEW"]
    assert served.names(called="..") == ["Doe^Jané", "NEW"]


def written(name: str, path: Path) -> None:
    ds = Dataset()
    ds.PatientName = name
    ds.ScheduledProcedureStepSequence = [Dataset()]
    ds.ScheduledProcedureStepSequence[0].Modality = "CT"
    ds.save_as(path, implicit_vr=False, little_endian=True)


def test_a_folder_that_is_not_there_is_told(start_port: StartPort, tmp_path: Path) -> None:
    """Nobody hears that nothing is scheduled because a disk is missing."""
    served = Served(start_port, folder=tmp_path / "gone")
    statuses, answers, comment = served.ask()
    assert statuses == [PENDING, 0xC000]
    assert len(answers) == 1
    assert "folder" in comment
