# SPDX-License-Identifier: Apache-2.0
"""Where an association goes, under which names, and how long to wait there."""

from dataclasses import dataclass

from pons.errors import RemoteFailure
from pons.jobs import StoreRequest
from pons.messages.modality import Modality
from pons.remotes.contacts import node_address
from pons.sending.contexts import UNCOMPRESSED
from pons.settings import DicomSettings, Settings
from pons_egress import calls


class InstanceRefused(RemoteFailure):
    """The peer does not take this one instance."""


class Silent(RemoteFailure):
    """The peer did not answer within its timeout, or took no more data for as long."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A DICOM node to call."""

    modality: str
    local_aet: str
    aet: str
    host: str
    port: int
    timeout: float
    """Seconds for each of: connecting, the association's answer, an answer or any progress."""
    tls: DicomSettings | None = None
    """Whose certificates to use; None: it is called without TLS."""
    into: tuple[str, ...] = UNCOMPRESSED
    """Transfer syntaxes into which instances may be re-encoded for it, best first."""

    @property
    def address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def failure(self, what: str, theirs: str = "") -> RemoteFailure:
        """The error that says `what` happened with this peer; `theirs` is what it says itself."""
        return RemoteFailure(self._told(what + theirs), why=what)

    def absence(self, what: str) -> RemoteFailure:
        """The error that says why there is no connection with it."""
        return RemoteFailure(self._told(what), reached=False, why=what)

    def refusal(self, what: str, theirs: str = "") -> InstanceRefused:
        """The error that says why it did not take an instance."""
        return InstanceRefused(self._told(what + theirs), final=True, why=what)

    def silence(self, what: str) -> Silent:
        """The error that says `what` it did not do in time."""
        late = f"{what} {self.timeout:g} s"
        return Silent(self._told(late), why=late)

    def _told(self, what: str) -> str:
        return f"Modality {self.modality!r} ({self.aet} at {self.address}): {what}"


def find_peer(request: StoreRequest, modality: Modality, settings: Settings) -> Peer:
    """The peer that `modality` describes, with what `request` says otherwise."""
    local_aet, aet = request.aets(modality, settings.dicom.aet)
    host, port = request.host or modality.host, request.port or modality.port
    calls.at(node_address(aet, host, port))
    return Peer(
        modality=request.modality,
        local_aet=local_aet,
        aet=aet,
        host=host,
        port=port,
        timeout=request.timeout or float(modality.timeout) or settings.egress.timeout,
        into=_into(modality, settings),
        tls=settings.dicom if modality.use_dicom_tls else None,
    )


def _into(modality: Modality, settings: Settings) -> tuple[str, ...]:
    if not modality.allow_transcoding:
        return ()
    preferred = settings.egress.preferred_transfer_syntax
    return tuple(sorted(UNCOMPRESSED, key=lambda one: one != preferred))
