# SPDX-License-Identifier: Apache-2.0
"""Senders that go on whatever happens to the store, and remember what was acknowledged."""

import contextlib
import gc
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO

import httpx
from pydicom import Dataset, dcmwrite
from pynetdicom.association import Association

from outside import Store, image


class Sender(threading.Thread, ABC):
    """Sends new images until told to end, each again until it is acknowledged.

    `pause`: seconds between two images, so that a long test has a small store.
    """

    def __init__(self, store: Store, number: int, pause: float = 0.0) -> None:
        super().__init__(name=f"sender-{number}", daemon=True)
        self.store = store
        self.number = number
        self.pause = pause
        self.ending = threading.Event()
        self.sent: dict[str, Dataset] = {}
        self.acknowledged: set[str] = set()
        self.failure: BaseException | None = None

    def run(self) -> None:
        count = 0
        try:
            while not self.ending.is_set():
                count += 1
                ds = image(f"K{self.number}", study_uid=f"1.2.3.{self.number}.{count // 20}")
                self.sent[ds.SOPInstanceUID] = ds
                while not self.attempt(ds):
                    if self.ending.wait(0.05):
                        return
                self.acknowledged.add(ds.SOPInstanceUID)
                self.ending.wait(self.pause)
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
        return post(self.store, ds)


@contextmanager
def sending(senders: Sequence[Sender]) -> Iterator[None]:
    """They send while the block runs, and none has failed for a reason of its own."""
    for sender in senders:
        sender.start()
    try:
        yield
    finally:
        for sender in senders:
            sender.ending.set()
        for sender in senders:
            sender.join(60)
        gc.collect()  # dropped sockets now, not in the middle of a later test
    for sender in senders:
        assert sender.failure is None, f"{sender.name}: {sender.failure!r}"
        assert not sender.is_alive()


def post(store: Store, ds: Dataset) -> bool:
    """Upload over HTTP; whether that was acknowledged."""
    file = BytesIO()
    dcmwrite(file, ds, enforce_file_format=True)
    with contextlib.suppress(httpx.HTTPError):
        return store.http.post("/instances", content=file.getvalue()).status_code == 200
    return False
