# SPDX-License-Identifier: Apache-2.0
"""The command `FindModality`: what modalities answer, kept for any process."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined] # made when it is imported
    ModalityWorklistInformationFind,
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
)

from pons.bus import Bus
from pons.errors import NotFound, RemoteFailure, Unavailable
from pons.lua.scripts import Scripts, open_scripts
from pons.messages.egress import AnsweredQuery, FindModality
from pons.remotes.live import open_live
from pons.remotes.modalities import open_modalities
from pons.remotes.queries import PAGE, Queries
from pons.settings import LuaSettings, Settings
from pons_egress.scu.find import Find
from pons_egress.scu.threads import open_threads
from pons_testing.scp import serving

pytestmark = pytest.mark.anyio

MODELS = (
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
    ModalityWorklistInformationFind,
)
Answers = Iterator[tuple[int, Dataset | None]]


@dataclass
class Archive:
    """A C-FIND SCP, and what it was asked."""

    port: int = 0
    answers: Callable[[Dataset], Answers] = lambda _: iter(())
    asked: list[tuple[str, str, Dataset]] = field(default_factory=list)
    """Calling AE title, information model and identifier of each request."""

    def find(self, event: evt.Event) -> Answers:
        identifier = event.identifier
        model = event.request.AffectedSOPClassUID.keyword
        self.asked.append((event.assoc.requestor.ae_title, model, identifier))
        yield from self.answers(identifier)


@contextmanager
def archive(answers: Callable[[Dataset], Answers], *syntaxes: str) -> Iterator[Archive]:
    entity, one = AE("PEER"), Archive(answers=answers)
    for model in MODELS:
        entity.add_supported_context(model, list(syntaxes) or [ImplicitVRLittleEndian])
    with serving(entity, (evt.EVT_C_FIND, one.find)) as one.port:
        yield one


@dataclass
class Asking:
    """Egress' handler, and the queries that it keeps."""

    find: Find
    queries: Queries

    async def answers(self, query: AnsweredQuery) -> list[dict[str, Any]]:
        return [
            msgspec.json.decode(answer)
            async for page in self.queries.pages(query)
            for answer in page
        ]


@asynccontextmanager
async def asking(
    bus: Bus, port: int, /, scripts: Scripts | None = None, **queries: Any
) -> AsyncIterator[Asking]:
    described = {"AET": "PEER", "Host": "127.0.0.1", "Port": port, "LocalAet": "", "Timeout": 5}
    settings = Settings(modalities={"pacs": described}, queries=queries)
    async with (
        open_modalities(bus, settings) as modalities,
        open_live(bus, settings, "jobs") as live,
        open_threads(settings.egress) as threads,
    ):
        kept = Queries(bus, settings.queries)
        for query_id in await kept.ids():
            await kept.delete(query_id)
        yield Asking(Find(threads, kept, modalities, live, settings, scripts), kept)


def study(number: int, **elements: Any) -> Dataset:
    dataset = Dataset()
    dataset.QueryRetrieveLevel = "STUDY"
    dataset.PatientID = f"P{number}"
    dataset.StudyInstanceUID = f"1.2.{number}"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def studies(count: int, **elements: Any) -> Callable[[Dataset], Answers]:
    def answers(_: Dataset) -> Answers:
        for number in range(count):
            yield 0xFF00, study(number, **elements)

    return answers


def ending(status: int, comment: str = "") -> Callable[[Dataset], Answers]:
    def answers(_: Dataset) -> Answers:
        yield 0xFF00, study(1)
        last: Any = Dataset()
        last.Status = status
        if comment:
            last.ErrorComment = comment
        yield last, None

    return answers


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
async def test_answers_are_kept(bus: Bus, syntax: str) -> None:
    """What a modality answers is there for any process, with where to retrieve it from."""
    with archive(studies(2, RetrieveAETitle=""), syntax) as peer:
        async with asking(bus, peer.port) as egress:
            query = await egress.find(FindModality("pacs", "Study", {"00100010": "DOE*"}))
            assert await egress.queries.ids() == [query.id]
            assert await egress.queries.get(query.id) == query
            answers = await egress.answers(query)
            last = msgspec.json.decode(await egress.queries.answer(query, 1))
            with pytest.raises(NotFound, match="has 2 answers"):
                await egress.queries.answer(query, 2)
    assert (query.count, query.modality, query.level) == (2, "pacs", "Study")
    assert query.query == {"00100010": "DOE*"}
    assert answers[0]["0020000D"] == {"vr": "UI", "Value": ["1.2.0"]}
    assert answers[0]["00080054"] == {"vr": "AE", "Value": ["PEER"]}
    assert last == answers[1]
    ((caller, model, asked),) = peer.asked
    assert (caller, model) == ("PONS", "StudyRootQueryRetrieveInformationModelFind")
    assert (asked.QueryRetrieveLevel, asked.PatientName) == ("STUDY", "DOE*")


async def test_scripts_change_what_is_asked(bus: Bus, tmp_path: Path) -> None:
    """`OutgoingFindRequestFilter` sees query and modality; where it fails, nothing is asked."""
    file = tmp_path / "filter.lua"
    file.write_text("""
    function OutgoingFindRequestFilter(query, modality)
        if query['0010,0010'] == 'WRONG' then error('why') end
        query['0010,0010'] = nil
        query.PatientID = modality.AET .. modality.Manufacturer .. query['0008,0052']
        return query
    end
    """)
    with archive(studies(1)) as peer:
        async with (
            open_scripts(LuaSettings(scripts=[str(file)]), {}) as scripts,
            asking(bus, peer.port, scripts) as egress,
        ):
            query = await egress.find(FindModality("pacs", "Study", {"00100010": "DOE*"}))
            with pytest.raises(Unavailable, match="OutgoingFindRequestFilter"):
                await egress.find(FindModality("pacs", "Study", {"00100010": "WRONG"}))
    assert query.query == {"00100010": "DOE*"}
    ((_, _, asked),) = peer.asked
    assert asked.PatientID == "PEERGenericSTUDY"
    assert "PatientName" not in asked


async def test_where_to_retrieve_from_is_the_modality_s_to_say(bus: Bus) -> None:
    """An AE title that it tells stays."""
    with archive(studies(1, RetrieveAETitle="OTHER")) as peer:
        async with asking(bus, peer.port) as egress:
            query = await egress.find(FindModality("pacs", "Study", {}))
            (answer,) = await egress.answers(query)
    assert answer["00080054"]["Value"] == ["OTHER"]


async def test_patients_are_asked_for_at_patient_root(bus: Bus) -> None:
    """Patients have an information model of their own."""
    with archive(studies(0)) as peer:
        async with asking(bus, peer.port) as egress:
            query = await egress.find(FindModality("pacs", "Patient", {}))
            assert (query.counts, await egress.answers(query)) == ([], [])
    assert peer.asked[0][1] == "PatientRootQueryRetrieveInformationModelFind"


async def test_worklists(bus: Bus) -> None:
    """Sequences come and go; nothing is added to an answer."""

    def answers(_: Dataset) -> Answers:
        entry, step = Dataset(), Dataset()
        step.Modality = "CT"
        entry.PatientID = "P1"
        entry.ScheduledProcedureStepSequence = [step]
        yield 0xFF01, entry

    with archive(answers) as peer:
        async with asking(bus, peer.port) as egress:
            keys = {"00400100": [{"00080060": "CT"}]}
            query = await egress.find(FindModality("pacs", "Worklist", keys, keep=False))
            assert await egress.queries.ids() == []
            (answer,) = await egress.answers(query)
            await egress.queries.drop_pages(query)
            with pytest.raises(NotFound, match="not there any more"):
                await egress.answers(query)
    assert answer == {
        "00100020": {"vr": "LO", "Value": ["P1"]},
        "00400100": {"vr": "SQ", "Value": [{"00080060": {"vr": "CS", "Value": ["CT"]}}]},
    }
    assert peer.asked[0][2].ScheduledProcedureStepSequence[0].Modality == "CT"


async def test_names_in_any_character_set(bus: Bus) -> None:
    """Answers are read by the character set that they name."""

    def answers(_: Dataset) -> Answers:
        for term, name in (
            ("ISO_IR 192", "Müller^Jürgen"),
            (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"),
            ("GB18030", "王^小东"),
        ):
            yield 0xFF00, study(1, SpecificCharacterSet=term, PatientName=name)

    with archive(answers) as peer:
        async with asking(bus, peer.port) as egress:
            query = await egress.find(FindModality("pacs", "Study", {}))
            names = [answer["00100010"]["Value"][0] for answer in await egress.answers(query)]
    assert names == [
        {"Alphabetic": "Müller^Jürgen"},
        {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"},
        {"Alphabetic": "王^小东"},
    ]


async def test_many_answers_are_paged(bus: Bus) -> None:
    """However many answers there are, no message is larger than a page, and all are there."""
    with archive(studies(300, StudyComments="x" * 2000)) as peer:
        async with asking(bus, peer.port) as egress:
            query = await egress.find(FindModality("pacs", "Study", {}))
            assert (query.count, len(query.counts)) == (300, 3)
            sizes = [sum(map(len, page)) async for page in egress.queries.pages(query)]
            answers = await egress.answers(query)
            assert msgspec.json.decode(await egress.queries.answer(query, 299)) == answers[299]
    assert max(sizes) <= PAGE
    assert [answer["00100020"]["Value"] for answer in answers] == [[f"P{i}"] for i in range(300)]


async def test_more_answers_than_allowed(bus: Bus) -> None:
    """A query without end is broken off and fails, and leaves nothing behind."""

    def answers(_: Dataset) -> Answers:
        while True:
            yield 0xFF00, study(1, StudyComments="x" * 10000)

    with archive(answers) as peer:
        async with asking(bus, peer.port, answers_mb=1) as egress:
            with pytest.raises(RemoteFailure, match="answers with more than 1 MB"):
                await egress.find(FindModality("pacs", "Study", {}))
            assert await egress.queries.ids() == []


async def test_old_queries_go(bus: Bus) -> None:
    """Only the newest ones stay, with their answers; of the others there is not even a mark."""

    async def messages() -> int:
        info = await bus.stream.stream_info(f"KV_{bus.names.queries_bucket}")
        return info.state.messages

    with archive(studies(1)) as peer:
        async with asking(bus, peer.port, kept=2) as egress:
            before = await messages()
            queries = [await egress.find(FindModality("pacs", "Study", {})) for _ in range(3)]
            assert await egress.queries.ids() == [query.id for query in queries[1:]]
            assert await messages() == before + 4
            with pytest.raises(NotFound):
                await egress.answers(queries[0])
            await egress.queries.delete(queries[1].id)
            await egress.queries.delete(queries[1].id)
            assert await egress.queries.ids() == [queries[2].id]
            assert await messages() == before + 2


@pytest.mark.parametrize(
    ("status", "comment", "told"),
    [
        (0xA700, "", "ended C-FIND with status 0xA700: Refused: Out of Resources"),
        (0xA900, "no such key", r"status 0xA900: Identifier .*\(no such key\)"),
        (0xFE00, "", "status 0xFE00: Cancel"),
        (0xB001, "", "status 0xB001"),
    ],
)
async def test_a_modality_that_fails(bus: Bus, status: int, comment: str, told: str) -> None:
    """Anything but success means that answers are missing: it is told, and none are kept."""
    with archive(ending(status, comment)) as peer:
        async with asking(bus, peer.port) as egress:
            with pytest.raises(RemoteFailure, match=told) as error:
                await egress.find(FindModality("pacs", "Study", {}))
            assert await egress.queries.ids() == []
    content = {"DimseErrorStatus": status}
    assert error.value.told == {"ErrorPayload": {"Type": "Dimse", "Content": content}}


async def test_an_answer_that_cannot_be_read(bus: Bus) -> None:
    """Bytes that are no data set are told as such."""
    damaged = study(1)
    tag = Tag(0x00420011)
    damaged[tag] = RawDataElement(tag, "OB", 0xFFFFFFFF, b"no fragment of it", 0, True, True)

    def answers(_: Dataset) -> Answers:
        yield 0xFF00, damaged

    with archive(answers) as peer:
        async with asking(bus, peer.port) as egress:
            with pytest.raises(RemoteFailure, match="sends an answer that cannot be read"):
                await egress.find(FindModality("pacs", "Study", {}))


async def test_the_callers_title(bus: Bus) -> None:
    """`LocalAet` of a request wins over the settings."""
    with archive(studies(0)) as peer:
        async with asking(bus, peer.port) as egress:
            await egress.find(FindModality("pacs", "Study", {}, local_aet="MINE"))
    assert peer.asked[0][0] == "MINE"


async def test_an_unknown_modality(bus: Bus) -> None:
    """An unknown name is NotFound."""
    async with asking(bus, 1) as egress:
        with pytest.raises(NotFound, match="'nobody'"):
            await egress.find(FindModality("nobody", "Study", {}))
