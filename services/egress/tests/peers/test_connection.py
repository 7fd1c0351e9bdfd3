# SPDX-License-Identifier: Apache-2.0
"""TLS with a peer, and what the gateway asks of it at once."""

import asyncio
import base64
import datetime
import json
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pons.bus import Bus
from pons.errors import BadRequest, NotFound, PonsError, RemoteFailure
from pons.messages.egress import AskPeer, UploadToPeer
from pons.objects import Kind, new_key
from pons.remotes.peers import open_peers
from pons.settings import EgressSettings, Settings
from pons_egress.peers.questions import PeerQuestions

pytestmark = pytest.mark.anyio

SECRET = "s3cret-words"


@dataclass
class Certificate:
    """A certificate that signs itself, and its key with a password."""

    file: Path
    key: Path

    def server(self, clients: "Certificate | None" = None) -> ssl.SSLContext:
        """How a peer shows it, and asks for the certificates of `clients`."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.file, self.key, SECRET)
        if clients is not None:
            context.load_verify_locations(clients.file)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def certificate(folder: Path, name: str) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(addresses, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    files.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(SECRET.encode()),
        )
    )
    return files


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Certificate]:
    folder = tmp_path_factory.mktemp("certificates")
    return {name: certificate(folder, name) for name in ("server", "client", "other")}


async def system(
    bus: Bus, store: Any, url: str, egress: dict[str, Any] | None = None, **peer: Any
) -> Any:
    """What the peer at `url` tells of itself."""
    settings = Settings(
        peers={"archive": {"Url": url, **peer}}, egress=EgressSettings(**(egress or {}))
    )
    async with open_peers(bus, settings) as peers:
        questions = PeerQuestions(store.objects, peers, settings)
        try:
            return json.loads((await questions.ask(AskPeer("archive", "system"))).json)
        except PonsError as error:
            failure = error
    raise failure


async def test_tls_both_ways(
    bus: Bus, store: Any, serving: Any, certificates: dict[str, Certificate]
) -> None:
    """A peer whose certificate is signed as the setting says is shown ours, if it has one."""
    server, client, other = (certificates[name] for name in ("server", "client", "other"))
    trusted = {"https_ca_file": str(server.file)}
    shown = {
        "CertificateFile": str(client.file),
        "CertificateKeyFile": str(client.key),
        "CertificateKeyPassword": SECRET,
    }
    async with serving(server.server(clients=client)) as peer:
        url = f"https://127.0.0.1:{peer.port}/"
        assert await system(bus, store, url, trusted, **shown) == {
            "ID": "stored",
            "Status": "Success",
        }
        with pytest.raises(RemoteFailure):
            await system(bus, store, url, trusted)
        with pytest.raises(RemoteFailure, match="signed by nobody whom we trust"):
            await system(bus, store, url, {"https_ca_file": str(other.file)}, **shown)
        with pytest.raises(RemoteFailure, match="signed by nobody whom we trust"):
            await system(bus, store, url, **shown)
        assert await system(bus, store, url, {"https_verify": False}, **shown)
        assert [request.path for request in peer.requests] == ["/system"] * 2
    async with serving(server.server()) as peer:
        with pytest.raises(
            RemoteFailure, match="no connection: its certificate is not for this address"
        ):
            await system(bus, store, f"https://localhost:{peer.port}/", trusted)


async def test_certificates_that_cannot_be_used(
    bus: Bus, store: Any, certificates: dict[str, Certificate], tmp_path: Path
) -> None:
    """A missing file or a wrong password is told, and no password with it; none is asked for."""
    client = certificates["client"]
    url = "https://127.0.0.1:1/"
    for described in (
        {"CertificateFile": str(tmp_path / "none.pem")},
        {"CertificateFile": str(client.file), "CertificateKeyFile": str(client.key)},
        {
            "CertificateFile": str(client.file),
            "CertificateKeyFile": str(client.key),
            "CertificateKeyPassword": SECRET + "!",
        },
    ):
        with pytest.raises(BadRequest, match="The certificate that peer 'archive'") as caught:
            await system(bus, store, url, **described)
        assert SECRET not in str(caught.value)
    with pytest.raises(BadRequest, match=r"egress\.https_ca_file"):
        await system(bus, store, url, {"https_ca_file": str(tmp_path / "none.pem")})


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n", b" "),
        (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    ],
)
async def test_an_answer_that_trickles(
    bus: Bus, store: Any, trickling: Any, head: bytes, piece: bytes
) -> None:
    """A peer that always says a little more holds nobody for longer than its timeout."""
    async with asyncio.timeout(60), trickling(head, piece) as url:
        with pytest.raises(RemoteFailure, match="no answer within"):
            await system(bus, store, url, egress={"http_timeout": 0.4})


async def test_json_that_is_too_deep(bus: Bus, store: Any, web_peer: Any) -> None:
    """What cannot be read as JSON is told as that, whether it is a success or a refusal."""

    statuses = [400, 200]

    async def answer(_request: Any) -> tuple[int, bytes]:
        return statuses.pop(), b"[" * 100_000

    web_peer.answer = answer
    for told in ("something else than JSON", "answered 400 Bad Request"):
        with pytest.raises(RemoteFailure, match=told):
            await system(bus, store, f"http://127.0.0.1:{web_peer.port}/")


async def test_a_file_is_passed_on(bus: Bus, store: Any, web_peer: Any) -> None:
    """An object goes as it is, and the peer's answer comes back; an unknown peer is none."""
    settings = Settings(peers={"archive": [f"http://127.0.0.1:{web_peer.port}"]})
    content, key = b"DICM" * 1_000_000, new_key(Kind.TEMPORARY)
    await store.objects.put(key, content)
    async with open_peers(bus, settings) as peers:
        questions = PeerQuestions(store.objects, peers, settings)
        answer = await questions.upload(UploadToPeer("archive", key, len(content)))
        with pytest.raises(NotFound):
            await questions.ask(AskPeer("nobody", "system"))
    assert json.loads(answer.json) == {"ID": "stored", "Status": "Success"}
    assert web_peer.files == [content]


async def test_a_proxy(bus: Bus, store: Any, web_peer: Any) -> None:
    """Where one is set, peers are asked through it alone; its refusals are told as its own."""
    address = web_peer.url.replace("http://", "http://me:proxy-words@")
    through = {"http_proxy": address}
    asked = await system(bus, store, "http://archive.invalid/rest/", through)
    assert asked["Status"] == "Success"
    [request] = web_peer.requests
    assert request.path == "http://archive.invalid/rest/system"
    assert base64.b64decode(request.headers["proxy-authorization"][6:]) == b"me:proxy-words"
    answers = {"GET": (407, {}), "CONNECT": (403, {})}

    async def answer(request: Any) -> tuple[int, Any]:
        return answers[request.method]

    web_peer.answer = answer
    for url in ("http://archive.invalid/", "https://archive.invalid/"):
        with pytest.raises(RemoteFailure, match=r"egress\.http_proxy") as refused:
            await system(bus, store, url, through)
        assert "proxy-words" not in str(refused.value)


async def test_a_proxy_that_is_not_there(bus: Bus, store: Any) -> None:
    nobody = {"http_proxy": "http://127.0.0.1:1"}
    with pytest.raises(RemoteFailure, match=r"proxy of egress\.http_proxy: nobody listens"):
        await system(bus, store, "http://archive.invalid/", nobody)


@pytest.mark.parametrize("wrong", ["proxy:3128", "socks5://proxy", "http://", "http://proxy/path"])
def test_no_address_of_a_proxy(wrong: str) -> None:
    with pytest.raises(ValueError, match="a proxy's address is http://host:port"):
        EgressSettings(http_proxy=wrong)
