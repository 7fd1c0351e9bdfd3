# SPDX-License-Identifier: Apache-2.0
"""DICOM between stores and peers: plain, with TLS, and with TLS where both show certificates."""

import ssl
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from outside import Store
from pons_testing.certificates import Authority, Issued


class Channel(StrEnum):
    """How an association is secured."""

    PLAIN = "plain"
    TLS = "TLS"
    """The requestor shows no certificate."""
    MUTUAL = "mutual TLS"
    """Both sides show one."""


class SecureStore(Store):
    """One whose DICOM port does not answer without TLS."""

    def echo(self) -> bool:
        return True


@dataclass(frozen=True)
class Pki:
    """Certificates of a store and of its peers, which one authority has signed."""

    authority: Authority
    store: Issued
    peer: Issued

    @classmethod
    def issued(cls, folder: Path) -> "Pki":
        authority = Authority(folder, "authority")
        return cls(authority, authority.issue("store"), authority.issue("peer"))

    def settings(self) -> dict[str, str]:
        """Of a store that speaks TLS with every peer that shows no wrong certificate."""
        return {
            "PONS_DICOM_TLS_CERTIFICATE": str(self.store.certificate),
            "PONS_DICOM_TLS_PRIVATE_KEY": str(self.store.key),
            "PONS_DICOM_TLS_TRUSTED": str(self.authority.file),
            "PONS_DICOM_TLS_CLIENT_CERTIFICATE_REQUIRED": "false",
        }

    def requestor(self, channel: Channel) -> ssl.SSLContext | None:
        """What a peer in Python asks with."""
        if channel == Channel.PLAIN:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.authority.file)
        if channel == Channel.MUTUAL:
            context.load_cert_chain(self.peer.certificate, self.peer.key)
        return context

    def acceptor(self, channel: Channel) -> ssl.SSLContext | None:
        """What a peer in Python answers with."""
        if channel == Channel.PLAIN:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.peer.certificate, self.peer.key)
        if channel == Channel.MUTUAL:
            context.load_verify_locations(self.authority.file)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def dcmtk_requestor(self, channel: Channel) -> list[str]:
        """Options of DCMTK's clients."""
        shown = {
            Channel.PLAIN: [],
            Channel.TLS: ["+tla"],
            Channel.MUTUAL: ["+tls", str(self.peer.key), str(self.peer.certificate)],
        }[channel]
        return [*shown, "+cf", str(self.authority.file)] if shown else []

    def dcmtk_acceptor(self, channel: Channel) -> list[str]:
        """Options of DCMTK's storescp."""
        if channel == Channel.PLAIN:
            return []
        asks = "-ic" if channel == Channel.TLS else "-rc"
        shown = ["+tls", str(self.peer.key), str(self.peer.certificate), asks]
        return [*shown, "+cf", str(self.authority.file)]

    def orthanc(self, channel: Channel) -> dict[str, object]:
        """Options of Orthanc, which as a requestor shows its certificate whoever asks."""
        if channel == Channel.PLAIN:
            return {}
        return {
            "DicomTlsEnabled": True,
            "DicomTlsCertificate": str(self.peer.certificate),
            "DicomTlsPrivateKey": str(self.peer.key),
            "DicomTlsTrustedCertificates": str(self.authority.file),
            "DicomTlsRemoteCertificateRequired": channel == Channel.MUTUAL,
        }
