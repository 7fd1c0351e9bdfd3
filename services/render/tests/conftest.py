# SPDX-License-Identifier: Apache-2.0
"""Instances for the tests: made by hand or from pydicom's test data, found without an index."""

import io
import struct
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from pons.errors import NotFound, UnsupportedImage, check_size
from pons.header.file import read_file
from pons_render.app import create_app
from pons_render.archive import Archives
from pons_render.frame_attributes import FrameAttributes, read_attributes
from pons_render.image import Located, read_image
from pons_render.pictures import Pictures
from pons_render.pool import Bounds, WorkerPool
from pons_render.resources import Resources
from pons_render.source import Inflated, LocalFile, Source
from pons_render.wire import Task
from pons_render.worker import render

from .archived import archives as archives
from .archived import catalog as catalog
from .archived import file as file
from .archived import objects as objects
from .asked import Make, example

Locate = Callable[[bytes], Located]
OpenFile = Callable[[bytes], LocalFile]
ClientOf = Callable[..., httpx.AsyncClient]
Preview = Callable[..., NDArray[np.uint8]]


@pytest.fixture(scope="session")
def locate() -> Locate:
    """What the index would say of a file's bytes, by the same header scan."""

    def located(content: bytes) -> Located:
        parsed = read_file(content, default_charset="latin1", whole=False)
        pixels = parsed.pixel_data
        return Located(
            key=uuid.uuid4(),
            size=len(content),
            transfer_syntax=parsed.transfer_syntax,
            header=parsed.json,
            pixel_offset=pixels.offset if pixels else None,
            pixel_length=pixels.length if pixels else None,
            pixel_vr=pixels.vr if pixels else "",
            owner="an instance",
        )

    return located


@pytest.fixture(scope="session")
def make() -> Make:
    """A DICOM file around an array, or around bytes that claim to be one."""

    def made(
        pixels: NDArray[Any] | bytes,
        syntax: str = "1.2.840.10008.1.2.1",
        vr: str = "OW",
        keyword: str = "PixelData",
        **attributes: Any,
    ) -> bytes:
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = UID(syntax)
        ds.SOPInstanceUID = "1.2.3"
        if isinstance(pixels, np.ndarray):
            ds.Rows, ds.Columns = pixels.shape[:2]
            ds.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
            ds.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
            if pixels.ndim == 3:
                ds.PlanarConfiguration = 0
            ds.BitsAllocated = ds.BitsStored = pixels.dtype.itemsize * 8
            ds.PixelRepresentation = int(pixels.dtype.kind == "i")
            pixels = pixels.tobytes()
        for name, value in attributes.items():
            setattr(ds, name, value)
        setattr(ds, keyword, pixels + b"\0" * (len(pixels) % 2))
        ds[keyword].VR = vr
        ds[keyword].is_undefined_length = ds.file_meta.TransferSyntaxUID.is_encapsulated
        file = io.BytesIO()
        ds.save_as(file, enforce_file_format=False)
        return file.getvalue()

    return made


@pytest.fixture(scope="session")
def make_dicom() -> Make:
    """A DICOM file of an instance; keywords are attributes."""

    def made(
        patient: str,
        study: str,
        series: str,
        sop: str,
        charset: str | list[str] = "",
        **attributes: Any,
    ) -> bytes:
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.1")
        if charset:
            ds.SpecificCharacterSet = charset
        ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", sop
        ds.PatientID, ds.StudyInstanceUID, ds.SeriesInstanceUID = patient, study, series
        ds.Modality, ds.BitsAllocated = "OT", 8
        for name, value in attributes.items():
            setattr(ds, name, value)
        file = io.BytesIO()
        ds.save_as(file, enforce_file_format=True)
        return file.getvalue()

    return made


@pytest.fixture(scope="session")
def encapsulate() -> Make:
    """Encapsulated pixel data of fragments, with a table of offsets."""

    def item(data: bytes) -> bytes:
        padded = data + b"\0" * (len(data) % 2)
        return struct.pack("<HHI", 0xFFFE, 0xE000, len(padded)) + padded

    def encapsulated(fragments: Sequence[bytes], offsets: Sequence[int] = ()) -> bytes:
        table = struct.pack(f"<{len(offsets)}I", *offsets)
        return item(table) + b"".join(map(item, fragments))

    return encapsulated


class Content:
    """A file in memory."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read_at(self, start: int, length: int) -> bytes:
        piece = self._content[start : start + length]
        if len(piece) < length:
            raise UnsupportedImage("The object ends before")
        return piece


@pytest.fixture(scope="session")
def ask(locate: Locate) -> Make:
    """What a worker answers about a file: the bytes of a picture, or of a raw frame."""

    def asked(content: bytes, frame: int = 0, operation: str = "preview") -> bytes:
        image = read_image(locate(content))
        source: Source = Content(content)
        if image.deflated:
            source = Inflated(source, len(content))
        answer = io.BytesIO()
        render(Task(operation, image, frame, len(content), most=1 << 30), source, answer)
        return answer.getvalue()

    return asked


@pytest.fixture(scope="session")
def preview(ask: Make) -> Preview:
    """The preview of a frame of a file."""

    def shown(content: bytes, frame: int = 0) -> NDArray[np.uint8]:
        with Pillow.open(io.BytesIO(ask(content, frame))) as picture:
            return np.asarray(picture)

    return shown


@pytest.fixture
def open_file(tmp_path: Path) -> Iterator[OpenFile]:
    """A local file of the given bytes, closed after the test."""
    files: list[LocalFile] = []

    def opened(content: bytes) -> LocalFile:
        path = tmp_path / f"object{len(files)}"
        path.write_bytes(content)
        files.append(LocalFile(str(path)))
        return files[-1]

    yield opened
    for one in files:
        one.close()


@dataclass
class FakeObjects:
    """An object store in a folder, or as if it were far away."""

    folder: Path
    remote: bool = False
    reads: list[tuple[int, int]] = field(default_factory=list)

    def _path(self, key: uuid.UUID) -> Path:
        return self.folder / str(key)

    def local_path(self, key: uuid.UUID) -> Path | None:
        return None if self.remote else self._path(key)

    async def read_range(
        self, key: uuid.UUID, start: int, length: int, size: int | None = None
    ) -> bytes:
        self.reads.append((start, length))
        try:
            content = self._path(key).read_bytes()
        except FileNotFoundError:
            raise NotFound("There is no such object") from None
        check_size(key, len(content), size)
        return content[start : start + length]


class FakeInstances:
    """An index of the instances that a test adds."""

    def __init__(self, folder: Path, locate: Locate) -> None:
        self.objects = FakeObjects(folder)
        self._locate = locate
        self._instances: dict[str, Located] = {}

    def add(self, name: str, content: bytes) -> Located:
        located = self._locate(content)
        self.put(name, located)
        (self.objects.folder / str(located.key)).write_bytes(content)
        return located

    def put(self, name: str, located: Located) -> None:
        self._instances[name] = located

    async def find(self, instance_id: str) -> Located | None:
        return self._instances.get(instance_id)

    async def find_frames(
        self, instance_id: str, frames: range
    ) -> tuple[Located, tuple[FrameAttributes, ...]] | None:
        located = await self.find(instance_id)
        return located and (located, read_attributes(located.header, frames))


@pytest.fixture
def resources(tmp_path: Path, locate: Locate) -> FakeInstances:
    return FakeInstances(tmp_path, locate)


@pytest.fixture
def client_of() -> ClientOf:
    """The service over HTTP, as if its lifespan had opened what it is given."""

    def opened(
        pictures: Pictures | None = None,
        archives: Archives | None = None,
        objects: Any = None,
        *,
        stream: bool = True,
        token: str = "",
    ) -> httpx.AsyncClient:
        absent: Any = None
        resources = Resources(pictures or absent, archives or absent, objects, stream)
        app = create_app(token, lambda: nullcontext(resources))
        app.state.resources = resources
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        return httpx.AsyncClient(transport=transport, base_url="http://render")

    return opened


@pytest.fixture
async def client(resources: FakeInstances, client_of: ClientOf) -> AsyncIterator[httpx.AsyncClient]:
    """Its image routes, with one real worker process."""
    async with (
        WorkerPool(Bounds(workers=1)) as pool,
        client_of(Pictures(resources, pool)) as http,
    ):
        yield http


@pytest.fixture
def hostile_command() -> tuple[str, ...]:
    """The command of a worker whose decoder misbehaves as the frame number tells it to."""
    return (sys.executable, str(Path(__file__).parent / "hostile_worker.py"))


@pytest.fixture
def ct(resources: Any) -> Located:
    """`/instances/ct`: a CT of 128 x 128 with one frame of signed 16 bits."""
    located: Located = resources.add("ct", example("CT_small.dcm"))
    return located


@pytest.fixture
def color(resources: Any, make: Make) -> Located:
    """`/instances/color`: two RGB frames."""
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    located: Located = resources.add(
        "color", make(pixels, Rows=1, NumberOfFrames=2, PixelData=pixels.tobytes())
    )
    return located
