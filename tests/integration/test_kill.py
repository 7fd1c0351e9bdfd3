# SPDX-License-Identifier: Apache-2.0
"""Whatever dies, at whatever moment: what was acknowledged is there, once, and nothing else is."""

import gc
import os
import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from io import BytesIO

import httpx
import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pynetdicom.association import Association

from outside import KINDS, Store, eventually, image

pytestmark = pytest.mark.filterwarnings(
    # pynetdicom drops the socket of a refused connection without closing it.
    "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
)

ROUNDS = int(os.environ.get("PONS_TEST_KILL_ROUNDS", "21"))
SEED = int(os.environ.get("PONS_TEST_KILL_SEED", "4242"))


class Sender(threading.Thread, ABC):
    """Sends new images until told to end, each again until it is acknowledged."""

    def __init__(self, store: Store, number: int) -> None:
        super().__init__(name=f"sender-{number}")
        self.store = store
        self.number = number
        self.ending = threading.Event()
        self.sent: dict[str, bytes] = {}
        self.acknowledged: set[str] = set()
        self.failure: BaseException | None = None

    def run(self) -> None:
        count = 0
        try:
            while not self.ending.is_set():
                count += 1
                ds = image(f"K{self.number}", study_uid=f"1.2.3.{self.number}.{count // 20}")
                self.sent[ds.SOPInstanceUID] = ds.PixelData
                while not self.attempt(ds):
                    if self.ending.wait(0.05):
                        return
                self.acknowledged.add(ds.SOPInstanceUID)
        except BaseException as error:
            self.failure = error

    @abstractmethod
    def attempt(self, ds: Dataset) -> bool:
        """Send once; whether it was acknowledged."""


class DicomSender(Sender):
    """Keeps an association as long as it lasts."""

    assoc: Association | None = None

    def attempt(self, ds: Dataset) -> bool:
        try:
            if self.assoc is None or not self.assoc.is_established:
                self._associate(ds)
            assert self.assoc
            return bool(self.assoc.send_c_store(ds).get("Status") == 0)
        except (OSError, RuntimeError, ValueError):  # pynetdicom's words for a lost peer
            if self.assoc:
                self.assoc.abort()
            self.assoc = None
            return False

    def _associate(self, ds: Dataset) -> None:
        self._context = self.store.association((ds.SOPClassUID, ds.file_meta.TransferSyntaxUID))
        self.assoc = self._context.__enter__()


class HttpSender(Sender):
    """Posts each image over HTTP."""

    def attempt(self, ds: Dataset) -> bool:
        file = BytesIO()
        dcmwrite(file, ds, enforce_file_format=True)
        try:
            response = self.store.http.post("/instances", content=file.getvalue())
        except httpx.HTTPError:
            return False
        return response.status_code == 200


def test_what_was_acknowledged_survives_the_death_of_any_process(
    fresh_store: Callable[..., Store],
) -> None:
    """Kill -9 of each service, of NATS and of PostgreSQL loses, doubles and invents nothing."""
    store = fresh_store("kill", PONS_STORAGE_ORPHAN_GRACE="20", PONS_STORAGE_COLLECT_INTERVAL="1")
    chance = random.Random(SEED)
    senders: list[Sender] = [DicomSender(store, number) for number in range(3)]
    senders.append(HttpSender(store, 3))
    for sender in senders:
        sender.start()
    try:
        for round_number in range(ROUNDS):
            kind = KINDS[round_number % len(KINDS)]
            before = sum(len(sender.acknowledged) for sender in senders)
            eventually(
                f"instances are acknowledged before round {round_number} kills {kind}",
                lambda before=before: sum(len(s.acknowledged) for s in senders) > before + 8,
                90,
            )
            threading.Event().wait(chance.uniform(0, 0.4))
            store.kill(kind)
            store.wait_until_ready()
    finally:
        for sender in senders:
            sender.ending.set()
        for sender in senders:
            sender.join(60)
        gc.collect()  # such sockets now, not in the middle of a later test
    for sender in senders:
        assert sender.failure is None, f"{sender.name}: {sender.failure!r}"
        assert not sender.is_alive()

    sent = {uid: pixels for sender in senders for uid, pixels in sender.sent.items()}
    acknowledged = set().union(*(sender.acknowledged for sender in senders))
    eventually("every acknowledged instance is listed", lambda: acknowledged <= listed(store))
    uids = [one["MainDicomTags"]["SOPInstanceUID"] for one in store.get("/instances", expand="")]
    assert len(uids) == len(set(uids)), "an instance is there twice"
    assert set(uids) <= set(sent), "an instance is there that nobody sent"
    assert store.get("/statistics")["CountInstances"] == len(uids)
    for identifier in store.get("/instances"):
        ds = dcmread(BytesIO(store.http.get(f"/instances/{identifier}/file").content))
        assert ds.PixelData == sent[ds.SOPInstanceUID]
    eventually(
        "the collector removes what nothing refers to",
        lambda: len(store.objects()) == store.get("/statistics")["CountInstances"],
        90,
    )


def listed(store: Store) -> set[str]:
    return {one["MainDicomTags"]["SOPInstanceUID"] for one in store.get("/instances", expand="")}
