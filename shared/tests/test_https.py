# SPDX-License-Identifier: Apache-2.0
"""HTTPS: who gets in, whom the port shows itself as, and that the bounds of clients hold there."""

import asyncio
import shutil
import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from pons.http.low_water import low_water
from pons.runtime.https import asking, certificates_of
from pons.settings import HttpSettings, SettingsError
from pons.tls.certificates import Certificates
from pons_testing.certificates import Authority, Issued

from .guarded import GET, MB, Place, Streams, answer, ended, placed, refused

pytestmark = pytest.mark.anyio
HOST = "127.0.0.1"


@dataclass
class Pki:
    """The port is signed by `ours`, strangers by `theirs`."""

    ours: Authority
    theirs: Authority
    store: Issued

    def settings(self, **more: Any) -> HttpSettings:
        files = {
            "tls_certificate": str(self.store.certificate),
            "tls_key": str(self.store.key),
        }
        return HttpSettings(**files | more)

    def port(self, **more: Any) -> Certificates:
        """What the port has."""
        made = certificates_of(self.settings(**more), self.warnings)
        assert made is not None
        return made

    warnings: dict[str, str]


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    return Pki(ours, theirs, ours.issue("store"), {})


def client(trusted: Authority, shown: Issued | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=trusted.file)
    if shown is not None:
        context.load_cert_chain(shown.certificate, shown.key)
    return context


async def secured(place: Place, context: ssl.SSLContext) -> Streams:
    return await place.connect(ssl=context, server_hostname=HOST)


async def status(place: Place, context: ssl.SSLContext) -> int:
    """Of an answer to httpx, which raises what goes wrong."""
    host, port = place.at
    async with httpx.AsyncClient(verify=context, trust_env=False) as asking:
        return (await asking.get(f"https://{host}:{port}/one")).status_code


async def shakes_hands(place: Place, context: ssl.SSLContext) -> None:
    """As clients do that send alerts, unlike asyncio's. Raises `OSError` where it fails."""

    def shake() -> None:
        with socket.create_connection(place.at) as connection:
            context.wrap_socket(connection, server_hostname=HOST).close()

    await asyncio.to_thread(shake)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 what is waited for has no event
            await asyncio.sleep(0.01)


def serial(streams: Streams) -> str:
    """Whose certificate the port has shown."""
    return str(streams[1].get_extra_info("peercert")["serialNumber"])


async def test_requests_and_large_bodies(pki: Pki) -> None:
    """Both ways, in both versions of TLS, to the last byte."""
    async with placed(tls=pki.port()) as place:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = client(pki.ours)
            context.maximum_version = version
            assert await status(place, context) == 200
            reader, writer = await secured(place, context)
            for size in (1, 70_000, 400_000, 3 * MB):
                body = bytes(range(256)) * (size // 256) + bytes(size % 256)
                head = b"POST /%d HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (size, size)
                for at in range(0, len(head + body), 33_333):
                    writer.write((head + body)[at : at + 33_333])
                    await writer.drain()
                assert await answer(reader) == (b"200", b"/%d" % size + body)


async def test_the_system_is_not_let_wait_for_a_body(pki: Pki) -> None:
    """Part of a record may be read already, so that as many bytes would never lie in its buffer."""
    waited: dict[str, int] = {}
    for kind, tls in (("plain", None), ("secured", pki.port())):
        server, peer = socket.socketpair()
        server.setblocking(False)
        context = None if tls is None else tls.context()

        class Sink(asyncio.Protocol):
            pass

        loop = asyncio.get_running_loop()
        if context is None:
            transport, _ = await loop.connect_accepted_socket(Sink, server)
        else:
            peer.settimeout(60)
            shaking = asyncio.to_thread(client(pki.ours).wrap_socket, peer, server_hostname=HOST)
            (transport, _), peer = await asyncio.gather(
                loop.connect_accepted_socket(Sink, server, ssl=context), shaking
            )
        low_water(transport, 100_000)
        waited[kind] = transport.get_extra_info("socket").getsockopt(
            socket.SOL_SOCKET, socket.SO_RCVLOWAT
        )
        transport.abort()
        peer.close()
    assert waited == {"plain": 100_000 if sys.platform == "linux" else 1, "secured": 1}


async def test_who_is_not_believed(pki: Pki) -> None:
    """A client that believes others ends the handshake, and the log says so."""
    async with placed(tls=pki.port()) as place:
        with capture_logs() as logs:
            with pytest.raises(ssl.SSLCertVerificationError):
                await shakes_hands(place, client(pki.theirs))
            await until(lambda: bool(logs))
        assert logs[0]["why"] == "it does not trust our certificate, nor who signed it"
        assert (logs[0]["reason"], logs[0]["last_address"]) == ("handshake", "127.0.0.1")
        assert await status(place, client(pki.ours)) == 200


async def test_client_certificates(pki: Pki) -> None:
    """Without one, with a stranger's and with one that is out of date nobody gets in."""
    tls = pki.port(tls_client_ca=str(pki.ours.file))
    wrong = [None, pki.theirs.issue("stranger"), pki.ours.issue("old", timedelta(hours=-1))]
    async with placed(tls=tls) as place:
        assert await status(place, client(pki.ours, pki.ours.issue("known"))) == 200
        for shown in wrong:
            with pytest.raises(httpx.TransportError):
                await status(place, client(pki.ours, shown))
    async with placed(
        tls=pki.port(tls_client_ca=str(pki.ours.file), tls_client_required=False)
    ) as place:
        assert await status(place, client(pki.ours)) == 200
        with pytest.raises(httpx.TransportError):
            await status(place, client(pki.ours, wrong[1]))


async def test_scripts_ask_by_the_certificate_itself(pki: Pki) -> None:
    """Whatever host it is for, and nobody else's; they show it where clients have to show one."""
    pki.store = pki.ours.issue("elsewhere", host="192.0.2.1")
    asked = asking(pki.settings(tls_client_ca=str(pki.ours.file)), {})
    async with placed(tls=pki.port(tls_client_ca=str(pki.ours.file))) as place:
        assert await status(place, asked.context()) == 200
    pki.store = pki.ours.issue("another")
    async with placed(tls=pki.port()) as place:
        with pytest.raises(httpx.ConnectError, match="VERIFY_FAILED"):
            await status(place, asked.context())


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_old_versions_are_refused(pki: Pki) -> None:
    """TLS 1.1, and TLS 1.2 where the setting says 1.3."""
    for minimum, spoken in (("1.2", ssl.TLSVersion.TLSv1_1), ("1.3", ssl.TLSVersion.TLSv1_2)):
        context = client(pki.ours)
        context.minimum_version = context.maximum_version = spoken
        context.set_ciphers("ALL:@SECLEVEL=0")
        async with placed(tls=pki.port(tls_minimum=minimum)) as place:
            with capture_logs() as logs:
                with pytest.raises(OSError):  # noqa: PT011 an alert, or the end of the connection
                    await shakes_hands(place, context)
                await until(lambda: bool(logs))
            assert logs[0]["why"].endswith("(setting http.tls_minimum)")


async def test_plain_http_is_told(pki: Pki) -> None:
    """Who speaks HTTP to the port of HTTPS reads what to do instead; who speaks neither is cut."""
    async with placed(tls=pki.port()) as place:
        host, port = place.at
        async with httpx.AsyncClient(trust_env=False) as plain:
            told = await plain.get(f"http://{host}:{port}/")
        assert told.status_code == 400
        assert "begins with https://" in told.text
        reader, writer = await place.connect()
        writer.write(b"\x00\x01 neither \r\n\r\n")
        assert b"200" not in await ended(reader)


async def test_new_certificates(pki: Pki) -> None:
    """The next handshake has them; a connection that is open goes on as it is."""
    async with placed(tls=pki.port()) as place:
        before = await secured(place, client(pki.ours))
        pki.store.replace(pki.theirs.issue("new"))
        after = await secured(place, client(pki.theirs))
        assert serial(before) != serial(after)
        for reader, writer in (before, after):
            writer.write(GET % b"one")
            assert (await answer(reader))[0] == b"200"
        with pytest.raises(ssl.SSLError):
            await secured(place, client(pki.ours))


async def test_a_pair_that_does_not_fit_is_kept_out(pki: Pki) -> None:
    """The port goes on with the old one, and readiness says why, until the new pair is whole."""
    async with placed(tls=pki.port()) as place:
        new = pki.ours.issue("new")
        old = serial(await secured(place, client(pki.ours)))
        shutil.copy(new.certificate, pki.store.certificate)
        assert serial(await secured(place, client(pki.ours))) == old
        assert "http.tls_key is not that of" in pki.warnings["certificates"]
        shutil.copy(new.key, pki.store.key)
        assert serial(await secured(place, client(pki.ours))) != old
        assert pki.warnings == {}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"tls_key": "none.key"}, "setting http.tls_key"),
        ({"tls_key": ""}, "no private key in PEM in the file of http.tls_certificate"),
        ({"tls_client_ca": "store.key"}, "no certificate in PEM in the file of http.tls_client_ca"),
        ({"tls_ciphers": ["HIGH"]}, "no cipher 'HIGH'"),
        ({"tls_certificate": ""}, "of no use without http.tls_certificate"),
    ],
)
def test_files_that_cannot_be_used(pki: Pki, wrong: dict[str, Any], told: str) -> None:
    """The service does not start, and says which setting it is."""
    folder = pki.ours.file.parent
    paths = {
        name: str(folder / value) if isinstance(value, str) and value else value
        for name, value in wrong.items()
    }
    with pytest.raises(SettingsError) as refusal:
        pki.port(**paths)
    assert told in str(refusal.value)


async def test_handshakes_have_their_time(pki: Pki) -> None:
    """Who does not go on with one, or begins none, is let go, and counts no more."""
    async with placed(tls=pki.port(), first_byte=0.4, connections=4) as place:
        before = refused("handshake_time")
        silent, _ = await place.connect()
        reader, writer = await place.connect()
        writer.write(bytes.fromhex("16030100c8010000c4"))
        assert await ended(silent) == await ended(reader) == b""
        assert refused("handshake_time") == before + 2
        held = [await secured(place, client(pki.ours)) for _ in range(4)]
        assert len(held) == 4


async def test_handshakes_count_as_connections(pki: Pki) -> None:
    """One too many is closed before it costs a handshake, and there is room when others go."""
    async with placed(tls=pki.port(), connections=2) as place:
        _, leaving = await place.connect()
        whole = await secured(place, client(pki.ours))
        before = refused("connections")
        with pytest.raises(OSError):  # noqa: PT011 closed or reset
            await secured(place, client(pki.ours))
        assert refused("connections") == before + 1
        leaving.close()
        async with asyncio.timeout(60):
            while True:
                try:
                    reader, writer = await secured(place, client(pki.ours))
                    break
                except OSError:
                    await asyncio.sleep(0.01)
        writer.write(GET % b"one")
        assert (await answer(reader))[0] == b"200"
        whole[1].write(GET % b"two")
        assert (await answer(whole[0]))[0] == b"200"


async def test_a_refusal_can_be_read(pki: Pki) -> None:
    """Although TLS cannot end one direction alone, and the client still sends."""
    async with placed(tls=pki.port(), head_bytes=1000) as place:
        reader, writer = await secured(place, client(pki.ours))
        writer.write(b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000)
        assert (await answer(reader))[0] == b"431"
        await ended(reader)


async def test_a_client_that_does_not_read_is_let_go(pki: Pki) -> None:
    """Also where what it was answered fits into buffers, and it never says goodbye."""
    async with placed(tls=pki.port(), answer=0.5, keep_alive=0.2) as place:
        before = refused("answer_time")
        _, writer = await secured(place, client(pki.ours))
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(GET % b"large64")
        await until(lambda: refused("answer_time") == before + 1)
        _, idle = await secured(place, client(pki.ours))
        idle.transport.pause_reading()  # type: ignore[attr-defined]
        idle.write(GET % b"small")
        await until(lambda: place.app.at_once == 0)


async def test_a_slow_reader_gets_all(pki: Pki) -> None:
    """The end of a long answer, too, although the server has closed the connection by then."""
    async with placed(tls=pki.port(), answer=20) as place:
        reader, writer = await secured(place, client(pki.ours))
        writer.write(b"GET /large12 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"%d" % (12 * MB) in head
        gathered = 0
        while piece := await reader.read(256 * 1024):
            gathered += len(piece)
            await asyncio.sleep(0.05)
        assert gathered == 12 * MB


async def test_the_end_of_the_server(pki: Pki) -> None:
    """Clients that are idle, or amid a handshake, do not hold it up."""
    loop = asyncio.get_running_loop()
    async with placed(tls=pki.port(), first_byte=3600, answer=3600) as place:
        await place.connect()
        reader, writer = await secured(place, client(pki.ours))
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(GET % b"one")
        await until(lambda: place.app.most_at_once == 1)
        began = loop.time()
    assert loop.time() - began < 60
    assert await ended(reader) is not None
