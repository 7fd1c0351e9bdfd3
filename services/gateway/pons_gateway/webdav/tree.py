# SPDX-License-Identifier: Apache-2.0
"""The folders of the share, from the index: by patients, studies, dates and UIDs.

A path is resolved one segment after the other, each by an indexed look-up; long lists are read in
pages.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from starlette.responses import Response

from pons.catalog import Entry
from pons_gateway.backends import Backends
from pons_gateway.files.file_answer import dicom_file
from pons_gateway.resources.resource_json import resource_json
from pons_gateway.responses.answers import JSON_TYPE, json_answer
from pons_gateway.responses.media_types import DICOM
from pons_gateway.webdav.names import (
    full_study_name,
    meant_uid,
    numbered,
    patient_name,
    possible_ids,
    series_name,
    shown_uid,
    study_name,
)
from pons_gateway.webdav.nodes import Node

SUFFIX = ".dcm"
DAYS_END = "~"
"""Behind every digit, so behind every date that begins with what stands before it."""
YEAR, MONTH = 4, 6


def roots(backends: Backends) -> list[Node]:
    """The four folders in which resources are found."""
    return [
        Node("by-dates", listing=Years(backends)),
        Node("by-patients", listing=Patients(backends)),
        Node("by-studies", listing=Studies(backends)),
        Node("by-uids", listing=Uids(backends)),
    ]


@dataclass(frozen=True, slots=True)
class Patients:
    """Every patient; its studies below."""

    backends: Backends

    async def pages(self) -> AsyncIterator[list[Node]]:
        async for page in self.backends.catalog.browser.patients():
            yield [self._node(patient) for patient in page]

    async def find(self, name: str) -> Node | None:
        found = await self.backends.catalog.browser.patients_with_id(possible_ids(name))
        return next((self._node(one) for one in found if patient_name(one) == name), None)

    def _node(self, patient: Entry) -> Node:
        listing = StudiesOf(self.backends, patient)
        return Node(patient_name(patient), patient.modified, patient, listing)


@dataclass(frozen=True, slots=True)
class StudiesOf:
    """The studies of a patient; their series below."""

    backends: Backends
    patient: Entry

    async def pages(self) -> AsyncIterator[list[Node]]:
        studies = await self.backends.catalog.browser.studies_of([self.patient.key])
        names = numbered(map(study_name, studies))
        yield [_study(self.backends, name, one) for name, one in zip(names, studies, strict=True)]

    async def find(self, name: str) -> Node | None:
        return await _in_pages(self.pages(), name)


@dataclass(frozen=True, slots=True)
class Studies:
    """Every study, together with the others of its patient; its series below."""

    backends: Backends

    async def pages(self) -> AsyncIterator[list[Node]]:
        async for patients in self.backends.catalog.browser.patients():
            named = await _named_studies(self.backends, patients)
            yield [_study(self.backends, name, study) for name, study in named]

    async def find(self, name: str) -> Node | None:
        found = await _study_called(self.backends, name)
        return _study(self.backends, name, found) if found else None


@dataclass(frozen=True, slots=True)
class Years:
    """The years of study dates; their months below."""

    backends: Backends

    async def pages(self) -> AsyncIterator[list[Node]]:
        years = await self.backends.catalog.browser.study_date_prefixes(YEAR, "0", DAYS_END)
        yield [self._node(year) for year in years if _is_number(year, YEAR)]

    async def find(self, name: str) -> Node | None:
        if not _is_number(name, YEAR) or not await _prefixes(self.backends, YEAR, name):
            return None
        return self._node(name)

    def _node(self, year: str) -> Node:
        return Node(year, listing=Months(self.backends, year))


@dataclass(frozen=True, slots=True)
class Months:
    """The months of a year in which there are studies, as `YYYY-MM`."""

    backends: Backends
    year: str

    async def pages(self) -> AsyncIterator[list[Node]]:
        months = await _prefixes(self.backends, MONTH, self.year)
        yield [self._node(month) for month in months if _is_number(month, MONTH)]

    async def find(self, name: str) -> Node | None:
        month = name.replace("-", "", 1)
        if name != f"{self.year}-{month[YEAR:]}" or not _is_number(month, MONTH):
            return None
        return self._node(month) if await _prefixes(self.backends, MONTH, month) else None

    def _node(self, month: str) -> Node:
        name = f"{month[:YEAR]}-{month[YEAR:]}"
        return Node(name, listing=StudiesOfMonth(self.backends, month))


@dataclass(frozen=True, slots=True)
class StudiesOfMonth:
    """The studies of a month, under the names that they have among all studies."""

    backends: Backends
    month: str

    async def pages(self) -> AsyncIterator[list[Node]]:
        browser = self.backends.catalog.browser
        async for page in browser.studies_between(self.month, self.month + DAYS_END):
            patients = await browser.patients_with_key(list({study.above for study in page}))
            named = await _named_studies(self.backends, patients)
            wanted = {study.key for study in page}
            yield [_study(self.backends, name, one) for name, one in named if one.key in wanted]

    async def find(self, name: str) -> Node | None:
        found = await _study_called(self.backends, name)
        if found is None or not found.tags.get("00080020", "").startswith(self.month):
            return None
        return _study(self.backends, name, found)


@dataclass(frozen=True, slots=True)
class SeriesOf:
    """The series of a study; their instances below."""

    backends: Backends
    study: Entry

    async def pages(self) -> AsyncIterator[list[Node]]:
        series = await self.backends.catalog.browser.series_of([self.study.key])
        names = numbered(map(series_name, series))
        yield [
            Node(name, one.modified, one, InstancesOf(self.backends, one))
            for name, one in zip(names, series, strict=True)
        ]

    async def find(self, name: str) -> Node | None:
        return await _in_pages(self.pages(), name)


@dataclass(frozen=True, slots=True)
class InstancesOf:
    """The instances of a series, as files that are named by their identifiers."""

    backends: Backends
    series: Entry

    async def pages(self) -> AsyncIterator[list[Node]]:
        async for page in self.backends.catalog.browser.instances_of([self.series.key]):
            yield [_file(self.backends, one.id, one) for one in page]

    async def find(self, name: str) -> Node | None:
        identifier = name.removesuffix(SUFFIX)
        browser = self.backends.catalog.browser
        found = await browser.instance_with_id([self.series.key], identifier)
        if found is None or name != found.id + SUFFIX:
            return None
        return _file(self.backends, found.id, found)


@dataclass(frozen=True, slots=True)
class Uids:
    """Every StudyInstanceUID; below it `study.json` and the UIDs of its series."""

    backends: Backends

    async def pages(self) -> AsyncIterator[list[Node]]:
        async for page in self.backends.catalog.browser.studies_by_uid():
            yield [self._node([study]) for study in page]

    async def find(self, name: str) -> Node | None:
        studies = await self.backends.catalog.browser.studies_with_uid(meant_uid(name))
        return self._node(studies) if studies else None

    def _node(self, studies: Sequence[Entry]) -> Node:
        first = studies[0]
        listing = SeriesUids(self.backends, tuple(studies))
        return Node(shown_uid(first.tags["0020000D"]), first.modified, first, listing)


@dataclass(frozen=True, slots=True)
class SeriesUids:
    """`study.json` and the SeriesInstanceUIDs of the studies that share a UID: one, as a rule."""

    backends: Backends
    studies: tuple[Entry, ...]

    async def pages(self) -> AsyncIterator[list[Node]]:
        series = await self.backends.catalog.browser.series_of([one.key for one in self.studies])
        described = await _description(self.backends, "study.json", self.studies[0])
        yield [*described, *self._nodes(series)]

    async def find(self, name: str) -> Node | None:
        return await _in_pages(self.pages(), name)

    def _nodes(self, series: Iterable[Entry]) -> list[Node]:
        by_uid: dict[str, list[Entry]] = {}
        for one in series:
            by_uid.setdefault(shown_uid(one.tags["0020000E"]), []).append(one)
        return [
            Node(uid, same[0].modified, same[0], InstanceUids(self.backends, tuple(same)))
            for uid, same in by_uid.items()
        ]


@dataclass(frozen=True, slots=True)
class InstanceUids:
    """`series.json`, and instances as files that are named by their SOPInstanceUIDs."""

    backends: Backends
    series: tuple[Entry, ...]

    async def pages(self) -> AsyncIterator[list[Node]]:
        yield await _description(self.backends, "series.json", self.series[0])
        async for page in self.backends.catalog.browser.instances_of(self._keys):
            yield [_file(self.backends, shown_uid(one.tags["00080018"]), one) for one in page]

    async def find(self, name: str) -> Node | None:
        if name == "series.json":
            return next(iter(await _description(self.backends, name, self.series[0])), None)
        uid = name.removesuffix(SUFFIX)
        if uid == name:
            return None
        browser = self.backends.catalog.browser
        found = await browser.instance_with_uid(self._keys, meant_uid(uid))
        return _file(self.backends, uid, found) if found else None

    @property
    def _keys(self) -> list[int]:
        return [one.key for one in self.series]


def _study(backends: Backends, name: str, study: Entry) -> Node:
    return Node(name, study.modified, study, SeriesOf(backends, study))


def _file(backends: Backends, stem: str, instance: Entry) -> Node:
    name = stem + SUFFIX
    read = partial(dicom_file, instance.id, instance.id + SUFFIX, backends)
    return Node(name, instance.modified, instance, size=instance.size, media_type=DICOM, read=read)


async def _description(backends: Backends, name: str, entry: Entry) -> list[Node]:
    """A file with the resource as REST describes it; none when it has just gone."""
    resource = await backends.catalog.find(entry.level, entry.id)
    if resource is None:
        return []
    answer = json_answer(resource_json(resource))

    async def read() -> Response:
        return answer

    media_type = JSON_TYPE[1].decode()
    size = len(answer.body)
    return [Node(name, entry.modified, size=size, media_type=media_type, read=read)]


async def _named_studies(backends: Backends, patients: Sequence[Entry]) -> list[tuple[str, Entry]]:
    """The studies of the patients under their full names, patient by patient."""
    by_patient: dict[int, list[Entry]] = {}
    for study in await backends.catalog.browser.studies_of([one.key for one in patients]):
        by_patient.setdefault(study.above, []).append(study)
    named: list[tuple[str, Entry]] = []
    for patient in patients:
        studies = by_patient.get(patient.key, [])
        names = numbered(full_study_name(patient, study) for study in studies)
        named += zip(names, studies, strict=True)
    return named


async def _study_called(backends: Backends, name: str) -> Entry | None:
    patients = await backends.catalog.browser.patients_with_id(possible_ids(name))
    named = await _named_studies(backends, patients)
    return next((study for other, study in named if other == name), None)


async def _prefixes(backends: Backends, length: int, beginning: str) -> list[str]:
    browser = backends.catalog.browser
    return await browser.study_date_prefixes(length, beginning, beginning + DAYS_END)


async def _in_pages(pages: AsyncIterator[list[Node]], name: str) -> Node | None:
    async for page in pages:
        for node in page:
            if node.name == name:
                return node
    return None


def _is_number(text: str, length: int) -> bool:
    return len(text) == length and text.isascii() and text.isdigit()
