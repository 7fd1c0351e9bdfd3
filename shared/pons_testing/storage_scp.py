# SPDX-License-Identifier: Apache-2.0
"""A storage SCP of pynetdicom's that keeps what it receives, and answers as it is told to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt

from pons_testing.scp import serving

ACCEPTS_CT = (str(CTImageStorage), [str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)])


@dataclass
class Peer:
    """What a storage SCP received, and how it answers."""

    port: int = 0
    datasets: list[bytes] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)
    associations: list[tuple[str, str]] = field(default_factory=list)
    ends: dict[Any, str] = field(default_factory=dict)
    """How each association ended; pynetdicom may tell twice that it was aborted."""
    statuses: list[int] = field(default_factory=list)
    """Answers to the next C-STOREs; success when there are none."""
    before_answer: Callable[[evt.Event], None] | None = None

    @property
    def sop_instance_uids(self) -> list[str]:
        return [str(request.AffectedSOPInstanceUID) for request in self.requests]

    @property
    def ended(self) -> list[str]:
        return list(self.ends.values())

    def store(self, event: evt.Event) -> int:
        request: Any = event.request
        self.requests.append(request)
        self.datasets.append(request.DataSet.getvalue())
        if self.before_answer is not None:
            self.before_answer(event)
        return self.statuses.pop(0) if self.statuses else 0

    def accepted(self, event: evt.Event) -> None:
        request: Any = event.assoc.requestor.primitive
        self.associations.append((request.calling_ae_title, request.called_ae_title))


@contextmanager
def listening(*contexts: tuple[str, list[str]], called_aet: str = "") -> Iterator[Peer]:
    """A pynetdicom SCP on a free port that supports `contexts`."""
    peer, ae = Peer(), AE("PEER")
    for sop_class, syntaxes in contexts:
        ae.add_supported_context(sop_class, syntaxes)
    ae.require_called_aet = bool(called_aet)
    if called_aet:
        ae.ae_title = called_aet
    ae.maximum_pdu_size = 16384
    ae.network_timeout = 20
    handlers: Any = [
        (evt.EVT_C_STORE, peer.store),
        (evt.EVT_ACCEPTED, peer.accepted),
        (evt.EVT_RELEASED, lambda event: peer.ends.setdefault(event.assoc, "released")),
        (evt.EVT_ABORTED, lambda event: peer.ends.setdefault(event.assoc, "aborted")),
    ]
    with serving(ae, *handlers) as peer.port:
        yield peer
