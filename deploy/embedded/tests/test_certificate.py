# SPDX-License-Identifier: Apache-2.0
"""The certificate that signs itself: who believes it, and what becomes of one that is there."""

import socket
import ssl
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pons_embedded.cli import main
from pons_embedded.folder import DataFolder


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


def make(folder: DataFolder, *words: str) -> int:
    return main(["certificate", "--data", str(folder.path), *words])


def files(folder: DataFolder) -> tuple[bytes, bytes]:
    return tuple((folder.tls / name).read_bytes() for name in ("certificate.pem", "key.pem"))  # type: ignore[return-value]


def shown(folder: DataFolder, host: str) -> dict[str, object]:
    """What a client that believes the certificate sees of it. Raises `ssl.SSLError` where it does
    not take it for `host`."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder.tls / "certificate.pem", folder.tls / "key.pem")
    client = ssl.create_default_context(cafile=str(folder.tls / "certificate.pem"))
    client.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python has it from 3.13 on
    ours, theirs = socket.socketpair()

    def answer() -> None:
        try:
            server.wrap_socket(theirs, server_side=True).close()
        except OSError:  # the client has ended it
            theirs.close()

    answering = threading.Thread(target=answer)
    answering.start()
    try:
        with client.wrap_socket(ours, server_hostname=host) as connection:
            seen = connection.getpeercert()
    finally:
        ours.close()
        answering.join()
    assert seen is not None
    return dict(seen)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
def test_a_data_folder_that_it_makes_is_its_owners(folder: DataFolder) -> None:
    """A store that starts there later finds the folder as it would have made it."""
    assert make(folder, "localhost") == 0
    modes = [path.stat().st_mode & 0o777 for path in (folder.path, folder.tls)]
    assert modes == [0o700, 0o700]


def test_it_is_believed_for_its_names(
    folder: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hosts and addresses, and no others, by who has been told to believe it."""
    names = ["PACS.example", "*.clinic.example", "192.0.2.7", "2001:db8::7"]
    assert make(folder, *names, "--days", "30") == 0
    for host in ("pacs.example", "ct.clinic.example", "192.0.2.7", "2001:db8::7"):
        seen = shown(folder, host)
    with pytest.raises(ssl.SSLCertVerificationError):
        shown(folder, "other.example")
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(seen["notAfter"])), UTC)
    assert timedelta(days=29) < ends - datetime.now(UTC) < timedelta(days=31)
    told = capsys.readouterr().out
    assert f"tls_certificate = '{folder.tls / 'certificate.pem'}'" in told
    assert f"tls_key = '{folder.tls / 'key.pem'}'" in told
    if sys.platform != "win32":
        assert (folder.tls / "key.pem").stat().st_mode & 0o077 == 0


def test_one_that_is_there_stays(folder: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    """The same command changes nothing, one for other names is refused, --force replaces."""
    assert make(folder, "pacs.example") == 0
    first = files(folder)
    assert make(folder, "pacs.example") == 0
    assert "is there already" in capsys.readouterr().out
    assert make(folder, "other.example") == 1
    assert "for pacs.example in" in capsys.readouterr().err
    assert files(folder) == first
    assert make(folder, "other.example", "--force") == 0
    assert files(folder) != first
    assert shown(folder, "other.example")["subject"] == ((("commonName", "other.example"),),)


def test_a_key_alone_is_not_overwritten(folder: DataFolder) -> None:
    """It may be that of a certificate that somebody still waits for."""
    folder.tls.mkdir(parents=True)
    (folder.tls / "key.pem").write_text("mine")
    assert make(folder, "pacs.example") == 1
    assert (folder.tls / "key.pem").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["https://pacs.example"], "no host name and no address"),
        (["pacs.example:8042"], "no host name and no address"),
        (["a..b"], "no host name and no address"),
        ([""], "no host name and no address"),
        (["pacs.example", "--days", "0"], "from 1 to 3650"),
    ],
)
def test_what_cannot_be_one(
    folder: DataFolder, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is made, and the message says what to write."""
    assert make(folder, *words) == 1
    assert told in capsys.readouterr().err
    assert not folder.tls.exists()
