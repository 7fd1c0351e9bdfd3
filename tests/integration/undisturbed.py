# SPDX-License-Identifier: Apache-2.0
"""Clients that work all the time, of whom none may be refused or cut off even once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO

import httpx
from pydicom import dcmwrite
from pydicom.uid import CTImageStorage, generate_uid
from pynetdicom import AE

from outside import TIMEOUT, eventually, image

ROUNDS_BEFORE = 5
"""So often each client has done its work before the replica is told to end, and after it."""


class Clients:
    """Threads that repeat something each, until told to end; what went wrong in any of them.

    `pause`: seconds between two rounds, where there is other work for the machine meanwhile.
    """

    def __init__(self, pause: float = 0.0) -> None:
        self._pause = pause
        self.failures: list[str] = []
        self.rounds: dict[str, int] = {}
        self._end = threading.Event()

    @contextmanager
    def working(self, **works: Callable[[], None]) -> Iterator[None]:
        threads = [threading.Thread(target=self._repeat, args=one) for one in works.items()]
        self.rounds = dict.fromkeys(works, 0)
        for thread in threads:
            thread.start()
        try:
            self.let_work()
            yield
            self.let_work()
        finally:
            self._end.set()
            for thread in threads:
                thread.join(TIMEOUT)
        assert not self.failures, "; ".join(self.failures)

    def let_work(self) -> None:
        """Returns once each client has been round a few times more."""
        wanted = {name: rounds + ROUNDS_BEFORE for name, rounds in self.rounds.items()}

        def done() -> bool:
            return bool(self.failures) or all(self.rounds[name] >= n for name, n in wanted.items())

        eventually("every client gets on", done, 180)

    def _repeat(self, name: str, work: Callable[[], None]) -> None:
        while not self._end.is_set():
            try:
                work()
            except Exception as error:
                self.failures.append(f"{name}: {error!r}")
                return
            self.rounds[name] += 1
            self._end.wait(self._pause)


def require(response: httpx.Response) -> httpx.Response:
    assert response.status_code == 200, f"{response.status_code} {response.text}"
    return response


def encoded(patient: str) -> bytes:
    file = BytesIO()
    dcmwrite(file, image(patient), enforce_file_format=True)
    return file.getvalue()


class Unserved(Exception):
    """What a sender was told instead of success."""


class Sender:
    """Sends a series of instances of a patient over an association of its own, each time."""

    def __init__(self, port: int, aet: str, series: int = 10, patient: str = "SENT") -> None:
        self._port, self._aet, self._series, self._patient = port, aet, series, patient
        self.acknowledged: list[str] = []

    def __call__(self) -> None:
        ae = AE("SENDER")
        ae.add_requested_context(CTImageStorage)
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = TIMEOUT
        assoc = ae.associate("127.0.0.1", self._port, ae_title=self._aet)
        if not assoc.is_established:
            raise Unserved("no association")
        study = generate_uid()
        for number in range(self._series):
            ds = image(self._patient, study, number, rows=4)
            try:
                status = assoc.send_c_store(ds).get("Status")
            except RuntimeError as error:  # pynetdicom's, where the abort came between two requests
                raise Unserved("aborted") from error
            if status != 0:
                raise Unserved(f"status {status}")
            self.acknowledged.append(ds.SOPInstanceUID)
        assoc.release()
        if not assoc.is_released:
            raise Unserved("not released")
