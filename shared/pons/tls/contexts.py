# SPDX-License-Identifier: Apache-2.0
"""Contexts for TLS, made of files: who we are, whom we believe, what we speak.

Nothing is older than TLS 1.2, as BCP 195 has it.
"""

import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pons.errors import TlsUnavailable

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
FEWEST_BITS = 112
"""Of a key; BCP 195 forbids less."""


@dataclass(frozen=True)
class Names:
    """What the settings of one use of TLS are called, for messages."""

    certificate: str
    private_key: str
    trusted: str
    minimum_version: str
    ciphers: str
    check_host: str = ""


@dataclass(frozen=True)
class Terms:
    """What one side brings to a handshake; files by their paths, empty where there is none."""

    names: Names
    certificate: str = ""
    private_key: str = ""
    """Empty: in the file of the certificate."""
    trusted: str = ""
    minimum_version: str = "1.2"
    ciphers: Sequence[str] = ()
    """Of TLS 1.2, by their names in the standard or OpenSSL's; empty: those that OpenSSL has."""

    @property
    def files(self) -> list[Path]:
        """Those that a context is made of."""
        named = (self.certificate, self.private_key, self.trusted)
        return [Path(name) for name in named if name]


class _Locked(Exception):
    """A private key asks for a password."""


def server_context(terms: Terms, *, clients_show_certificate: bool) -> ssl.SSLContext:
    """How a port shows who it is, and what it asks of those who call. Reads files.

    A certificate that a client shows has to be good, where `terms` say whom to believe. Raises
    `Unavailable` when the files cannot be used, with the settings that name them.
    """
    context = context_of(ssl.PROTOCOL_TLS_SERVER, terms)
    # Nobody resumes a session: each handshake is one with the certificates as they are then.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    if clients_show_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
    elif terms.trusted:
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def context_of(protocol: int, terms: Terms) -> ssl.SSLContext:
    """A context for either side, with OpenSSL's defaults for `protocol`. Reads files.

    Raises `Unavailable` when they cannot be used, with the settings that name them.
    """
    context = ssl.SSLContext(protocol)
    context.minimum_version = VERSIONS[terms.minimum_version]
    if terms.ciphers:
        _take_ciphers(context, terms)
    if terms.certificate:
        _load_own(context, terms)
    if terms.trusted:
        read_pem(terms.trusted, terms.names.trusted)
        try:
            context.load_verify_locations(terms.trusted)
        except OSError as error:
            raise TlsUnavailable(
                f"There is no certificate in PEM in the file of {terms.names.trusted}"
            ) from error
    return context


def _take_ciphers(context: ssl.SSLContext, terms: Terms) -> None:
    """Those of TLS 1.2 alone; of TLS 1.3 Python takes all. Each has its name, none a family's."""
    setting = terms.names.ciphers
    for name in terms.ciphers:
        with suppress(ssl.SSLError):
            context.set_ciphers(openssl_name(name))
            found = [one for one in context.get_ciphers() if one["protocol"] != "TLSv1.3"]
            if [one["name"] for one in found] == [openssl_name(name)]:
                if found[0]["strength_bits"] < FEWEST_BITS or found[0]["auth"] == "auth-null":
                    raise TlsUnavailable(
                        f"The cipher {name!r} protects nothing", f"setting {setting}"
                    )
                continue
        raise TlsUnavailable(
            f"OpenSSL has no cipher {name!r} of TLS 1.2",
            f"setting {setting}: see `openssl ciphers`",
        )
    context.set_ciphers(":".join(map(openssl_name, terms.ciphers)))


def openssl_name(cipher: str) -> str:
    """What OpenSSL calls a cipher of TLS 1.2 that has its name in the standard."""
    kind, separator, rest = cipher.removeprefix("TLS_").partition("_WITH_")
    if not separator:
        return cipher
    rest = rest.replace("AES_", "AES").replace("_CBC", "").replace("POLY1305_SHA256", "POLY1305")
    return "-".join(("" if kind == "RSA" else f"{kind}_").split("_")[:-1] + rest.split("_"))


def _load_own(context: ssl.SSLContext, terms: Terms) -> None:
    """The certificate and the key that belongs to it."""
    names = terms.names
    if b"-----BEGIN CERTIFICATE-----" not in read_pem(terms.certificate, names.certificate):
        raise TlsUnavailable(f"There is no certificate in PEM in the file of {names.certificate}")
    key_file = terms.private_key or terms.certificate
    where = names.private_key if terms.private_key else names.certificate
    if b"PRIVATE KEY-----" not in read_pem(key_file, where):
        raise TlsUnavailable(f"There is no private key in PEM in the file of {where}")
    try:
        context.load_cert_chain(terms.certificate, key_file, password=_refuse_password)
    except _Locked as error:
        raise TlsUnavailable(
            f"The private key of {where} has a password", "take it off: openssl pkey"
        ) from error
    except ssl.SSLError as error:
        raise TlsUnavailable(
            f"The private key of {where} is not that of the certificate of {names.certificate}, "
            "or one of them is damaged"
        ) from error
    except OSError as error:
        raise TlsUnavailable(f"The files of {names.certificate} cannot be read") from error


def read_pem(path: str, setting: str) -> bytes:
    """What a file holds. Raises `Unavailable` with the setting that names it."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise TlsUnavailable(f"There is no file {path}", f"setting {setting}") from error
    except OSError as error:
        raise TlsUnavailable(f"The file {path} cannot be read", f"setting {setting}") from error


def _refuse_password() -> str:
    """What OpenSSL calls instead of asking on the terminal."""
    raise _Locked
