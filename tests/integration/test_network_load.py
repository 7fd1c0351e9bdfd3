# SPDX-License-Identifier: Apache-2.0
"""Senders, finders and movers at once: nobody is refused, every answer is right, nothing is lost.

Each turn of each of them is a process of DCMTK, so that no requestor is slowed by another.
Seconds of it: `PONS_TEST_NETWORK_SECONDS`, 20 without.
"""

import os
import random
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from pydicom.uid import generate_uid

from dcmtk import needs_dcmtk, running_receiver
from outside import Store, eventually, image

SECONDS = float(os.environ.get("PONS_TEST_NETWORK_SECONDS", "20"))
SENDERS, FINDERS, MOVERS = 16, 8, 4
AT_ONCE = 5
"""Instances of a study, which are sent over one association."""
PATIENCE = 120.0
"""Seconds after which a process of DCMTK that has not ended has failed."""
STORED = "Received Store Response (Success)"
MOVED = "Received Final Move Response (Success)"

pytestmark = needs_dcmtk


@dataclass
class Load:
    """What is done to a store until `ends`, and what has been acknowledged by then."""

    store: Store
    folder: Path
    ends: float
    studies: dict[str, list[str]] = field(default_factory=dict)
    """Study instance UID to SOP instance UIDs, of studies that were stored whole."""
    pixels: dict[str, bytes] = field(default_factory=dict)
    """Of each instance that was stored."""
    found: int = 0
    moved: list[str] = field(default_factory=list)
    """The studies of each C-MOVE."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def turns(self) -> Iterator[tuple[random.Random, Path]]:
        """Chance and an empty folder for each turn, until the time is over."""
        chance = random.Random(threading.get_ident())
        while time.monotonic() < self.ends:
            with tempfile.TemporaryDirectory(dir=self.folder) as folder:
                yield chance, Path(folder)

    def any_study(self, chance: random.Random) -> str:
        """One that was stored whole."""
        eventually("a study is stored", lambda: self.studies)
        with self.lock:
            return chance.choice(list(self.studies))

    def call(self, tool: str, *options: str, files: tuple[str, ...] = ()) -> str:
        """What a tool of DCMTK says, which has done what it was asked to."""
        place = ("-aet", "LOAD", "-aec", "PONS", "127.0.0.1", str(self.store.dicom_port))
        command = [tool, "-v", *options, *place, *files]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"{command}: {said}"
        return said

    def send(self) -> None:
        for _, folder in self.turns():
            study = generate_uid()
            images = [image(study[-20:], study, number) for number in range(AT_ONCE)]
            for number, ds in enumerate(images):
                ds.save_as(folder / f"{number}.dcm", enforce_file_format=True)
            said = self.call("storescu", "+sd", files=(str(folder),))
            assert said.count(STORED) == AT_ONCE, said
            with self.lock:
                self.pixels |= {str(ds.SOPInstanceUID): ds.PixelData for ds in images}
                self.studies[study] = [str(ds.SOPInstanceUID) for ds in images]

    def find(self) -> None:
        for chance, folder in self.turns():
            study = self.any_study(chance)
            asked = (
                f"PatientID={study[-20:]}",
                "StudyInstanceUID",
                "NumberOfStudyRelatedInstances",
            )
            keys = [word for key in ("QueryRetrieveLevel=STUDY", *asked) for word in ("-k", key)]
            self.call("findscu", "-S", "-X", "-od", str(folder), *keys)
            answers = [pydicom.dcmread(path, force=True) for path in folder.iterdir()]
            assert [
                (one.StudyInstanceUID, one.NumberOfStudyRelatedInstances) for one in answers
            ] == [(study, AT_ONCE)]
            with self.lock:
                self.found += 1

    def move(self) -> None:
        for chance, _ in self.turns():
            study = self.any_study(chance)
            keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}")
            said = self.call("movescu", "-S", "-aem", "RECEIVER", *keys)
            assert MOVED in said, said
            with self.lock:
                self.moved.append(study)

    def run(self) -> None:
        """All of them at once; raises what any of them does."""
        work = [self.send] * SENDERS + [self.find] * FINDERS + [self.move] * MOVERS
        with ThreadPoolExecutor(len(work)) as pool:
            for one in [pool.submit(one) for one in work]:
                one.result()


@contextmanager
def receiver_of(store: Store, folder: Path) -> Iterator[None]:
    """storescp, which the store knows as RECEIVER and which writes to `folder`."""
    with running_receiver(folder) as port:
        described = {"AET": "RECEIVER", "Host": "127.0.0.1", "Port": port}
        assert store.http.put("/modalities/receiver", json=described).status_code == 200
        yield


def test_senders_finders_and_movers_at_once(
    fresh_store: Callable[..., Store], tmp_path: Path
) -> None:
    """Everybody hears Success, and what was acknowledged is there, found and moved, bit by bit."""
    # Whoever hears Success finds what was stored, however long the index takes on a busy machine.
    patient = {"PONS_INGEST_ANSWER_TIMEOUT": "60"}
    allowed = {f"PONS_DICOM_ALWAYS_ALLOW_{what}": "1" for what in ("FIND", "MOVE")}
    store = fresh_store("busy", **allowed, **patient)
    folder, received = tmp_path / "load", tmp_path / "received"
    folder.mkdir()
    with receiver_of(store, received):
        load = Load(store, folder, time.monotonic() + SECONDS)
        load.run()
    kept = {one["MainDicomTags"]["SOPInstanceUID"] for one in store.get("/instances", expand="")}
    assert kept == set(load.pixels)
    assert load.found > FINDERS
    assert len(load.moved) > MOVERS
    arrived = [pydicom.dcmread(path) for path in received.glob("files/*")]
    wanted = {uid: load.pixels[uid] for study in load.moved for uid in load.studies[study]}
    assert {str(ds.SOPInstanceUID): ds.PixelData for ds in arrived} == wanted
    failed = [job for job in store.get("/jobs", expand="") if job["State"] != "Success"]
    assert failed == []
    print(f"{len(kept)} stored, {load.found} queries, {len(load.moved)} studies moved")
