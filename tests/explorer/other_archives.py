# SPDX-License-Identifier: Apache-2.0
"""Archives that the store of the browser's tests asks: what they have, and how they behave."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydicom import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, build_context, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined] # made when it is imported
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from outside import Store, image
from pons_testing.scp import serving

SYNTAX = ExplicitVRLittleEndian
MODELS = (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)
OUT_OF_RESOURCES, UNKNOWN_DESTINATION = 0xA700, 0xA801
PREFIX = "1.2.826.0.1.3680043.8.498.88"


def study(number: int, name: str, *images: int) -> list[Dataset]:
    """A study with one series for each number of images."""
    uid, made = f"{PREFIX}.{number}", []
    for series, count in enumerate(images, start=1):
        for one in range(count):
            ds = image(f"R{number:03}", uid, one + 1)
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = (
                f"{uid}.{series}.{one + 1}"
            )
            ds.SeriesInstanceUID, ds.SeriesNumber = f"{uid}.{series}", series
            ds.SeriesDescription = f"Part {series}"
            ds.PatientName, ds.StudyDescription = name, "Elsewhere"
            ds.StudyDate, ds.StudyTime, ds.AccessionNumber = f"202601{number:02}", "101500", "E1"
            made.append(ds)
    return made


@dataclass
class Archive:
    """Answers by names and unique keys; each test changes how."""

    store: Store
    datasets: list[Dataset] = field(default_factory=list)
    counts: bool = True
    """Whether it tells how many images a study has."""
    refuses: bool = False
    knows_the_store: bool = True
    open: threading.Event = field(default_factory=threading.Event)
    """It answers no query before this is set."""
    moved: list[str] = field(default_factory=list)
    """Each C-MOVE or C-GET: what was asked for."""

    @contextmanager
    def serving(self, aet: str) -> Iterator[int]:
        self.open.set()
        entity = AE(aet)
        for uid in MODELS:
            entity.add_supported_context(uid, SYNTAX)
        entity.add_supported_context(CTImageStorage, SYNTAX, scu_role=True, scp_role=True)
        handlers: Any = [
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_C_MOVE, self._move),
            (evt.EVT_C_GET, self._give),
        ]
        with serving(entity, *handlers) as port:
            try:
                yield port
            finally:
                self.open.set()

    def _matching(self, keys: Dataset) -> list[Dataset]:
        name = str(keys.get("PatientName") or "").strip("*").upper()
        asked = {
            uid: keys[uid].value
            for uid in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID")
            if keys.get(uid)
        }
        return [
            ds
            for ds in self.datasets
            if name in str(ds.PatientName).upper()
            and all(ds[uid].value == value for uid, value in asked.items())
        ]

    def _find(self, event: evt.Event) -> Iterator[Any]:
        keys = event.identifier
        self.open.wait(60)
        if self.refuses:
            yield OUT_OF_RESOURCES, None
            return
        by_series = keys.QueryRetrieveLevel == "SERIES"
        unique = "SeriesInstanceUID" if by_series else "StudyInstanceUID"
        found: dict[str, list[Dataset]] = {}
        for ds in self._matching(keys):
            found.setdefault(ds[unique].value, []).append(ds)
        for all_of_it in found.values():
            answer = Dataset()
            answer.SpecificCharacterSet = "ISO_IR 100"
            answer.QueryRetrieveLevel = keys.QueryRetrieveLevel
            for element in keys:
                if element.keyword in all_of_it[0]:
                    answer[element.tag] = all_of_it[0][element.tag]
            if by_series:
                answer.NumberOfSeriesRelatedInstances = len(all_of_it)
            else:
                answer.ModalitiesInStudy = "CT"
                answer.NumberOfStudyRelatedSeries = len({ds.SeriesInstanceUID for ds in all_of_it})
                if self.counts:
                    answer.NumberOfStudyRelatedInstances = len(all_of_it)
            yield 0xFF00, answer

    def _move(self, event: evt.Event) -> Iterator[Any]:
        if not self.knows_the_store:
            self.moved.append(event.identifier.StudyInstanceUID)
            yield None, None
            return
        yield (
            "127.0.0.1",
            self.store.dicom_port,
            {"contexts": [build_context(CTImageStorage, SYNTAX)]},
        )
        yield from self._give(event)

    def _give(self, event: evt.Event) -> Iterator[Any]:
        keys = event.identifier
        self.moved.append(keys.get("SeriesInstanceUID") or keys.StudyInstanceUID)
        found = self._matching(keys)
        yield len(found)
        for ds in found:
            yield 0xFF00, ds


@contextmanager
def known(store: Store, **archives: Archive) -> Iterator[None]:
    """The store knows these archives by their names, for as long as the block runs."""
    with_ports = {}
    stack: list[Any] = []
    try:
        for name, archive in archives.items():
            stack.append(archive.serving(name.upper()))
            with_ports[name] = stack[-1].__enter__()
            described = {
                "AET": name.upper(),
                "Host": "127.0.0.1",
                "Port": with_ports[name],
                "Timeout": 120,  # it is a thread of a test on a busy machine
            }
            assert store.http.put(f"/modalities/{name}", json=described).status_code == 200
        yield
    finally:
        for name in with_ports:
            store.http.delete(f"/modalities/{name}")
        for one in reversed(stack):
            one.__exit__(None, None, None)
