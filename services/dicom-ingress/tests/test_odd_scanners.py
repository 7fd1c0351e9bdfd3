# SPDX-License-Identifier: Apache-2.0
"""Associations as odd modalities have them: contexts, titles, and words behind the end."""

import socket
from types import ModuleType
from typing import Any

import pytest

RELEASE_RQ = b"\5\0\0\0\0\4\0\0\0\0"
RELEASE_RP = (6, bytes(4))


def test_what_cannot_be_proposed_is_told(port: Any, wire: ModuleType, logs: list[Any]) -> None:
    """The log names who has proposed what no association can be made of, and why."""
    verification = (3, wire.VERIFICATION, wire.IMPLICIT)
    for contexts in (
        [(1, wire.CT, wire.EXPLICIT), (1, wire.VERIFICATION, wire.IMPLICIT)],
        [(2, wire.CT, wire.EXPLICIT), verification],
        [(2 * number % 256 + 1, wire.CT, wire.EXPLICIT) for number in range(129)],
    ):
        with port.connect(calling="ct scanner one") as peer:
            peer.send(peer.request(*contexts))
            assert peer.receive() == (7, bytes(4))
    wire.until(lambda: len(logs) == 3)
    assert [line["why"].partition(": ")[2] for line in logs] == [
        "presentation context 1 is there twice",
        "a presentation context without an odd number",
        "too many items of type 0x20",
    ]
    assert {line["calling_aet"] for line in logs} == {"ct scanner one"}


def test_128_contexts_of_one_class(port: Any, wire: ModuleType) -> None:
    """As many as there can be are accepted, and the last one is as good as the first."""
    contexts = [(number, wire.CT, wire.EXPLICIT) for number in range(1, 257, 2)]
    with port.connect().associate(*contexts) as peer:
        command = wire.command(1, instance="1.2.3")
        peer.send(wire.fragment(255, 3, command) + wire.fragment(255, 2, wire.dataset()))
        assert peer.receive_status() == 0


@pytest.mark.parametrize(
    ("title", "known"),
    [(" ct scanner 1 ", "ct scanner 1"), ("abc def ghi j 16", "abc def ghi j 16")],
)
def test_titles(port: Any, wire: ModuleType, title: str, known: str) -> None:
    """Spaces around a title are no part of it (PS3.8 9.3.2); those within, and case, are kept."""
    with port.connect(calling=title).associate() as peer:
        peer.send(wire.store("1.2.3"))
        assert peer.receive_status() == 0
    assert port.store.kept[0][1].remote_aet == known


def test_no_title_at_all(port: Any, wire: ModuleType, logs: list[Any]) -> None:
    """A peer without one is a peer: that its association was lost is told as of any other."""
    with port.connect(calling="").associate() as peer:
        assert peer.echo() == 0
    wire.until(lambda: len(logs) == 1)
    assert (logs[0]["event"], logs[0]["log_level"]) == ("association lost", "warning")


def test_messages_behind_a_release(port: Any, wire: ModuleType) -> None:
    """What comes after the request to release is not served, and harms nobody."""
    with port.connect().associate() as peer:
        peer.send(wire.store("1.2.3") + RELEASE_RQ + wire.store("1.2.4"))
        assert peer.receive_status() == 0
        assert peer.receive() == RELEASE_RP
        peer.socket.shutdown(socket.SHUT_WR)
        assert peer.at_end()
    assert len(port.store.kept) == 1
