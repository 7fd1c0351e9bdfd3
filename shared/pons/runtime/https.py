# SPDX-License-Identifier: Apache-2.0
"""How the REST API shows who it is with TLS, and how other services of the store ask it."""

import ssl
from collections.abc import MutableMapping
from dataclasses import replace
from functools import partial

from pons.errors import TlsUnavailable, Unavailable, log_text
from pons.settings import HttpSettings, SettingsError
from pons.tls.certificates import Certificates
from pons.tls.contexts import Names, Terms, context_of, read_pem, server_context

NAMES = Names(
    certificate="http.tls_certificate",
    private_key="http.tls_key",
    trusted="http.tls_client_ca",
    minimum_version="http.tls_minimum",
    ciphers="http.tls_ciphers",
)

END = "-----END CERTIFICATE-----"


def certificates_of(
    settings: HttpSettings, warnings: MutableMapping[str, str]
) -> Certificates | None:
    """Those of the port, as their files are now; None where it speaks no TLS.

    Reads files. Raises `SettingsError` where none can be used.
    """
    terms = _terms(settings)
    if not settings.tls_certificate:
        if terms.files:
            raise SettingsError(
                f"{NAMES.private_key} and {NAMES.trusted} are of no use without "
                f"{NAMES.certificate}: name a certificate, or leave them out"
            )
        return None
    try:
        return Certificates(partial(_of_the_port, terms, settings), terms, warnings)
    except Unavailable as error:
        raise SettingsError(log_text(error)) from error


def asking(settings: HttpSettings, warnings: MutableMapping[str, str]) -> Certificates:
    """How a service asks the port: believes its certificate alone, whatever that is called, and
    shows the same where clients have to show one.

    Reads files. Raises `Unavailable` where they cannot be used.
    """
    terms = _terms(settings)
    return Certificates(partial(_of_who_asks, terms, settings), terms, warnings)


def _terms(settings: HttpSettings) -> Terms:
    return Terms(
        NAMES,
        certificate=settings.tls_certificate,
        private_key=settings.tls_key,
        trusted=settings.tls_client_ca,
        minimum_version=settings.tls_minimum,
        ciphers=settings.tls_ciphers,
    )


def _of_the_port(terms: Terms, settings: HttpSettings) -> ssl.SSLContext:
    required = bool(settings.tls_client_ca) and settings.tls_client_required
    context = server_context(terms, clients_show_certificate=required)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _of_who_asks(terms: Terms, settings: HttpSettings) -> ssl.SSLContext:
    shown = terms if settings.tls_client_ca else replace(terms, certificate="")
    context = context_of(ssl.PROTOCOL_TLS_CLIENT, replace(shown, trusted=""))
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    # The first of the file is the port's own. Those behind it sign others, too, who are not asked
    # for a name here.
    file = read_pem(terms.certificate, NAMES.certificate).decode("ascii", "ignore")
    try:
        context.load_verify_locations(cadata=file.partition(END)[0] + END)
    except ssl.SSLError as error:
        raise TlsUnavailable(
            f"There is no certificate in PEM in the file of {NAMES.certificate}"
        ) from error
    return context
