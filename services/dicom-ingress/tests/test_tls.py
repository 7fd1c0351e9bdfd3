# SPDX-License-Identifier: Apache-2.0
"""DICOM TLS on the port: who gets in, what is said of others, certificates that change."""

import asyncio
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pynetdicom import AE
from pynetdicom.sop_class import (  # type: ignore[attr-defined] # made when it is imported
    CTImageStorage,
    Verification,
)

from pons.remotes.dicom_tls import certificates_of
from pons.settings import DicomSettings, SettingsError
from pons.tls.port import listen
from pons_testing.certificates import Authority, Issued
from pons_testing.wire import Peer

StartPort = Callable[..., Any]

needs_dcmtk = pytest.mark.skipif(
    shutil.which("storescu") is None, reason="needs DCMTK (Debian: apt-get install dcmtk)"
)


@dataclass
class Pki:
    """Who knows whom: the store and modalities are signed by `ours`, strangers by `theirs`."""

    ours: Authority
    theirs: Authority
    store: Issued
    modality: Issued
    stranger: Issued
    expired: Issued

    def settings(self, **more: Any) -> dict[str, Any]:
        return {
            "tls_certificate": str(self.store.certificate),
            "tls_private_key": str(self.store.key),
            "tls_trusted": str(self.ours.file),
            **more,
        }


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    folder = tmp_path / "pki"
    folder.mkdir()
    ours, theirs = Authority(folder, "ours"), Authority(folder, "theirs")
    return Pki(
        ours,
        theirs,
        ours.issue("store"),
        ours.issue("modality"),
        theirs.issue("stranger"),
        ours.issue("expired", timedelta(hours=-1)),
    )


def client(trusted: Authority, shown: Issued | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(trusted.file)
    if shown is not None:
        context.load_cert_chain(shown.certificate, shown.key)
    return context


@contextmanager
def secured(port: Any, context: ssl.SSLContext) -> Iterator[Peer]:
    """A peer below whose DICOM there is TLS."""
    with port.connect() as peer:
        peer.socket = context.wrap_socket(peer.socket, server_hostname="127.0.0.1")
        yield peer


def gets_in(port: Any, context: ssl.SSLContext) -> bool:
    """Whether who has this much gets an answer to a request for an association."""
    try:
        with secured(port, context) as peer:
            peer.send(peer.request())
            kind, _ = peer.receive()
    except OSError:
        return False
    assert kind in (0, 2)
    return kind == 2


def serial(peer: Peer) -> str:
    """Whose certificate the port has shown."""
    assert isinstance(peer.socket, ssl.SSLSocket)
    certificate = peer.socket.getpeercert()
    assert certificate is not None
    return str(certificate["serialNumber"])


def warnings(logs: list[Any]) -> list[str]:
    return [line["why"] for line in logs if line["event"] == "no TLS with a peer"]


def test_known_certificates_get_in(start_port: StartPort, pki: Pki, wire: ModuleType) -> None:
    """What comes over TLS is stored as ever, in both versions, and to the last byte."""
    port = start_port(**pki.settings())
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = client(pki.ours, pki.modality)
        context.minimum_version = context.maximum_version = version
        with secured(port, context) as peer:
            peer.associate()
            assert peer.echo() == 0
            content = wire.dataset("1.2.3", bytes(3_000_000))
            peer.send(wire.store("1.2.3", content))
            assert peer.receive_status() == 0
            peer.send(b"\5\0\0\0\0\4\0\0\0\0")
            assert peer.receive() == (6, bytes(4))
            assert port.store.kept[-1][0].endswith(content)
            assert port.store.kept[-1][1].remote_ip == "127.0.0.1"
    assert len(port.store.kept) == 2


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (None, "it shows no certificate"),
        ("stranger", "an authority signed its certificate that is not among those of setting"),
        ("expired", "its certificate is out of date"),
    ],
)
def test_others_do_not(
    start_port: StartPort,
    pki: Pki,
    logs: list[Any],
    wire: ModuleType,
    shown: str | None,
    why: str,
) -> None:
    """No byte of DICOM is read from them, and one line says why."""
    port = start_port(**pki.settings())
    assert not gets_in(port, client(pki.ours, getattr(pki, shown) if shown else None))
    wire.until(lambda: len(warnings(logs)) == 1)
    assert warnings(logs)[0].startswith(why)


def test_plain_dicom_on_a_port_with_tls(
    start_port: StartPort, pki: Pki, logs: list[Any], wire: ModuleType
) -> None:
    """It is not answered, and told in words; so is a silent peer, when its time is over."""
    port = start_port(**pki.settings(artim_timeout=1))
    with port.connect() as peer:
        peer.send(peer.request())
        assert peer.at_end()
    wire.until(lambda: len(warnings(logs)) == 1)
    with port.connect() as peer:
        assert peer.at_end()
    wire.until(lambda: len(warnings(logs)) == 2)
    assert warnings(logs) == ["it does not speak TLS", "no handshake within 1 s"]
    port.connect().socket.close()
    wire.until(lambda: any(line["event"] == "connection without handshake" for line in logs))
    assert len(warnings(logs)) == 2


def test_tls_on_a_port_without(port: Any, pki: Pki, logs: list[Any], wire: ModuleType) -> None:
    """It is aborted, as anything that is no association request, and told in words."""
    with pytest.raises(OSError), secured(port, client(pki.ours, None)):  # noqa: PT011 or SSLError
        pytest.fail("the port answered with TLS")
    wire.until(lambda: any(line["event"] == "association broken" for line in logs))
    assert [line["why"] for line in logs] == ["TLS, where plain DICOM is spoken"]


def test_without_certificates_of_clients(start_port: StartPort, pki: Pki, logs: list[Any]) -> None:
    """Who needs none may show none, but no wrong one; where nothing is trusted, any will do."""
    settings = pki.settings(tls_client_certificate_required=False)
    port = start_port(**settings)
    with secured(port, client(pki.ours, None)) as peer:
        assert peer.associate().echo() == 0
    assert not gets_in(port, client(pki.ours, pki.stranger))
    unasked = start_port(**settings | {"tls_trusted": ""})
    with secured(unasked, client(pki.ours, pki.stranger)) as peer:
        assert peer.associate().echo() == 0


def test_a_certificate_for_modalities_alone(start_port: StartPort, pki: Pki) -> None:
    """With TLS turned off, the port is plain."""
    with start_port(**pki.settings(tls_enabled=False)).connect() as peer:
        assert peer.associate().echo() == 0


def test_an_old_version(start_port: StartPort, pki: Pki, logs: list[Any], wire: ModuleType) -> None:
    """A peer that cannot do what the setting wants is told of, with the setting."""
    port = start_port(**pki.settings(tls_minimum_version="1.3"))
    context = client(pki.ours, pki.modality)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError), secured(port, context):
        pytest.fail("the port took TLS 1.2")
    wire.until(lambda: len(warnings(logs)) == 1)
    assert warnings(logs)[0].endswith("(setting dicom.tls_minimum_version)")


def test_a_cipher_that_is_not_taken(
    start_port: StartPort, pki: Pki, logs: list[Any], wire: ModuleType
) -> None:
    """Of TLS 1.2 only those of the setting are spoken, by their names in the standard."""
    accepted = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"
    port = start_port(**pki.settings(tls_ciphers=list(accepted)))
    context = client(pki.ours, pki.modality)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert gets_in(port, context)
    context.set_ciphers("ECDHE+AES128")
    with pytest.raises(ssl.SSLError), secured(port, context):
        pytest.fail("the port took another cipher")
    wire.until(lambda: len(warnings(logs)) == 1)
    assert warnings(logs)[0].endswith("(setting dicom.tls_ciphers)")


def test_replaced_certificates(
    start_port: StartPort, pki: Pki, logs: list[Any], wire: ModuleType
) -> None:
    """The next handshake has the new ones; an association that runs goes on; no authority stays."""
    port = start_port(**pki.settings())
    with secured(port, client(pki.ours, pki.modality)) as running:
        running.associate()
        before = serial(running)
        pki.store.replace(pki.theirs.issue("new"))
        shutil.copy(pki.theirs.file, pki.ours.file)
        with secured(port, client(pki.theirs, pki.stranger)) as peer:
            assert peer.associate().echo() == 0
            assert serial(peer) != before
        assert running.echo() == 0
    assert not gets_in(port, client(pki.theirs, pki.modality))
    assert port.warnings == {}


def test_a_pair_that_does_not_fit_is_kept_out(
    start_port: StartPort, pki: Pki, logs: list[Any]
) -> None:
    """The old one stays in use; log and health say so once, until the new pair is whole."""
    port = start_port(**pki.settings())
    new = pki.ours.issue("new")
    shutil.copy(new.certificate, pki.store.certificate)
    for _ in range(3):
        with secured(port, client(pki.ours, pki.modality)) as peer:
            assert peer.associate().echo() == 0
            before = serial(peer)
    errors = [line for line in logs if line["log_level"] == "error"]
    assert [line["event"] for line in errors] == ["new certificates cannot be used"]
    assert port.warnings["certificates"].startswith("those read before are still in use: The priv")
    pki.store.replace(new)
    with secured(port, client(pki.ours, pki.modality)) as peer:
        assert peer.associate().echo() == 0
        assert serial(peer) != before
    assert port.warnings == {}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"tls_private_key": "stranger.key"}, "dicom.tls_private_key is not that of the certifi"),
        ({"tls_certificate": "none.crt"}, "setting dicom.tls_certificate"),
        ({"tls_private_key": ""}, "no private key in PEM in the file of dicom.tls_certificate"),
        ({"tls_trusted": "store.key"}, "no certificate in PEM in the file of dicom.tls_trusted"),
        ({"tls_trusted": ""}, "dicom.tls_trusted is empty"),
        ({"tls_ciphers": ["TLS_NO_WITH_SUCH"]}, "no cipher 'TLS_NO_WITH_SUCH'"),
        ({"tls_ciphers": ["HIGH"]}, "no cipher 'HIGH'"),
        ({"tls_ciphers": ["ALL:@SECLEVEL=0"]}, "setting dicom.tls_ciphers"),
        ({"tls_enabled": True, "tls_certificate": ""}, "needs a certificate: see dicom.tls_cert"),
    ],
)
def test_files_that_cannot_be_used(pki: Pki, wrong: dict[str, Any], told: str) -> None:
    """The service does not start, and says which setting it is."""
    folder = pki.ours.file.parent
    paths = {
        name: str(folder / value) if isinstance(value, str) and value else value
        for name, value in wrong.items()
    }
    with pytest.raises(SettingsError) as refused:
        certificates_of(DicomSettings(**pki.settings(**paths)), {})
    assert told in str(refused.value)


def test_a_key_with_a_password(pki: Pki) -> None:
    """Nobody is asked for it on a terminal."""
    locked = pki.store.key.with_suffix(".locked")
    command = f"openssl pkey -in {pki.store.key} -aes256 -passout pass:x -out {locked}"
    subprocess.run(command.split(), check=True, capture_output=True)
    with pytest.raises(SettingsError, match="has a password"):
        certificates_of(DicomSettings(**pki.settings(tls_private_key=str(locked))), {})


def test_a_stop_amid_handshakes(start_port: StartPort, pki: Pki) -> None:
    """Peers that begin none do not hold up the end of the port, and are let go."""
    port = start_port(**pki.settings())
    with port.connect() as silent, secured(port, client(pki.ours, pki.modality)) as peer:
        peer.associate()
        started = time.monotonic()
        port.stop()
        assert time.monotonic() - started < 15
        assert silent.at_end()
        assert peer.receive()[0] == 7


def test_every_address_of_a_host() -> None:
    """A port with TLS listens where one without would."""
    listening = listen("0.0.0.0", 0, 5, share=False)
    try:
        with socket.create_connection(("127.0.0.1", listening[0].getsockname()[1]), timeout=5):
            assert len(listening) == 1
    finally:
        for server in listening:
            server.close()


def test_many_at_once(start_port: StartPort, pki: Pki, wire: ModuleType) -> None:
    """Handshakes do not wait for each other, nor for one that never goes on."""
    port = start_port(**pki.settings())
    context = client(pki.ours, pki.modality)

    def store(number: int) -> int:
        uid = f"1.2.3.{number}"
        with secured(port, context) as peer:
            peer.associate().send(wire.store(uid, wire.dataset(uid)))
            return peer.receive_status()

    async def all_of_them() -> list[int]:
        return await asyncio.gather(*(asyncio.to_thread(store, one) for one in range(32)))

    with port.connect():
        assert asyncio.run(all_of_them()) == [0] * 32
    assert len(port.store.kept) == 32


def test_pynetdicom(start_port: StartPort, pki: Pki) -> None:
    """pynetdicom's SCU."""
    port = start_port(**pki.settings())
    entity = AE("SCU")
    entity.add_requested_context(Verification)
    entity.add_requested_context(CTImageStorage)
    tls = (client(pki.ours, pki.modality), "127.0.0.1")
    assoc = entity.associate("127.0.0.1", port.number, tls_args=tls)
    assert assoc.is_established
    assert assoc.send_c_echo().Status == 0
    assert assoc.send_c_store(dcmread(str(get_testdata_file("CT_small.dcm")))).Status == 0
    assoc.release()
    assert len(port.store.kept) == 1


def dcmtk(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)


@needs_dcmtk
def test_dcmtk(start_port: StartPort, pki: Pki) -> None:
    """echoscu and storescu, with a certificate, without one, and with one of a stranger."""
    port = start_port(**pki.settings())
    trusted = ("+cf", str(pki.ours.file))
    to = ("127.0.0.1", str(port.number))
    ours = ("+tls", str(pki.modality.key), str(pki.modality.certificate), *trusted)
    stranger = ("+tls", str(pki.stranger.key), str(pki.stranger.certificate), *trusted)
    done = dcmtk("echoscu", *ours, *to)
    assert done.returncode == 0, done.stderr
    path = str(get_testdata_file("CT_small.dcm"))
    done = dcmtk("storescu", *ours, *to, path)
    assert done.returncode == 0, done.stderr
    assert dcmread(BytesIO(port.store.kept[0][0])).PixelData == dcmread(path).PixelData
    assert dcmtk("echoscu", *stranger, *to).returncode != 0
    assert dcmtk("echoscu", "+tla", *trusted, *to).returncode != 0
    assert dcmtk("echoscu", *to).returncode != 0
    unasked = start_port(**pki.settings(tls_client_certificate_required=False))
    done = dcmtk("echoscu", "+tla", *trusted, "127.0.0.1", str(unasked.number))
    assert done.returncode == 0, done.stderr
