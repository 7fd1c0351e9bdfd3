# SPDX-License-Identifier: Apache-2.0
"""The job that makes a ZIP: what it tells, what it keeps, and where it goes on."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pons.catalog import Statistics
from pons.errors import NotFound
from pons.jobs import ArchiveOrder, ArchiveRequest, JobDocument, JobRequest, Output
from pons.objects import FileObjects, Spool, new_key
from pons_render.archive import ArchiveJob
from pons_render.archive.stream import LeftOut
from pons_testing.object_folders import Lend

pytestmark = pytest.mark.anyio

ORDER = ArchiveOrder(ArchiveRequest(["a"]), "a.zip")


@dataclass
class FakeArchive:
    """Three pieces for two instances, or an error after the first piece."""

    error: Exception | None = None
    instances: int = 0
    uncompressed: int = 0
    left_out: list[LeftOut] = field(default_factory=list)

    async def totals(self) -> Statistics:
        return Statistics(20, 20, instances=2)

    async def pieces(self) -> AsyncGenerator[bytes]:
        yield b"one"
        if self.error:
            raise self.error
        self.instances, self.uncompressed = 2, 20
        yield b"two"
        yield b"end"


@dataclass
class FakeArchives:
    archive: FakeArchive
    opened: list[ArchiveRequest] = field(default_factory=list)

    async def open(self, request: ArchiveRequest) -> FakeArchive:
        self.opened.append(request)
        return self.archive


@dataclass
class FakeRun:
    outputs: dict[str, Output] = field(default_factory=dict)
    steps: list[tuple[float, Mapping[str, Any]]] = field(default_factory=list)
    delivered: list[tuple[str, bytes, str, str]] = field(default_factory=list)

    @property
    def request(self) -> JobRequest:
        return JobRequest("Archive", "render", arguments=msgspec.to_builtins(ORDER))

    @property
    def document(self) -> JobDocument:
        return JobDocument("id", "Archive", "render", 0, 0.0, 0.0, outputs=self.outputs)

    async def step(self, progress: float, content: Mapping[str, Any], position: Any) -> None:
        self.steps.append((progress, content))

    async def deliver(self, name: str, spool: Spool, media_type: str, filename: str) -> None:
        self.delivered.append((name, spool.path.read_bytes(), media_type, filename))


@dataclass
class FakeJobs:
    kept: list[int] = field(default_factory=list)

    async def drop_old_outputs(self, keep: int) -> None:
        self.kept.append(keep)


@dataclass
class Setting:
    """A handler with everything around it."""

    objects: FileObjects
    folder: Path
    archives: FakeArchives = field(default_factory=lambda: FakeArchives(FakeArchive()))
    jobs: FakeJobs = field(default_factory=FakeJobs)
    run: FakeRun = field(default_factory=FakeRun)

    async def work(self) -> None:
        parts: tuple[Any, ...] = (self.jobs, self.archives, self.objects)
        run: Any = self.run
        await ArchiveJob(*parts, keep=2)(run)

    @property
    def spools(self) -> list[Path]:
        return list((self.folder / "test" / ".spool").iterdir())


@pytest.fixture
def setting(tmp_path: Path, lend_objects: Lend) -> Setting:
    lend_objects(tmp_path, "test")
    return Setting(FileObjects(tmp_path, "test", fsync=False), tmp_path)


async def test_a_zip_is_delivered(setting: Setting) -> None:
    """The whole ZIP is kept under its name, then older ones go; the last step tells the sizes."""
    await setting.work()
    assert setting.run.delivered == [("archive", b"onetwoend", "application/zip", "a.zip")]
    assert setting.jobs.kept == [2]
    progress, content = setting.run.steps[-1]
    assert progress == 1.0
    assert content == {
        "ArchiveSize": "9",
        "ArchiveSizeMB": 0,
        "InstancesCount": 2,
        "UncompressedSize": "20",
        "UncompressedSizeMB": 0,
        "Utf8": False,
    }
    assert setting.spools == []


async def test_what_is_left_out_is_named(setting: Setting) -> None:
    """The content of a permissive job names the instances that its ZIP lacks."""
    setting.archives.archive.left_out.append(LeftOut("a/b.dcm", "an-instance", "it is missing"))
    await setting.work()
    _, content = setting.run.steps[-1]
    assert content["FailedInstancesCount"] == 1
    assert content["FailedInstances"] == [{"ID": "an-instance", "Reason": "it is missing"}]


async def test_a_zip_that_was_kept_is_not_made_again(setting: Setting) -> None:
    """A job that died after its ZIP was kept only has to tidy up."""
    setting.run.outputs["archive"] = Output(new_key(), 3, "application/zip", "a.zip", 0.0)
    await setting.work()
    assert (setting.archives.opened, setting.run.delivered) == ([], [])
    assert setting.jobs.kept == [2]


async def test_a_failure_leaves_nothing(setting: Setting) -> None:
    """What was written of a ZIP that cannot be finished is removed."""
    setting.archives.archive.error = NotFound("gone")
    with pytest.raises(NotFound):
        await setting.work()
    assert (setting.run.delivered, setting.jobs.kept, setting.spools) == ([], [], [])
