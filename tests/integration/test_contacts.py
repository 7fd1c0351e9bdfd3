# SPDX-License-Identifier: Apache-2.0
"""What a store knows of the last contact with each modality and peer, as its page is told."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage, Verification

from outside import Store, eventually
from pons_testing.scp import serving

REMOTES = "/explorer/api/remotes"


@contextmanager
def nobody() -> Iterator[int]:
    """A port where nobody listens, and nobody else will."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield int(bound.getsockname()[1])


@contextmanager
def known(store: Store, kind: str, name: str, described: dict[str, object]) -> Iterator[None]:
    """The store knows it as long as the block runs."""
    store.http.put(f"/{kind}/{name}", json=described).raise_for_status()
    try:
        yield
    finally:
        store.http.delete(f"/{kind}/{name}")


def contact(store: Store, name: str, kind: str = "modalities") -> dict[str, Any]:
    """The last contact with it; {} where none is known."""
    (found,) = [one for one in store.get(REMOTES)[kind] if one["name"] == name]
    return found["contact"] or {}


def outcome(store: Store, name: str, wanted: str, kind: str = "modalities") -> dict[str, Any]:
    """The last contact, once it is like this."""

    def like_this() -> dict[str, Any] | None:
        last = contact(store, name, kind)
        return last if last.get("outcome") == wanted else None

    found: dict[str, Any] = eventually(f"{name} is {wanted}", like_this)
    return found


def at(port: int) -> dict[str, object]:
    return {"AET": "PEER", "Host": "127.0.0.1", "Port": port}


def test_refusing_and_absent_and_well(store: Store) -> None:
    """Each is told apart, with when and why; of one that is described anew nothing is known."""
    willing, refusing = AE("PEER"), AE("PEER")
    willing.add_supported_context(Verification)
    refusing.add_supported_context(CTImageStorage)
    with (
        serving(willing) as willing_port,
        serving(refusing) as refusing_port,
        nobody() as no_port,
        known(store, "modalities", "contact-well", at(willing_port)),
        known(store, "modalities", "contact-refusing", at(refusing_port)),
        known(store, "modalities", "contact-absent", at(no_port)),
        known(store, "peers", "contact-peer", {"Url": str(store.http.base_url)}),
        known(store, "peers", "contact-nowhere", {"Url": f"http://127.0.0.1:{no_port}/"}),
    ):
        for name, status in (("well", 200), ("refusing", 500), ("absent", 500)):
            answer = store.http.post(f"/modalities/contact-{name}/echo", json={"Timeout": 30})
            assert answer.status_code == status, answer.text
        for name, status in (("peer", 200), ("nowhere", 500)):
            answer = store.http.get(f"/peers/contact-{name}/system")
            assert answer.status_code == status, answer.text
        last = outcome(store, "contact-well", "well")
        assert (last["did"], last["why"], last["well"]) == ("C-ECHO", "", last["at"])
        last = outcome(store, "contact-refusing", "failed")
        assert last["why"] == "accepts no presentation context for Verification SOP Class"
        last = outcome(store, "contact-absent", "absent")
        assert last["why"] == f"connection refused by 127.0.0.1:{no_port}"
        assert last["well"] == 0
        assert outcome(store, "contact-peer", "well", "peers")["did"] == "GET /system"
        last = outcome(store, "contact-nowhere", "absent", "peers")
        assert last["why"] == "no connection: nobody listens there"
        changed = at(willing_port)
        store.http.put("/modalities/contact-absent", json=changed).raise_for_status()
        eventually("nothing is known of it", lambda: contact(store, "contact-absent") == {})


def test_the_stream_tells_it(store: Store) -> None:
    """As soon as it is known, without a further question; and that a modality is gone."""
    with (
        nobody() as port,
        store.http.stream("GET", "/explorer/api/events", timeout=120) as stream,
    ):
        assert stream.status_code == 200, stream.read()
        told = remotes_told(stream.iter_lines())
        with known(store, "modalities", "contact-told", at(port)):
            until_told(told, lambda states: states.get("contact-told", {}) is None)
            store.http.post("/modalities/contact-told/echo", json={"Timeout": 30})
            until_told(told, lambda states: outcome_of(states) == "absent")
        until_told(told, lambda states: "contact-told" not in states)


def remotes_told(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The last contact of each remote by its name, of each event that tells of them."""
    event = ""
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "event":
            event = value
        elif name == "data" and event == "remotes":
            yield {one["name"]: one["contact"] for one in json.loads(value)["remotes"]}


def outcome_of(states: dict[str, Any]) -> str:
    return (states.get("contact-told") or {}).get("outcome", "")


def until_told(told: Iterator[dict[str, Any]], condition: Any) -> None:
    """The stream ends, or is silent for its time limit, where that is never told."""
    assert any(condition(states) for states in told)
