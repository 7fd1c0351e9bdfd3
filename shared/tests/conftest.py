# SPDX-License-Identifier: Apache-2.0
"""DICOM files made by hand, and an index that answers what it is told to."""

import io
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from pons.bus import Bus
from pons.bus.connection import PUBLISH_TIMEOUT
from pons.jobs import Jobs
from pons.objects import FileObjects
from pons.settings import JobsSettings
from pons_testing.indexing import FakeIndex, open_fake_index
from pons_testing.nats import NatsServer, nats_server
from pons_testing.object_folders import Lend
from pons_testing.postgres import PostgresServer

from .converting import convert as convert
from .findable import findable as findable
from .findable import three as three
from .listing import lists as lists
from .rows import Store, opened
from .storing import ingest as ingest

MakeFile = Callable[..., bytes]


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The event loop that services run on; asyncio's own loses refused sockets before 3.12."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[NatsServer]:
    """A server that the test may stop, start and kill; its buses wait as services do."""
    with nats_server(tmp_path / "nats", PUBLISH_TIMEOUT) as server:
        yield server


@pytest.fixture
def objects(tmp_path: Path, lend_objects: Lend) -> FileObjects:
    lend_objects(tmp_path / "objects", "main")
    return FileObjects(tmp_path / "objects", "main", fsync=False)


@pytest.fixture(scope="session")
def make_file() -> MakeFile:
    """A DICOM file in explicit little endian; keywords are attributes of the data set."""

    def make_file(sop_instance_uid: str = "1.2.3.4.5", **attributes: object) -> bytes:
        dataset = Dataset()
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
        dataset.SOPInstanceUID = sop_instance_uid
        dataset.PatientID = "P1"
        dataset.StudyInstanceUID = "1.2.3"
        dataset.SeriesInstanceUID = "1.2.3.4"
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.1")
        written = io.BytesIO()
        dataset.save_as(written, enforce_file_format=True)
        return written.getvalue()

    return make_file


@pytest.fixture
async def index(bus: Bus) -> FakeIndex:
    return await open_fake_index(bus)


@pytest.fixture
def jobs(bus: Bus) -> Jobs:
    return Jobs(bus, JobsSettings())


@pytest.fixture
async def store(postgres: PostgresServer, objects: FileObjects) -> AsyncIterator[Store]:
    """A catalog, and rows for it to read."""
    async with postgres.database() as database, opened(database, objects) as both:
        yield both
