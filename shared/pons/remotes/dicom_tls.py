# SPDX-License-Identifier: Apache-2.0
"""TLS below DICOM, on either side of it: whom we believe, and who we are (PS3.15 B).

Contexts are made of the files that the settings `dicom.tls_…` name. The system's authorities are
not asked: without a look at the host, which DICOM's certificates seldom name, everybody whom they
have signed anything for could answer.
"""

import ssl
from collections.abc import MutableMapping
from functools import partial

from pons.errors import TlsUnavailable, Unavailable, log_text
from pons.settings import DicomSettings, SettingsError
from pons.tls import failures
from pons.tls.certificates import Certificates
from pons.tls.contexts import Names, Terms, context_of, server_context

NAMES = Names(
    certificate="dicom.tls_certificate",
    private_key="dicom.tls_private_key",
    trusted="dicom.tls_trusted",
    minimum_version="dicom.tls_minimum_version",
    ciphers="dicom.tls_ciphers",
    check_host="dicom.tls_check_host",
)


def speaks_tls(settings: DicomSettings) -> bool:
    """Whether the DICOM port does."""
    if settings.tls_enabled is None:
        return bool(settings.tls_certificate)
    return settings.tls_enabled


def acceptor_context(settings: DicomSettings) -> ssl.SSLContext:
    """How the DICOM port shows who it is, and what it asks of those who call. Reads files.

    Raises `Unavailable` when they cannot be used, with the settings that name them.
    """
    if not settings.tls_certificate:
        raise TlsUnavailable(f"TLS on the DICOM port needs a certificate: see {NAMES.certificate}")
    required = settings.tls_client_certificate_required
    if required and not settings.tls_trusted:
        raise TlsUnavailable(
            f"Certificates of those who call are to be checked, but {NAMES.trusted} is empty",
            "name those whom to believe, or set dicom.tls_client_certificate_required to false",
        )
    return server_context(_terms(settings), clients_show_certificate=required)


def certificates_of(settings: DicomSettings, warnings: MutableMapping[str, str]) -> Certificates:
    """Those of the DICOM port, as their files are now. Raises `SettingsError` where none can be
    used."""
    try:
        return Certificates(partial(acceptor_context, settings), _terms(settings), warnings)
    except Unavailable as error:
        raise SettingsError(log_text(error)) from error


def requestor_context(settings: DicomSettings) -> ssl.SSLContext:
    """How a modality that is called has to show who it is, and how we do. Reads files.

    Raises `Unavailable` when they cannot be used, with the settings that name them.
    """
    if not settings.tls_trusted:
        raise TlsUnavailable(
            f"Nobody can be called with TLS while {NAMES.trusted} is empty",
            "name the certificates, or those of the authorities, of modalities with UseDicomTls",
        )
    context = context_of(ssl.PROTOCOL_TLS_CLIENT, _terms(settings))
    context.check_hostname = settings.tls_check_host
    return context


def why_no_tls(error: OSError) -> str:
    """What is behind the failure of a handshake, or of what follows it, in our words."""
    return failures.why_no_tls(error, NAMES)


def _terms(settings: DicomSettings) -> Terms:
    return Terms(
        NAMES,
        certificate=settings.tls_certificate,
        private_key=settings.tls_private_key,
        trusted=settings.tls_trusted,
        minimum_version=settings.tls_minimum_version,
        ciphers=settings.tls_ciphers,
    )
