# SPDX-License-Identifier: Apache-2.0
"""`./pons certificate`: a certificate that signs itself, for those who only want to begin."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pons_embedded.errors import Refusal
from pons_embedded.folder import DataFolder
from pons_embedded.secrets import write_private

HOST = re.compile(
    r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
)
DAYS = 397
"""Browsers take none of authorities that is valid for longer."""
MOST_DAYS = 3650
SLACK = timedelta(hours=1)
"""By which clocks of clients may be late."""


def make_certificate(
    folder: DataFolder, names: Sequence[str], days: int | None = None, *, force: bool = False
) -> int:
    """Make one for `names`, hosts or addresses, and say where it is; the exit code.

    One that is there already, for the same names, stays. Raises `Refusal` for names that are none,
    and where another is there, unless `force`.
    """
    hosts = [_host(name) for name in names]
    days = DAYS if days is None else days
    if not 1 <= days <= MOST_DAYS:
        raise Refusal(f"--days is a number from 1 to {MOST_DAYS}, not {days}")
    certificate, key = folder.tls / "certificate.pem", folder.tls / "key.pem"
    if not force and (certificate.exists() or key.exists()):
        found = _read(certificate)
        if found is None or not key.exists() or _hosts_of(found) != hosts:
            whose = f" for {', '.join(_hosts_of(found))}" if found else ""
            raise Refusal(f"there is a certificate{whose} in {folder.tls}: --force makes another")
        what = "is there already; --force makes another"
    else:
        found, secret = _signed(hosts, days)
        folder.make()  # as a store does that is started first
        write_private(key, secret)
        write_private(certificate, found.public_bytes(serialization.Encoding.PEM).decode())
        what = "is made"
    print(
        f"A certificate for {', '.join(hosts)} {what}.\n"
        f"It signs itself, and ends on {found.not_valid_after_utc:%Y-%m-%d}. In pons.toml:\n\n"
        f"[http]\ntls_certificate = '{certificate}'\ntls_key = '{key}'\n\n"
        "Then REST speaks HTTPS alone, from the next start on; a store that does so already takes "
        "a new certificate at once.\n"
        "Clients have to be told to believe it: curl --cacert with the file of the certificate."
    )
    return 0


def _host(name: str) -> str:
    """As it stands in a certificate."""
    try:
        return str(ip_address(name))
    except ValueError:
        host = name.lower().removesuffix(".")
        if len(host) > 253 or HOST.fullmatch(host) is None:
            raise Refusal(
                f"{name!r} is no host name and no address: write pacs.example or 192.0.2.7, "
                "without scheme, port and path"
            ) from None
        return host


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _signed(hosts: Sequence[str], days: int) -> tuple[x509.Certificate, str]:
    """The certificate, and its key in PEM. Both sides of a connection can show it."""
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:64])])
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    sides = x509.ExtendedKeyUsage(
        [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    )
    made = (
        x509.CertificateBuilder(named, named, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - SLACK)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(map(_general, hosts)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(sides, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return made, secret.decode()


def _read(path: Path) -> x509.Certificate | None:
    """The certificate in a file; None where there is none."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None


def _hosts_of(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in found.value]
