# SPDX-License-Identifier: Apache-2.0
"""A long job while everything below it dies, one after the other."""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import httpx
from pydicom import dcmwrite
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, evt

from outside import Store, eventually, image
from pons_testing.scp import serving

INSTANCES = 5000
STUDY = "1.2.826.0.1.9"


@contextmanager
def archive() -> Iterator[tuple[int, list[str]]]:
    """A storage SCP: its port, and the instances that came, in their order."""
    received: list[str] = []

    def store(event: Any) -> int:
        received.append(str(event.request.AffectedSOPInstanceUID))
        return 0

    ae = AE("ARCHIVE")
    ae.add_supported_context(CTImageStorage, ExplicitVRLittleEndian)
    with serving(ae, (evt.EVT_C_STORE, store)) as port:
        yield port, received


def upload(store: Store) -> set[str]:
    """Fill the study; its SOP instance UIDs."""
    content = BytesIO()
    dataset = image("LONG", STUDY, 1, rows=2)
    uids = [f"1.2.826.0.1.9.{number}" for number in range(1, INSTANCES + 1)]
    with zipfile.ZipFile(content, "w") as archived:
        for number, uid in enumerate(uids, 1):
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
            dataset.InstanceNumber = number
            file = BytesIO()
            dcmwrite(file, dataset, enforce_file_format=True)
            archived.writestr(f"{number}.dcm", file.getvalue())
    answer = store.http.post("/instances", content=content.getvalue(), timeout=300)
    assert answer.status_code == 200, answer.text
    return set(uids)


def test_everything_dies_while_5000_instances_are_sent(fresh_store: Callable[..., Store]) -> None:
    """The job ends in Success, goes on behind the last instance that was sent, and the exports log
    has the study: whatever was killed meanwhile."""
    store = fresh_store("long", PONS_EGRESS_TIMEOUT="5")
    uids = upload(store)
    (study,) = store.get("/studies")
    eventually(
        "all are indexed",
        lambda: store.get("/statistics")["CountInstances"] == INSTANCES,
    )
    with archive() as (port, received):
        described = {"AET": "ARCHIVE", "Host": "127.0.0.1", "Port": port}
        assert store.http.put("/modalities/archive", json=described).status_code == 200
        asked = {"Resources": [study], "Asynchronous": True}
        job = store.http.post("/modalities/archive/store", json=asked).json()
        for number, kind in enumerate(("egress", "nats", "postgres", "index", "egress"), 1):
            reached = number * INSTANCES // 8
            eventually(f"{reached} have arrived", lambda most=reached: len(received) > most, 120)
            store.kill(kind)

        def ended() -> Any:
            try:
                shown = store.http.get(job["Path"], timeout=10).json()
            except (httpx.HTTPError, ValueError):
                return None
            return shown if shown.get("State") in ("Success", "Failure") else None

        shown = eventually("the job has ended", ended, 300)
    assert (shown["State"], shown["Content"]["InstancesCount"]) == ("Success", INSTANCES), shown
    assert set(received) == uids
    assert len(received) < INSTANCES + 100
    store.wait_until_ready()
    exports = store.get("/exports", limit=1000000)["Exports"]
    assert any(one["ResourceType"] == "Study" and one["ID"] == study for one in exports)
