# SPDX-License-Identifier: Apache-2.0
"""Who may reach the ports, and how: what Orthanc's options say together, as settings.

A server that is off with Orthanc cannot be off here: it stays on loopback.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from pons.settings import is_loopback
from pons_embedded.errors import Refusal

LOOPBACK = "127.0.0.1"
EVERY = "0.0.0.0"  # noqa: S104 as Orthanc listens; users are asked for by `access`

Tree = dict[str, dict[str, Any]]


def access(said: Mapping[str, Any], warnings: list[str]) -> Tree:
    """Hosts and users, from the values of the options that are `Joint`; adds to `warnings`.

    Raises `Refusal` when nobody or everybody could get in by mistake.
    """
    remote = said.get("RemoteAccessAllowed", False)
    authenticated = said.get("AuthenticationEnabled", remote)
    users = said.get("RegisteredUsers", {})
    if authenticated and not users:
        raise Refusal(
            "AuthenticationEnabled is true (its default is that of RemoteAccessAllowed) and "
            "RegisteredUsers is empty: add a user, or set AuthenticationEnabled to false"
        )
    if users and not authenticated:
        warnings.append("RegisteredUsers has no effect: AuthenticationEnabled is false")
    host = _http_host(said, remote, warnings)
    exposed = not authenticated and not is_loopback(host)
    if exposed:
        warnings.append("AuthenticationEnabled is false: everyone who reaches REST may do anything")
    return {
        "http": {
            "host": host,
            "users": users if authenticated else {},
            "allow_anonymous": exposed,
            **_https(said),
        },
        "dicom": {"host": _dicom_host(said, warnings)},
    }


def _http_host(said: Mapping[str, Any], remote: bool, warnings: list[str]) -> str:
    addresses = said.get("HttpBindAddresses", [])
    if len(addresses) > 1:
        raise Refusal("HttpBindAddresses has several addresses: Pons listens on one, or on all")
    for address in addresses:
        try:
            ip_address(address)
        except ValueError:
            raise Refusal(f"HttpBindAddresses: {address!r} is not an address") from None
    host = addresses[0] if addresses else EVERY
    if not said.get("HttpServerEnabled", True):
        warnings.append("HttpServerEnabled is false: REST cannot be off, it stays on loopback")
        return LOOPBACK
    if remote:
        return host
    if addresses and not is_loopback(host):
        warnings.append("HttpBindAddresses has no effect: RemoteAccessAllowed is false")
    return host if is_loopback(host) else LOOPBACK


def _https(said: Mapping[str, Any]) -> dict[str, Any]:
    """What REST speaks; as in Orthanc, nothing of it counts without `SslEnabled`."""
    if not said.get("SslEnabled", False):
        return {}
    if not (certificate := said.get("SslCertificate", "")):
        raise Refusal(
            "SslEnabled is true, and SslCertificate names no file: name the PEM file that has "
            "both the key and the certificate, or set SslEnabled to false"
        )
    spoken = {
        "tls_certificate": certificate,
        "tls_minimum": said.get("SslMinimumProtocolVersion", "1.2"),
        "tls_ciphers": said.get("SslCiphersAccepted", []),
    }
    if not said.get("SslVerifyPeers", False):
        return spoken
    if not (trusted := said.get("SslTrustedClientCertificates", "")):
        raise Refusal(
            "SslVerifyPeers is true, and SslTrustedClientCertificates names no file: name the PEM "
            "file of those whose certificates get in, or set SslVerifyPeers to false"
        )
    return spoken | {"tls_client_ca": trusted}


def _dicom_host(said: Mapping[str, Any], warnings: list[str]) -> str:
    if not said.get("DicomServerEnabled", True):
        warnings.append("DicomServerEnabled is false: DICOM cannot be off, it stays on loopback")
        return LOOPBACK
    return EVERY
