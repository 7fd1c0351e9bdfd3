# SPDX-License-Identifier: Apache-2.0
"""The stream of changes as a program follows it: with uploads, cuts, and the store's end."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import islice

import httpx
from pydicom import dcmwrite
from pydicom.uid import generate_uid

from outside import Store, eventually, image


def events(store: Store, since: int, query: str = "") -> Iterator[dict[str, object]]:
    """The events of one connection, until the store ends it; their ids are their numbers."""
    headers = {"Last-Event-ID": str(since), "Accept-Encoding": "gzip"}
    with store.http.stream(
        "GET", f"/changes/stream{query}", headers=headers, timeout=60
    ) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        number = 0
        told: dict[str, object] = {}
        for line in response.iter_lines():
            name, _, value = line.partition(": ")
            if name == "data":
                told = json.loads(value)
            elif name == "id":
                number = int(value)
            elif not line and told:
                assert told["Seq"] == number
                yield told
                told = {}


def upload(store: Store, count: int) -> None:
    """Instances of patients of their own: four changes each."""
    for _ in range(count):
        file = BytesIO()
        dcmwrite(file, image(generate_uid()), enforce_file_format=True)
        assert store.http.post("/instances", content=file.getvalue()).status_code == 200


def test_a_reader_that_comes_back_misses_nothing(store: Store) -> None:
    """Cut every few events, it has the same changes as the log, once each and in order."""
    begin = int(store.get("/changes?last")["Last"])
    wanted = 40
    told: list[int] = []
    sender = threading.Thread(target=upload, args=(store, wanted // 4))
    sender.start()
    while len(told) < wanted:
        for at, event in enumerate(events(store, told[-1] if told else begin)):
            told.append(int(str(event["Seq"])))
            if at == 6 or len(told) == wanted:
                break
    sender.join()
    log = store.get(f"/changes?since={begin}&limit=1000")["Changes"]
    assert told == [change["Seq"] for change in log][:wanted]
    assert [event["Seq"] for event in islice(events(store, begin), wanted)] == told


def test_only_some_kinds(store: Store) -> None:
    begin = int(store.get("/changes?last")["Last"])
    upload(store, 2)
    kinds = [event["ChangeType"] for event in islice(events(store, begin, "?type=NewStudy"), 2)]
    assert kinds == ["NewStudy", "NewStudy"]


def test_it_outlives_its_database_and_ends_with_the_store(
    fresh_store: Callable[..., Store],
) -> None:
    """A reader is told what came after the database was away, and does not hold up the end."""
    store = fresh_store("stream")
    told: list[str] = []

    def follow() -> None:
        told.extend(str(event["ID"]) for event in events(store, 0, "?type=NewInstance"))

    reader = threading.Thread(target=follow)
    reader.start()
    upload(store, 1)
    eventually("the first is told", lambda: len(told) == 1)
    store.kill("postgres")
    eventually("the store takes instances again", lambda: _takes(store))
    eventually("what came after is told", lambda: len(told) == _instances(store))
    began = time.monotonic()
    assert store.stop() == 0
    reader.join(60)
    assert not reader.is_alive()
    assert len(told) == len(set(told))
    assert time.monotonic() - began < 60


def _takes(store: Store) -> bool:
    try:
        upload(store, 1)
    except (AssertionError, httpx.HTTPError):
        return False
    return _instances(store) > 0


def _instances(store: Store) -> int:
    """How many are listed; -1 while the database is not back."""
    answer = store.http.get("/instances")
    return len(answer.json()) if answer.status_code == 200 else -1
