# SPDX-License-Identifier: Apache-2.0
"""Destinations that are this store itself: by their address and port alone."""

import socket
from typing import Any

import pytest

from pons.messages.modality import Modality
from pons.remotes.peers import OtherStore
from pons.routing.own import OwnDoors
from pons.settings import DicomSettings, HttpSettings, Settings

EVERYWHERE, ONE = (
    Settings(
        dicom=DicomSettings(host=dicom, port=11112),
        http=HttpSettings(host=http, port=8042, allow_anonymous=True),
    )
    for dicom, http in (("0.0.0.0", "::"), ("192.0.2.7", "::1"))
)


class Known:
    """What is known by name."""

    def __init__(self, **known: Any) -> None:
        self.known = known

    def list(self) -> dict[str, Any]:
        return self.known


def is_own(destination: str, one: Any, settings: Settings = EVERYWHERE) -> bool:
    known: Any = Known(one=one)
    return OwnDoors(known, known, settings).has(destination)


@pytest.mark.parametrize(
    ("host", "port", "own"),
    [
        ("127.0.0.1", 11112, True),
        ("127.0.0.1", 11113, False),
        ("0.0.0.0", 11112, True),
        ("localhost", 11112, True),
        (socket.gethostname(), 11112, True),
        ("192.0.2.8", 11112, False),
        ("pacs.example.org", 11112, False),
    ],
)
def test_modalities(host: str, port: int, own: bool) -> None:
    """Whatever their AE titles: the port takes all."""
    assert is_own("modality:one", Modality("ANY", host, port)) is own


@pytest.mark.parametrize(
    ("host", "own"),
    [("192.0.2.7", True), ("127.0.0.1", False), ("localhost", False), ("192.0.2.8", False)],
)
def test_a_store_that_listens_at_one_address(host: str, own: bool) -> None:
    """At the same port of the machine's other addresses there may be somebody else."""
    assert is_own("modality:one", Modality("ANY", host, 11112), ONE) is own


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://127.0.0.1:8042/", True),
        ("http://LOCALHOST.:8042/", True),
        ("https://[::1]:8042/path/", True),
        ("http://127.0.0.1/", False),
        ("http://192.0.2.8:8042/", False),
    ],
)
def test_peers(url: str, own: bool) -> None:
    """Those of another port, as of another store on this machine, are somebody else."""
    assert is_own("peer:one", OtherStore(url)) is own


def test_others() -> None:
    """What is not known yet is somebody else, and so is every webhook."""
    assert not is_own("modality:two", Modality("ANY", "127.0.0.1", 11112))
    assert not is_own("webhook:one", None)
