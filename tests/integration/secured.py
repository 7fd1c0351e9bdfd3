# SPDX-License-Identifier: Apache-2.0
"""DICOM between stores and peers: plain, with TLS, and with TLS where both show certificates."""

import ssl
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from outside import Store
from pons_testing.certificates import Issued
from pons_testing.operations import commands

HERE = "IP:127.0.0.1"


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

    authority: Path
    store: Issued
    peer: Issued

    @classmethod
    def issued(cls, folder: Path) -> "Pki":
        """By the commands of docs/operations.md, those of the store once more for a peer."""
        authority, *ours = commands("DICOM TLS")
        for command in (authority, *ours, *(one.replace("pons", "peer") for one in ours)):
            here = command.replace("DNS:pons.example", HERE).replace("DNS:peer.example", HERE)
            done = subprocess.run(
                ["bash", "-c", here], cwd=folder, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{here}\n{done.stderr}"
        store, peer = (
            Issued(folder / f"{name}.crt", folder / f"{name}.key") for name in ("pons", "peer")
        )
        return cls(folder / "ca.crt", store, peer)

    def settings(self) -> dict[str, str]:
        """Of a store that speaks TLS with every peer that shows no wrong certificate."""
        return {
            "PONS_DICOM_TLS_CERTIFICATE": str(self.store.certificate),
            "PONS_DICOM_TLS_PRIVATE_KEY": str(self.store.key),
            "PONS_DICOM_TLS_TRUSTED": str(self.authority),
            "PONS_DICOM_TLS_CLIENT_CERTIFICATE_REQUIRED": "false",
        }

    def requestor(self, channel: Channel) -> ssl.SSLContext | None:
        """What a peer in Python asks with."""
        if channel == Channel.PLAIN:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.authority)
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
            context.load_verify_locations(self.authority)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def dcmtk_requestor(self, channel: Channel) -> list[str]:
        """Options of DCMTK's clients."""
        shown = {
            Channel.PLAIN: [],
            Channel.TLS: ["+tla"],
            Channel.MUTUAL: ["+tls", str(self.peer.key), str(self.peer.certificate)],
        }[channel]
        return [*shown, "+cf", str(self.authority)] if shown else []

    def dcmtk_acceptor(self, channel: Channel) -> list[str]:
        """Options of DCMTK's storescp."""
        if channel == Channel.PLAIN:
            return []
        asks = "-ic" if channel == Channel.TLS else "-rc"
        shown = ["+tls", str(self.peer.key), str(self.peer.certificate), asks]
        return [*shown, "+cf", str(self.authority)]

    def orthanc(self, channel: Channel) -> dict[str, object]:
        """Options of Orthanc, which as a requestor shows its certificate whoever asks."""
        if channel == Channel.PLAIN:
            return {}
        return {
            "DicomTlsEnabled": True,
            "DicomTlsCertificate": str(self.peer.certificate),
            "DicomTlsPrivateKey": str(self.peer.key),
            "DicomTlsTrustedCertificates": str(self.authority),
            "DicomTlsRemoteCertificateRequired": channel == Channel.MUTUAL,
        }
