# SPDX-License-Identifier: Apache-2.0
"""Peers, users and TLS of Orthanc's configuration file."""

import json
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from pons.dicom.transfer_syntaxes import matching
from pons.errors import Unavailable
from pons.remotes.dicom_tls import acceptor_context, speaks_tls
from pons.settings import load_settings
from pons_embedded.errors import Refusal
from pons_embedded.orthanc.syntaxes import FAMILIES
from pons_embedded.orthanc.translate import Translated, translate


def translated(tmp_path: Path, **options: Any) -> Translated:
    file = tmp_path / "orthanc.json"
    file.write_text(json.dumps(options))
    return translate([file], {})


def test_modalities_come_in_every_form(tmp_path: Path) -> None:
    """Arrays of three and four, and objects."""
    given = {
        "ct": ["CT1", "192.0.2.7", 104],
        "vitrea": ["VITREA", "192.0.2.8", 104, "Vitrea"],
        "archive": {"AET": "ARCHIVE", "Host": "a.example", "Port": 11112, "AllowMove": False},
    }
    assert load_settings(translated(tmp_path, DicomModalities=given).settings).modalities == given


def test_families_of_transfer_syntaxes_are_added_and_taken_away(tmp_path: Path) -> None:
    """After the list, as in Orthanc; without them the list stays as it is."""
    given = {
        "AcceptedTransferSyntaxes": ["1.2.840.10008.1.2*", "1.2.840.10008.1.2.4.9?"],
        "JpegTransferSyntaxAccepted": False,
        "Mpeg2TransferSyntaxAccepted": False,
        "RleTransferSyntaxAccepted": True,
    }
    dicom = load_settings(translated(tmp_path, **given).settings).dicom
    accepted = set(dicom.accepted_transfer_syntaxes)
    assert {"1.2.840.10008.1.2", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"} <= accepted
    assert {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70"} & accepted == set()
    given = {"AcceptedTransferSyntaxes": ["1.2.840.10008.1.2"], "RleTransferSyntaxAccepted": True}
    dicom = load_settings(translated(tmp_path, **given).settings).dicom
    assert dicom.accepted_transfer_syntaxes == ["1.2.840.10008.1.2", "1.2.840.10008.1.2.5"]
    del given["RleTransferSyntaxAccepted"]
    dicom = load_settings(translated(tmp_path, **given).settings).dicom
    assert dicom.accepted_transfer_syntaxes == ["1.2.840.10008.1.2"]
    for patterns in FAMILIES.values():
        assert len(matching(patterns)) >= 1


def test_peers_come_in_every_form(tmp_path: Path) -> None:
    """Arrays of one and three, and objects."""
    given = {
        "open": ["http://a.example/"],
        "closed": ["http://b.example/", "alice", "s3cret"],
        "long": {"Url": "http://c.example/", "Username": "alice", "Password": "s3cret"},
    }
    assert load_settings(translated(tmp_path, OrthancPeers=given).settings).peers == given


def test_passwords_become_hashes(tmp_path: Path) -> None:
    """What services are told has no password, and the hash is that of the password."""
    result = translated(tmp_path, RemoteAccessAllowed=True, RegisteredUsers={"alice": "s3cret"})
    assert "s3cret" not in json.dumps(result.settings)
    users = load_settings(result.settings).http.users
    assert PasswordHasher().verify(users["alice"], "s3cret")
    assert load_settings(result.settings).http_host == "0.0.0.0"


@pytest.mark.parametrize(
    ("options", "host", "warning"),
    [
        ({}, "127.0.0.1", None),
        ({"HttpBindAddresses": ["::1"]}, "::1", None),
        ({"HttpBindAddresses": ["192.0.2.1"]}, "127.0.0.1", "HttpBindAddresses has no effect: Re"),
        ({"RemoteAccessAllowed": True, "RegisteredUsers": {"a": "b"}}, "0.0.0.0", None),
        (
            {
                "RemoteAccessAllowed": True,
                "RegisteredUsers": {"a": "b"},
                "HttpBindAddresses": ["192.0.2.1"],
            },
            "192.0.2.1",
            None,
        ),
        (
            {"RemoteAccessAllowed": True, "AuthenticationEnabled": False},
            "0.0.0.0",
            "AuthenticationEnabled is false: everyone who reaches REST",
        ),
        (
            {
                "RemoteAccessAllowed": True,
                "RegisteredUsers": {"a": "b"},
                "SslEnabled": True,
                "SslCertificate": "store.pem",
            },
            "0.0.0.0",
            None,
        ),
        ({"HttpServerEnabled": False}, "127.0.0.1", "HttpServerEnabled is false: REST cannot be"),
        ({"RegisteredUsers": {"a": "b"}}, "127.0.0.1", "RegisteredUsers has no effect"),
    ],
)
def test_rest_is_open_where_orthanc_s_would_be(
    options: dict[str, Any], host: str, warning: str | None, tmp_path: Path
) -> None:
    """And closed to the network where Orthanc would protect it in a way that Pons cannot."""
    result = translated(tmp_path, **options)
    assert load_settings(result.settings).http_host == host
    assert [one.startswith(warning or "") for one in result.warnings] == ([True] if warning else [])


def test_dicom_that_would_be_off_stays_on_loopback(tmp_path: Path) -> None:
    """Nobody who turned it off finds the port open."""
    result = translated(tmp_path, DicomServerEnabled=False)
    assert load_settings(result.settings).dicom_host == "127.0.0.1"
    assert len(result.warnings) == 1


def test_https(tmp_path: Path) -> None:
    """As Orthanc has it: one file of key and certificate, beside its own; nothing where it is off,
    and client certificates only where they are verified."""
    said = {
        "SslCertificate": "store.pem",
        "SslTrustedClientCertificates": "/keys/clients.crt",
        "SslMinimumProtocolVersion": 5,
        "SslCiphersAccepted": ["ECDHE-RSA-AES256-GCM-SHA384"],
    }
    assert load_settings(translated(tmp_path, **said).settings).http.tls_certificate == ""
    for verified, trusted in ((True, "/keys/clients.crt"), (False, "")):
        result = translated(tmp_path, **said, SslEnabled=True, SslVerifyPeers=verified)
        http = load_settings(result.settings).http
        assert (http.tls_certificate, http.tls_key) == (str(tmp_path / "store.pem"), "")
        assert (http.tls_client_ca, http.tls_client_required) == (trusted, True)
        assert (http.tls_minimum, http.tls_ciphers) == ("1.3", ["ECDHE-RSA-AES256-GCM-SHA384"])
        assert result.warnings == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, "SslCertificate names no file"),
        ({"SslCertificate": "a", "SslVerifyPeers": True}, "SslTrustedClientCertificates names no"),
    ],
)
def test_https_without_files(said: dict[str, Any], told: str, tmp_path: Path) -> None:
    """Nobody who asked for TLS finds the port open without it."""
    with pytest.raises(Refusal, match=told):
        translated(tmp_path, SslEnabled=True, **said)


def test_dicom_tls(tmp_path: Path) -> None:
    """As Orthanc has it: files beside its own, for calls as well where the port is plain."""
    said = {
        "DicomTlsCertificate": "store.crt",
        "DicomTlsPrivateKey": "/keys/store.key",
        "DicomTlsTrustedCertificates": "trusted.crt",
    }
    plain = load_settings(translated(tmp_path, **said).settings).dicom
    assert plain.tls_enabled is False
    assert plain.tls_certificate == str(tmp_path / "store.crt")
    assert plain.tls_private_key == "/keys/store.key"
    more = {"DicomTlsEnabled": True, "DicomTlsRemoteCertificateRequired": False}
    result = translated(tmp_path, **said, **more, DicomTlsMinimumProtocolVersion=5)
    dicom = load_settings(result.settings).dicom
    assert (dicom.tls_enabled, dicom.tls_client_certificate_required) == (True, False)
    assert (dicom.tls_trusted, dicom.tls_minimum_version) == (str(tmp_path / "trusted.crt"), "1.3")
    assert load_settings(result.settings).dicom_host == "0.0.0.0"
    assert result.warnings == []


def test_ciphers_and_a_proxy(tmp_path: Path) -> None:
    """Ciphers by their names in the standard, as DCMTK wants them; a proxy without `http://`."""
    cipher = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
    for said, expected in (("me:pw@proxy:3128", "http://me:pw@proxy:3128"), ("", "")):
        result = translated(tmp_path, DicomTlsCiphersAccepted=[cipher], HttpProxy=said)
        settings = load_settings(result.settings)
        assert settings.dicom.tls_ciphers == [cipher]
        assert settings.egress.http_proxy == expected
        assert result.warnings == []


def test_certificates_of_peers_lie_beside_the_file(tmp_path: Path) -> None:
    """As Orthanc has it: a name without a folder is not one in the folder of a process."""
    for given, expected in (("ca.crt", str(tmp_path / "ca.crt")), ("", "")):
        result = translated(tmp_path, HttpsCACertificates=given)
        assert load_settings(result.settings).egress.https_ca_file == expected


def test_dicom_tls_without_a_certificate(tmp_path: Path) -> None:
    """Nobody who asked for TLS finds the port open without it: it cannot be opened."""
    dicom = load_settings(translated(tmp_path, DicomTlsEnabled=True).settings).dicom
    assert speaks_tls(dicom)
    with pytest.raises(Unavailable, match="needs a certificate"):
        acceptor_context(dicom)
