# SPDX-License-Identifier: Apache-2.0
"""TLS with a peer, and why there is no connection with one, in our words."""

import socket
import ssl
from collections.abc import Iterator

from pons.errors import BadRequest
from pons.remotes.peers import OtherStore
from pons.settings import EgressSettings

NO_CONNECTION = {
    ssl.SSLCertVerificationError: "its certificate is not for this address, out of date, or signed "
    "by nobody whom we trust (setting egress.https_ca_file)",
    ssl.SSLError: "it does not agree to TLS with us",
    socket.gaierror: "its host is not known",
    ConnectionRefusedError: "nobody listens there",
}
"""What is behind a failure to connect, the most telling first."""


def tls_context(name: str, peer: OtherStore, settings: EgressSettings) -> ssl.SSLContext | bool:
    """How the peer called `name` shows who it is, and how we do; False without TLS.

    Reads files. No password is ever asked for on a terminal. Raises `BadRequest`.
    """
    if not peer.url.startswith("https:"):
        return False
    try:
        context = ssl.create_default_context(cafile=settings.https_ca_file or None)
    except OSError as error:
        raise BadRequest(
            "The certificates of setting egress.https_ca_file cannot be read",
            "it names a file of certificates in PEM",
        ) from error
    if not settings.https_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if peer.certificate_file:
        try:
            context.load_cert_chain(
                peer.certificate_file,
                peer.certificate_key_file or None,
                password=lambda: peer.certificate_key_password,
            )
        except (OSError, ValueError) as error:
            missing = isinstance(error, FileNotFoundError | PermissionError)
            why = (
                "a file is missing, or may not be read"
                if missing
                else "certificate, key and password do not belong together"
            )
            raise BadRequest(
                f"The certificate that peer {name!r} is to be shown cannot be used: {why}",
                "see CertificateFile, CertificateKeyFile and CertificateKeyPassword",
            ) from error
    return context


def why_not_connected(failure: BaseException) -> str:
    """What is behind a failure to connect."""
    causes = list(_causes(failure))
    for kind, words in NO_CONNECTION.items():
        if any(isinstance(cause, kind) for cause in causes):
            return words
    return "nothing is reached there"


def _causes(failure: BaseException | None) -> Iterator[BaseException]:
    seen = []
    while failure is not None and failure not in seen:
        seen.append(failure)
        yield failure
        if isinstance(failure, BaseExceptionGroup):
            for one in failure.exceptions:
                yield from _causes(one)
        failure = failure.__cause__ or failure.__context__
