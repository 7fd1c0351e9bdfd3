# SPDX-License-Identifier: Apache-2.0
"""A store to send from, peers to send to, and an index that keeps the exports log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid
from pynetdicom import AllStoragePresentationContexts

from pons.bus import Bus
from pons.bus.requests import answer_commands
from pons.catalog import InstanceToSend
from pons.dicom.identity import ResourceIds, resource_ids
from pons.dicom.transfer_syntaxes import TRANSFER_SYNTAXES
from pons.errors import PonsError
from pons.ingest import Stored
from pons.jobs import (
    Handler,
    Job,
    Jobs,
    RetrieveRequest,
    StoreRequest,
    Worker,
    submit_retrieve,
    submit_store,
)
from pons.jobs.retrieve import Identifier
from pons.jobs.store import JOB_TYPE, WORKER
from pons.messages.events import Origin
from pons.messages.index import Export, LogExports
from pons.messages.modality import Modality
from pons.messages.services import Done
from pons.objects import Body, FileObjects, Spool, new_key
from pons.objects.bodies import freed
from pons.remotes.modalities import open_modalities
from pons.sending.convert import Decompress
from pons.settings import DicomSettings, EgressSettings, JobsSettings, Settings
from pons_egress.outgoing import OutgoingFilter
from pons_egress.retrieval import Getting, Moving
from pons_egress.scu.arrivals import Arrivals
from pons_egress.scu.threads import open_threads
from pons_egress.store import Commit, ModalityStore
from pons_testing.jobs import until_state
from pons_testing.object_folders import Lend
from pons_testing.pynetdicom_faults import close_every_socket
from pons_testing.storage_scp import listening
from pons_testing.streams import serving_streams
from pons_testing.waiting import PATIENCE

from .committed import shelf as shelf

close_every_socket()


class Store:
    """Objects in a folder, and a catalog that knows them."""

    def __init__(self, folder: Path) -> None:
        self.objects = FileObjects(folder, "main", fsync=False)
        self.instances: list[InstanceToSend] = []
        self.contents: list[bytes] = []
        self.archive: Any = self

    async def add(self, content: bytes, dataset: Dataset, **changes: Any) -> InstanceToSend:
        """Keep the file `content`, whose identifiers `dataset` has."""
        key = new_key()
        await self.objects.put(key, content)
        uids = (dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
        ids = resource_ids(dataset.PatientID, *uids)
        known: dict[str, Any] = {
            "instance_id": ids.instance,
            "parents": ("patient", "study", "series"),
            "object_key": key,
            "size": len(content),
            "stored_size": len(content),
            "compression": "",
            "transfer_syntax": str(dataset.file_meta.TransferSyntaxUID),
            "sop_class_uid": str(dataset.SOPClassUID),
            "sop_instance_uid": str(dataset.SOPInstanceUID),
            "series_uid": str(dataset.SeriesInstanceUID),
            "study_uid": str(dataset.StudyInstanceUID),
            "patient_id": dataset.PatientID,
        }
        instance = InstanceToSend(**{**known, **changes})
        self.instances.append(instance)
        self.contents.append(content)
        return instance

    async def add_dataset(self, dataset: Dataset) -> InstanceToSend:
        return await self.add(file_of(dataset), dataset)

    async def instances_to_send(self, resource_ids: list[str]) -> list[InstanceToSend]:
        """As the catalog; the resource `study` is everything."""
        return [i for i in self.instances if {"study", i.instance_id} & set(resource_ids)]

    async def known(self, identifiers: list[str]) -> set[str]:
        return {"study", *(i.instance_id for i in self.instances)} & set(identifiers)


@pytest.fixture
async def store(tmp_path: Path, lend_objects: Lend) -> AsyncIterator[Store]:
    lend_objects(tmp_path, "main")
    store = Store(tmp_path)
    yield store
    await store.objects.close()


def image(number: int = 1, syntax: str = ExplicitVRLittleEndian, **elements: Any) -> Dataset:
    """A small CT image."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = f"1.2.3.4.{number}"
    dataset.StudyInstanceUID = "1.2.3"
    dataset.SeriesInstanceUID = "1.2.3.4"
    dataset.PatientID = "P1"
    dataset.PatientName = "DOE^JANE"
    dataset.InstanceNumber = number
    dataset.Rows = dataset.Columns = 8
    dataset.BitsAllocated = 16
    dataset.PixelRepresentation = 0
    dataset.PixelData = bytes(range(128))
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.ImplementationClassUID = generate_uid()
    return dataset


def file_of(dataset: Dataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@dataclass
class Index:
    """What was told to the exports log."""

    told: list[LogExports] = field(default_factory=list)

    @property
    def exports(self) -> list[Export]:
        return [export for command in self.told for export in command.exports]

    async def log(self, command: LogExports) -> Done:
        self.told.append(command)
        return Done()


@pytest.fixture
async def index(bus: Bus) -> Index:
    index = Index()
    await answer_commands(bus, "index", {LogExports: index.log})
    return index


class Sender:
    """Egress' job at work, and the gateway's way to ask for it."""

    def __init__(self, bus: Bus, settings: Settings) -> None:
        self.jobs = Jobs(bus, settings.jobs)
        self._aet = settings.dicom.aet

    async def submit(self, at: int, /, *resources: str, **fields: Any) -> str:
        modality = Modality("PEER", "127.0.0.1", at)
        request = StoreRequest("pacs", list(resources) or ["study"], **fields)
        return await submit_store(self.jobs, request, modality, self._aet)

    async def send(self, at: int, /, *resources: str, **fields: Any) -> Job:
        """Send to the peer at port `at`, and wait for the end."""
        return await self.jobs.wait_for(await self.submit(at, *resources, **fields), 60)

    async def until(self, job_id: str, state: str) -> None:
        """Wait until the job is in `state`."""
        await until_state(self.jobs, job_id, state)


@asynccontextmanager
async def sending(
    bus: Bus,
    store: Store,
    port: int,
    *,
    kind: str = WORKER,
    jobs: JobsSettings | None = None,
    commit: Commit | None = None,
    outgoing: OutgoingFilter | None = None,
    dicom: DicomSettings | None = None,
    decompress: Decompress | None = None,
    egress: EgressSettings | None = None,
    **modality: Any,
) -> AsyncIterator[Sender]:
    """Egress' worker of a kind, with one modality, `pacs`, at `port`."""
    described = {"AET": "PEER", "Host": "127.0.0.1", "Port": port, **modality}
    settings = Settings(
        modalities={"pacs": described},
        jobs=jobs or JobsSettings(),
        dicom=dicom or DicomSettings(),
        egress=egress or EgressSettings(),
    )
    async with open_modalities(bus, settings) as modalities, asyncio.TaskGroup() as group:
        handler = ModalityStore(
            bus, store.objects, store, modalities, settings, commit, outgoing, decompress
        )
        worker = Worker(bus, settings.jobs, kind, {JOB_TYPE: handler})
        working = group.create_task(worker.run())
        yield Sender(bus, settings)
        working.cancel()


# Test modules cannot import this one, so what they call comes as fixtures.


@pytest.fixture(name="listening")
def _listening() -> Any:
    return listening


@pytest.fixture(name="sending")
def _sending() -> Any:
    return sending


@pytest.fixture(name="image")
def _image() -> Any:
    return image


@pytest.fixture(name="file_of")
def _file_of() -> Any:
    return file_of


class Arrived:
    """An instance that is kept, as the way in tells it."""

    def __init__(self, ids: ResourceIds) -> None:
        self._ids = ids

    async def stored(self) -> Stored:
        return Stored("Success", self._ids, indexed=True)


class Retriever:
    """Egress' jobs that retrieve, what they keep, and the gateway's way to ask for them."""

    def __init__(self, bus: Bus, settings: Settings, folder: Path) -> None:
        self.jobs = Jobs(bus, settings.jobs)
        self.objects = FileObjects(folder, "main", fsync=False)
        self.kept: list[bytes] = []
        self.uids: list[str] = []
        self.spooled: list[int] = []
        self.origins: list[Origin] = []
        self.failure: PonsError | None = None
        """Why the next instance is not kept."""
        self.classes = [str(context.abstract_syntax) for context in AllStoragePresentationContexts]

    async def keep(
        self, body: Body, origin: Origin, *, awaited: bool, announced: tuple[str, str]
    ) -> Arrived:
        failure, self.failure = self.failure, None
        with freed(body):
            content = bytes(body) if not isinstance(body, Spool) else body.path.read_bytes()
            if isinstance(body, Spool):
                self.spooled.append(body.size)
            if failure is not None:
                raise failure
        dataset = dcmread(BytesIO(content))
        assert announced == (dataset.SOPClassUID, dataset.SOPInstanceUID)
        self.kept.append(content)
        self.uids.append(str(dataset.SOPInstanceUID))
        self.origins.append(origin)
        uids = (dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
        return Arrived(resource_ids(dataset.PatientID, *uids))

    async def sop_classes(self) -> list[str]:
        return self.classes

    async def submit(self, request: RetrieveRequest) -> str:
        return await submit_retrieve(self.jobs, request, Modality("PEER", "h", 1), "PONS")

    async def get(self, *identifiers: Identifier, **fields: Any) -> Job:
        """Retrieve by C-GET, and wait for the end."""
        request = RetrieveRequest("pacs", "C-GET", list(identifiers), **fields)
        return await self.jobs.wait_for(await self.submit(request), PATIENCE)

    async def until(self, job_id: str, state: str) -> None:
        """Wait until the job is in `state`."""
        await until_state(self.jobs, job_id, state)

    async def move(self, target: str, *identifiers: Identifier, **fields: Any) -> Job:
        """Have it moved to `target`, and wait for the end."""
        request = RetrieveRequest("pacs", "C-MOVE", list(identifiers), target_aet=target, **fields)
        return await self.jobs.wait_for(await self.submit(request), PATIENCE)


@pytest.fixture(name="retrieving")
def _retrieving(tmp_path: Path, lend_objects: Lend) -> Any:
    @asynccontextmanager
    async def retrieving(bus: Bus, port: int, **modality: Any) -> AsyncIterator[Retriever]:
        """Egress with one modality, `pacs`, at `port`."""
        described = {"AET": "PEER", "Host": "127.0.0.1", "Port": port, "Timeout": 60, **modality}
        settings = Settings(modalities={"pacs": described})
        if not (tmp_path / "objects" / "main").exists():  # else egress starts again
            lend_objects(tmp_path / "objects", "main")
        retriever = Retriever(bus, settings, tmp_path / "objects")
        async with (
            open_modalities(bus, settings) as modalities,
            open_threads(settings.egress) as threads,
            asyncio.TaskGroup() as group,
        ):
            handlers: dict[str, Handler] = {
                "DicomMoveScu": Moving(bus, threads, modalities, settings),
                "DicomGetScu": Getting(
                    threads,
                    modalities,
                    settings,
                    retriever.objects,
                    retriever.keep,
                    Arrivals(retriever.objects.spool_folder),
                    retriever.sop_classes,
                    lambda: TRANSFER_SYNTAXES,
                ),
            }
            worker = Worker(bus, settings.jobs, WORKER, handlers)
            working = group.create_task(worker.run())
            yield retriever
            working.cancel()
            await asyncio.wait((working,))
            assert list(retriever.objects.spool_folder.iterdir()) == []
        await retriever.objects.close()

    return retrieving


@asynccontextmanager
async def _trickling(head: bytes, piece: bytes) -> AsyncIterator[str]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)

    async with serving_streams(talk) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def trickling() -> Any:
    """The address of a web server that answers with a head, and then with a piece, for ever."""
    return _trickling
