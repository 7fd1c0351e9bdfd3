# SPDX-License-Identifier: Apache-2.0
"""TLS with the servers that a store works on: whom it believes there, and what went wrong."""

import ssl
from collections.abc import Iterator

from pons.tls.contexts import Names, Terms, context_of
from pons.tls.failures import why_no_tls

OF_ITS_OWN = "the server's own"
POSTGRESQL = Names(
    certificate="database.url, sslcert",
    private_key="database.url, sslkey",
    trusted="database.tls_ca",
    minimum_version=OF_ITS_OWN,
    ciphers=OF_ITS_OWN,
    check_host="database.url",
)
NATS = Names(
    certificate="nats.tls_certificate",
    private_key="nats.tls_key",
    trusted="nats.tls_ca",
    minimum_version=OF_ITS_OWN,
    ciphers=OF_ITS_OWN,
    check_host="nats.url",
)

S3 = Names(
    certificate=OF_ITS_OWN,
    private_key=OF_ITS_OWN,
    trusted="storage.s3_ca",
    minimum_version=OF_ITS_OWN,
    ciphers=OF_ITS_OWN,
    check_host="storage.s3_endpoint",
)


def asking_context(terms: Terms) -> ssl.SSLContext:
    """For asking a server, whose certificate has to name its host, and to be signed by those whom
    `terms` trust: the system's authorities where they name nobody.

    Reads files. Raises `Unavailable` when they cannot be used, with the settings that name them.
    """
    context = context_of(ssl.PROTOCOL_TLS_CLIENT, terms)
    if terms.trusted:
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a certificate itself will do
    else:
        context.load_default_certs()
    return context


def no_tls(server: str, error: BaseException, names: Names) -> str:
    """What keeps us from TLS with a server, in a sentence; empty where `error` has other causes."""
    for one in _causes(error):
        if isinstance(one, ssl.SSLError):
            return f"There is no TLS with {server}: {why_no_tls(one, names)}"
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what is behind it; urllib3 has that among the arguments of its own."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.append(one)
        yield one
        behind = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        waiting += [next_one for next_one in behind if isinstance(next_one, BaseException)]
