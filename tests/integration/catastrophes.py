# SPDX-License-Identifier: Apache-2.0
"""A backing store that goes away or goes back costs nothing that was acknowledged.

Each round one of them is lost, replaced by an older copy or damaged under senders, at rest or while
the store runs. Grace and intervals are short, so that sweeps run in each round.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import psutil
from minio import Minio
from minio.deleteobjects import DeleteObject
from pydicom import dcmread

from outside import ROOT, Store, eventually
from senders import DicomSender, HttpSender, Sender, post, sending

ROUNDS = int(os.environ.get("PONS_TEST_CATASTROPHES", "30"))
SEED = int(os.environ.get("PONS_TEST_CATASTROPHE_SEED", "4711"))
SHORT = {
    "PONS_STORAGE_ORPHAN_GRACE": "2",
    "PONS_STORAGE_COLLECT_INTERVAL": "0.5",
    "PONS_STORAGE_QUARANTINE_DAYS": "0.00002",
}
FOLDERS = {"database": ("postgres",), "streams": ("nats",), "both": ("postgres", "nats")}


class Ground:
    """A store under catastrophes, and what it has promised."""

    def __init__(self, store: Store, senders: list[Sender], chance: random.Random) -> None:
        self.store = store
        self.senders = senders
        self.chance = chance
        self.deleted: set[str] = set()
        self.copies: list[Path] = []
        self.missing: set[str] = set()
        self.back: set[str] = set()

    @property
    def acknowledged(self) -> set[str]:
        return set().union(*(set(sender.acknowledged) for sender in self.senders))

    def sent(self, uid: str) -> Any:
        return next(sender.sent[uid] for sender in self.senders if uid in sender.sent)

    # What happens

    def database_gone(self) -> None:
        self._lose("database")

    def streams_gone(self) -> None:
        self._lose("streams")

    def database_older(self) -> None:
        self._set_back("database")

    def streams_older(self) -> None:
        self._set_back("streams")

    def both_older(self) -> None:
        self._set_back("both")

    def streams_truncated(self) -> None:
        """The end of each block of the announcements is cut off."""
        with self._without("nats"):
            streams = self.store.data / "nats" / "jetstream" / "$G" / "streams"
            for block in (streams / f"{self.store.name}-ingest" / "msgs").glob("*.blk"):
                size = block.stat().st_size
                os.truncate(block, size - size // 3)

    def all_killed(self) -> None:
        """Everything ends at once, the launcher too."""
        kinds = ("gateway", "ingress", "render", "egress", "index", "nats", "postgres")
        processes = [one for kind in kinds for one in self.store.processes(kind)]
        self.store.crash(processes)
        self.store.start()

    def a_tenth_of_the_objects_gone(self) -> None:
        """Who sends what is missing again repairs it; nothing missing is handed out."""
        keys = self.objects()
        gone = set(self.chance.sample(keys, max(1, len(keys) // 10)))
        self.remove(gone)
        report = self.fsck()
        missing = [line.split() for line in report["missing"]]
        assert {words[0] for words in missing} <= {Path(key).name for key in gone}
        for words in missing:
            identifier = words[3]
            tags = self.store.http.get(f"/instances/{identifier}/simplified-tags")
            if tags.status_code == 404:
                continue  # deleted meanwhile
            assert self.store.http.get(f"/instances/{identifier}/file").status_code >= 500
            uid = tags.json()["SOPInstanceUID"]
            eventually("it is sent again", lambda uid=uid: post(self.store, self.sent(uid)))

    # How

    def _lose(self, what: str) -> None:
        for name in FOLDERS[what]:
            with self._without(name):
                folder = self.store.data / name
                if name == "nats":  # what an administrator would delete; its password stays
                    folder = folder / "jetstream"
                shutil.rmtree(folder)

    def _set_back(self, what: str) -> None:
        """Stop in order, put an older copy in place, start again."""
        self.store.stop()
        self.copies.append(self._copy())
        older = self.chance.choice(self.copies[-4:])
        for name in FOLDERS[what]:
            shutil.rmtree(self.store.data / name)
            self._duplicate(older / name, self.store.data / name)
        self.store.start()

    def _copy(self) -> Path:
        copy = self.store.data.parent / f"copy-{len(self.copies)}"
        for name in ("postgres", "nats"):
            self._duplicate(self.store.data / name, copy / name)
        if len(self.copies) >= 4:
            shutil.rmtree(self.copies[-4], ignore_errors=True)
        return copy

    def _duplicate(self, source: Path, target: Path) -> None:
        target.parent.mkdir(exist_ok=True)
        subprocess.run(["cp", "-a", str(source), str(target)], check=True)

    @contextmanager
    def _without(self, kind: str) -> Any:
        """The server is killed, and not started again before the block ends."""
        os.kill(self.store.pid, signal.SIGSTOP)
        try:
            for process in self.store.processes(kind):
                process.kill()
                # Its parent, which is held up, cannot take its leave.
                eventually(f"{kind} is dead", lambda process=process: dead(process))
            yield
        finally:
            os.kill(self.store.pid, signal.SIGCONT)

    def objects(self) -> list[str]:
        return [str(path) for path in self.store.objects()]

    def remove(self, keys: set[str]) -> None:
        for key in keys:
            Path(key).unlink(missing_ok=True)  # the collector may just have taken what was deleted

    # What holds

    def fsck(self) -> Any:
        command = self.store.command("fsck", "--json", "--all")
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **self.store.environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        return json.loads(done.stdout)

    def delete_some(self) -> None:
        """Delete a few instances that are there; whoever is told so does not see them again."""
        acknowledged = self.acknowledged  # another may be on its way once more
        there = sorted(one for one in self.listed().items() if one[1] in acknowledged)
        for identifier, uid in self.chance.sample(there, 3):
            if self.store.http.delete(f"/instances/{identifier}").status_code == 200:
                self.deleted.add(uid)

    def listed(self) -> dict[str, str]:
        found = self.store.get("/instances", expand="")
        uids = [one["MainDicomTags"]["SOPInstanceUID"] for one in found]
        assert len(uids) == len(set(uids)), "an instance is there twice"
        return {one["ID"]: uid for one, uid in zip(found, uids, strict=True)}

    def is_whole(self, acknowledged: set[str]) -> bool:
        there = set(self.listed().values())
        self.missing, self.back = acknowledged - self.deleted - there, self.deleted & there
        return not self.missing and not self.back

    def check(self, what: str) -> None:
        self.store.wait_until_ready(90)
        acknowledged = self.acknowledged
        with contextlib.suppress(AssertionError):
            eventually(what, lambda: self._answers(lambda: self.is_whole(acknowledged)), 180)
            return
        raise AssertionError(
            f"after {what}: missing, though acknowledged: {sorted(self.missing)}; back, though "
            f"deleted: {sorted(self.back)}; log:\n{self.store.tail()}"
        )

    def _answers(self, ask: Callable[[], bool]) -> bool:
        try:
            return ask()
        except AssertionError as error:
            # 503 while the index starts anew. A list of several pages shows an instance twice whose
            # lost object another file takes the place of just then.
            if "503" in str(error) or "twice" in str(error):
                return False
            raise

    def check_bytes(self) -> None:
        for identifier, uid in self.listed().items():
            response = self.store.http.get(f"/instances/{identifier}/file")
            assert response.status_code == 200, f"{uid}: {response.text}"
            assert dcmread(BytesIO(response.content)).PixelData == self.sent(uid).PixelData


class S3Ground(Ground):
    """The same, with the objects in a bucket."""

    @property
    def client(self) -> Minio:
        told = self.store.environment
        return Minio(
            told["PONS_STORAGE_S3_ENDPOINT"],
            told["PONS_STORAGE_S3_ACCESS_KEY"],
            told["PONS_STORAGE_S3_SECRET_KEY"],
            secure=False,
            region=told["PONS_STORAGE_S3_REGION"],
        )

    def objects(self) -> list[str]:
        found = self.client.list_objects("images", f"{self.store.name}/", recursive=True)
        names = [one.object_name or "" for one in found]
        return [name for name in names if "/." not in name]

    def remove(self, keys: set[str]) -> None:
        assert not list(self.client.remove_objects("images", map(DeleteObject, keys)))


def dead(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


CATASTROPHES = (
    Ground.database_gone,
    Ground.database_older,
    Ground.streams_gone,
    Ground.streams_older,
    Ground.streams_truncated,
    Ground.both_older,
    Ground.a_tenth_of_the_objects_gone,
    Ground.all_killed,
)


def weather(store: Store, kind: type[Ground]) -> None:
    """Round after round; fails where what was acknowledged is missing, or what was deleted is back.

    `store` was started with `SHORT`. At the end everything has its bytes, and the check of the
    whole store finds nothing wrong.
    """
    chance = random.Random(SEED)
    senders: list[Sender] = [DicomSender(store, 0, 0.1), HttpSender(store, 1, 0.1)]
    ground = kind(store, senders, chance)
    # Each kind of catastrophe comes, however few rounds there are.
    rounds = [CATASTROPHES[number % len(CATASTROPHES)] for number in range(ROUNDS)]
    chance.shuffle(rounds)
    with sending(senders):
        for number, catastrophe in enumerate(rounds):
            # Both ways in, also that by HTTP, which waits for the index: who loses database and
            # streams at once has to ask for a new index, and the loss before must be over.
            before = [len(sender.acknowledged) for sender in senders]
            eventually(
                f"instances are acknowledged before round {number}",
                lambda before=before: all(
                    len(sender.acknowledged) > count + 5
                    for sender, count in zip(senders, before, strict=True)
                ),
                180,
            )
            ground.delete_some()
            threading.Event().wait(chance.uniform(0, 0.4))
            catastrophe(ground)
            ground.check(f"round {number}, {catastrophe.__name__}")
    ground.check("the end")
    ground.check_bytes()
    eventually("only what is listed has an object", lambda: settled(ground), 180)
    report = ground.fsck()
    faults = ("missing", "damaged", "unannounced", "unreadable", "dead letters")
    assert {kind: report[kind] for kind in faults} == {kind: [] for kind in faults}


def settled(ground: Ground) -> bool:
    listed = ground.listed()
    return len(ground.objects()) == len(listed) == ground.store.get("/statistics")["CountInstances"]
