# SPDX-License-Identifier: Apache-2.0
"""Whatever dies, at whatever moment: what was acknowledged is there, once, and nothing else is."""

import os
import random
import threading
from collections.abc import Callable
from io import BytesIO

import pytest
from pydicom import dcmread

from outside import KINDS, Store, eventually
from senders import DicomSender, HttpSender, Sender, sending

pytestmark = pytest.mark.filterwarnings(
    # pynetdicom drops the socket of a refused connection without closing it.
    "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
)

ROUNDS = int(os.environ.get("PONS_TEST_KILL_ROUNDS", "21"))
SEED = int(os.environ.get("PONS_TEST_KILL_SEED", "4242"))


def test_what_was_acknowledged_survives_the_death_of_any_process(
    fresh_store: Callable[..., Store],
) -> None:
    """Kill -9 of each service, of NATS and of PostgreSQL loses, doubles and invents nothing."""
    store = fresh_store("kill", PONS_STORAGE_ORPHAN_GRACE="20", PONS_STORAGE_COLLECT_INTERVAL="1")
    chance = random.Random(SEED)
    senders: list[Sender] = [DicomSender(store, number) for number in range(3)]
    senders.append(HttpSender(store, 3))
    with sending(senders):
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

    sent = {uid: ds.PixelData for sender in senders for uid, ds in sender.sent.items()}
    acknowledged = set().union(*(sender.acknowledged for sender in senders))
    eventually("every acknowledged instance is listed", lambda: acknowledged <= listed(store))
    uids = eventually("what nobody heard of is listed, too", lambda: all_counted(store))
    assert len(uids) == len(set(uids)), "an instance is there twice"
    assert set(uids) <= set(sent), "an instance is there that nobody sent"
    for identifier in store.get("/instances"):
        ds = dcmread(BytesIO(store.http.get(f"/instances/{identifier}/file").content))
        assert ds.PixelData == sent[ds.SOPInstanceUID]
    eventually(
        "every object has its instance",
        lambda: len(store.objects()) == store.get("/statistics")["CountInstances"],
        90,
    )


def listed(store: Store) -> set[str]:
    return set(uids_of(store))


def uids_of(store: Store) -> list[str]:
    found = store.get("/instances", expand="")
    return [one["MainDicomTags"]["SOPInstanceUID"] for one in found]


def all_counted(store: Store) -> list[str]:
    """What is listed, where that is all that is counted; else empty."""
    uids = uids_of(store)
    return uids if store.get("/statistics")["CountInstances"] == len(uids) else []
