# SPDX-License-Identifier: Apache-2.0
"""Which files an archive has, and what each is called; read series by series."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from pons.catalog import Archive, ArchivedInstance, ArchivedSeries, Headers, StoredObject
from pons.jobs import ArchiveRequest
from pons_render.archive.names import Folder, Naming, numbers


class Catalog(Protocol):
    """What archives ask of the index."""

    archive: Archive
    headers: Headers

    async def find_object(self, instance_id: str) -> StoredObject | None: ...


MEDIA_FOLDER = "IMAGES"


@dataclass(frozen=True, slots=True)
class File:
    """An instance with its name in the ZIP."""

    name: str
    instance: ArchivedInstance


async def files_of(
    request: ArchiveRequest, catalog: Catalog, series: list[ArchivedSeries]
) -> AsyncIterator[File]:
    """The files of an archive or a medium, in the order of `series`, whose instances are read one
    series after the other."""
    names = MediaNames() if request.media else ArchiveNames(Naming(request.utf8))
    for one in series:
        instances = await catalog.archive.instances(one, request.resources)
        for instance, name in zip(instances, names.of(one, instances), strict=True):
            yield File(name, instance)


class MediaNames:
    """Names that fit DICOM's rules for media: eight characters, capitals and digits."""

    def __init__(self) -> None:
        self._count = 0

    def of(self, _series: ArchivedSeries, instances: list[ArchivedInstance]) -> list[str]:
        first, self._count = self._count, self._count + len(instances)
        return [f"{MEDIA_FOLDER}/IM{number}" for number in range(first, self._count)]


class ArchiveNames:
    """A folder for each patient, study and series; needs those of one parent after each other."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._root = Folder()
        self._patient: tuple[int, Folder] | None = None
        self._study: tuple[int, Folder] | None = None

    def of(self, series: ArchivedSeries, instances: list[ArchivedInstance]) -> list[str]:
        if self._patient is None or self._patient[0] != series.patient_key:
            name = self._naming.patient(series.patient_tags)
            self._patient = series.patient_key, self._root.folder(name)
        if self._study is None or self._study[0] != series.study_key:
            name = self._naming.study(series.study_tags)
            self._study = series.study_key, self._patient[1].folder(name)
        folder = self._study[1].folder(self._naming.series(series.tags))
        given = numbers([instance.index_in_series for instance in instances])
        return [folder.path + self._naming.file(series.tags, number) for number in given]
