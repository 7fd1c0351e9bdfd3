# SPDX-License-Identifier: Apache-2.0
"""The tables of peers in docs/conformance.md, made of the cases that tests go through."""

from collections.abc import Iterable, Sequence

from pons_testing.documents import written
from secured import Channel

PEERS = ("DCMTK", "pynetdicom", "Orthanc")
Case = tuple[str, str, Channel]
"""A service, a peer, and how they are connected."""


def cases(services: Iterable[str], peer: str, channels: Iterable[Channel]) -> list[Case]:
    return [(service, peer, channel) for service in services for channel in channels]


def matrix(every: Sequence[Case]) -> str:
    """Services by peers; what is not tested is a dash."""
    services = list(dict.fromkeys(service for service, _, _ in every))
    rows = []
    for service in services:
        held = {peer: [] for peer in PEERS}
        for _, peer, channel in (case for case in every if case[0] == service):
            held[peer].append(channel.value)
        rows.append([service, *(", ".join(held[peer]) or "–" for peer in PEERS)])
    return written(["Service", *PEERS], rows)
