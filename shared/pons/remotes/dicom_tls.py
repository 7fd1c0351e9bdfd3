# SPDX-License-Identifier: Apache-2.0
"""TLS below DICOM, on either side of it: whom we believe, who we are, what went wrong (PS3.15 B).

Contexts are made of the files that the settings `dicom.tls_…` name. Nothing is older than TLS 1.2,
as BCP 195 has it, and the system's authorities are not asked: without a look at the host, which
DICOM's certificates seldom name, everybody whom they have signed anything for could answer.
"""

import ssl
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pons.errors import Unavailable
from pons.settings import DicomSettings

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
CERTIFICATE, PRIVATE_KEY, TRUSTED = (
    f"dicom.tls_{name}" for name in ("certificate", "private_key", "trusted")
)

CIPHERS = "dicom.tls_ciphers"
FEWEST_BITS = 112
"""Of a key; BCP 195 forbids less."""
NO_TLS = {
    "WRONG_VERSION_NUMBER": "it does not speak TLS",
    "HTTP_REQUEST": "it speaks HTTP",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it shows no certificate",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": f"it asks for our certificate (setting {CERTIFICATE})",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not trust our certificate, nor who signed it",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it does not take our certificate, which is out of date",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it does not take our certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it does not take our certificate",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "it does not take certificates of this kind",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it wants another cipher, or a certificate of ours "
    f"(setting {CERTIFICATE})",
    "NO_SHARED_CIPHER": "it knows no cipher that we take (setting dicom.tls_ciphers)",
    "UNSUPPORTED_PROTOCOL": "it speaks no version of TLS that we take "
    "(setting dicom.tls_minimum_version)",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it takes no version of TLS that we speak "
    "(setting dicom.tls_minimum_version)",
    "UNEXPECTED_EOF_WHILE_READING": "it closed the connection amid the handshake",
}
"""What OpenSSL's reasons mean, of both sides of a handshake."""
NOT_BELIEVED = {
    9: "its certificate is not valid yet",
    10: "its certificate is out of date",
    18: f"its certificate is signed by itself, and not among those of setting {TRUSTED}",
    19: f"an authority signed its certificate that is not among those of setting {TRUSTED}",
    20: f"an authority signed its certificate that is not among those of setting {TRUSTED}",
    21: f"an authority signed its certificate that is not among those of setting {TRUSTED}",
    26: "its certificate is not made for this side of a connection",
    62: "its certificate is for another host (setting dicom.tls_check_host)",
    64: "its certificate is for another address (setting dicom.tls_check_host)",
}
"""What OpenSSL's results of a verification mean (X509_V_ERR_…)."""


class _Locked(Exception):
    """A private key asks for a password."""


def files(settings: DicomSettings) -> list[Path]:
    """Those that the contexts are made of."""
    named = (settings.tls_certificate, settings.tls_private_key, settings.tls_trusted)
    return [Path(name) for name in named if name]


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
        raise Unavailable(f"TLS on the DICOM port needs a certificate: see {CERTIFICATE}")
    context = _context(ssl.PROTOCOL_TLS_SERVER, settings)
    # Nobody resumes a session: each handshake is one with the certificates as they are then.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    if settings.tls_client_certificate_required:
        if not settings.tls_trusted:
            raise Unavailable(
                f"Certificates of those who call are to be checked, but {TRUSTED} is empty",
                "name those whom to believe, or set dicom.tls_client_certificate_required to false",
            )
        context.verify_mode = ssl.CERT_REQUIRED
    elif settings.tls_trusted:
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def requestor_context(settings: DicomSettings) -> ssl.SSLContext:
    """How a modality that is called has to show who it is, and how we do. Reads files.

    Raises `Unavailable` when they cannot be used, with the settings that name them.
    """
    if not settings.tls_trusted:
        raise Unavailable(
            f"Nobody can be called with TLS while {TRUSTED} is empty",
            "name the certificates, or those of the authorities, of modalities with UseDicomTls",
        )
    context = _context(ssl.PROTOCOL_TLS_CLIENT, settings)
    context.check_hostname = settings.tls_check_host
    return context


def why_no_tls(error: OSError) -> str:
    """What is behind the failure of a handshake, or of what follows it, in our words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return NOT_BELIEVED.get(error.verify_code, "its certificate is not valid")
    if isinstance(error, ssl.SSLError):
        return NO_TLS.get(error.reason or "", "it does not agree to TLS with us")
    return "it closed the connection amid the handshake"


def _context(protocol: int, settings: DicomSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = VERSIONS[settings.tls_minimum_version]
    if settings.tls_ciphers:
        _take_ciphers(context, settings.tls_ciphers)
    if settings.tls_certificate:
        _load_own(context, settings)
    if settings.tls_trusted:
        _read(settings.tls_trusted, TRUSTED)
        try:
            context.load_verify_locations(settings.tls_trusted)
        except OSError as error:
            raise Unavailable(f"There is no certificate in PEM in the file of {TRUSTED}") from error
    return context


def _take_ciphers(context: ssl.SSLContext, names: Sequence[str]) -> None:
    """Those of TLS 1.2 alone; of TLS 1.3 Python takes all. Each has its name, none a family's."""
    for name in names:
        with suppress(ssl.SSLError):
            context.set_ciphers(openssl_name(name))
            found = [one for one in context.get_ciphers() if one["protocol"] != "TLSv1.3"]
            if [one["name"] for one in found] == [openssl_name(name)]:
                if found[0]["strength_bits"] < FEWEST_BITS or found[0]["auth"] == "auth-null":
                    raise Unavailable(f"The cipher {name!r} protects nothing", f"setting {CIPHERS}")
                continue
        raise Unavailable(
            f"OpenSSL has no cipher {name!r} of TLS 1.2",
            f"setting {CIPHERS}: see `openssl ciphers`",
        )
    context.set_ciphers(":".join(map(openssl_name, names)))


def openssl_name(cipher: str) -> str:
    """What OpenSSL calls a cipher of TLS 1.2 that has its name in the standard."""
    kind, separator, rest = cipher.removeprefix("TLS_").partition("_WITH_")
    if not separator:
        return cipher
    rest = rest.replace("AES_", "AES").replace("_CBC", "").replace("POLY1305_SHA256", "POLY1305")
    return "-".join(("" if kind == "RSA" else f"{kind}_").split("_")[:-1] + rest.split("_"))


def _load_own(context: ssl.SSLContext, settings: DicomSettings) -> None:
    """The certificate and the key that belongs to it."""
    if b"-----BEGIN CERTIFICATE-----" not in _read(settings.tls_certificate, CERTIFICATE):
        raise Unavailable(f"There is no certificate in PEM in the file of {CERTIFICATE}")
    key_file = settings.tls_private_key or settings.tls_certificate
    where = PRIVATE_KEY if settings.tls_private_key else CERTIFICATE
    if b"PRIVATE KEY-----" not in _read(key_file, where):
        raise Unavailable(f"There is no private key in PEM in the file of {where}")
    try:
        context.load_cert_chain(settings.tls_certificate, key_file, password=_refuse_password)
    except _Locked as error:
        raise Unavailable(
            f"The private key of {where} has a password", "take it off: openssl pkey"
        ) from error
    except ssl.SSLError as error:
        raise Unavailable(
            f"The private key of {where} is not that of the certificate of {CERTIFICATE}, "
            "or one of them is damaged"
        ) from error
    except OSError as error:
        raise Unavailable(f"The files of {CERTIFICATE} cannot be read") from error


def _read(path: str, setting: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise Unavailable(f"There is no file {path}", f"setting {setting}") from error
    except OSError as error:
        raise Unavailable(f"The file {path} cannot be read", f"setting {setting}") from error


def _refuse_password() -> str:
    """What OpenSSL calls instead of asking on the terminal."""
    raise _Locked
