# SPDX-License-Identifier: Apache-2.0
"""Modalities with UseDicomTls: on our own stream, with pynetdicom, and why there is no TLS."""

import asyncio
import os
import shutil
import socket
import ssl
import struct
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pydicom import dcmread
from pynetdicom import AE, build_context, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined] # made when it is imported
    CTImageStorage,
    Verification,
)

from pons.bus import Bus
from pons.dicom.transfer_syntaxes import IMPLICIT_VR
from pons.errors import PonsError, RemoteFailure, Unavailable
from pons.settings import DicomSettings, EgressSettings
from pons_egress.association import Instance, open_association
from pons_egress.peer import Peer
from pons_egress.scu.association import Association, Offer
from pons_egress.scu.threads import ScuThreads, open_threads
from pons_embedded.ports import free_port
from pons_testing.certificates import Authority, Issued
from pons_testing.scp import serving
from pons_testing.streams import serving_streams

pytestmark = pytest.mark.anyio
WAY = (str(CTImageStorage), IMPLICIT_VR)


@dataclass
class Pki:
    """The store and modalities are signed by `ours`."""

    ours: Authority
    theirs: Authority
    store: Issued
    modality: Issued

    @property
    def settings(self) -> DicomSettings:
        return DicomSettings(
            tls_certificate=str(self.store.certificate),
            tls_private_key=str(self.store.key),
            tls_trusted=str(self.ours.file),
        )


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    folder = tmp_path_factory.mktemp("pki")
    ours, theirs = Authority(folder, "ours"), Authority(folder, "theirs")
    return Pki(ours, theirs, ours.issue("store"), ours.issue("modality"))


@pytest.fixture
async def threads() -> AsyncIterator[ScuThreads]:
    async with open_threads(EgressSettings()) as threads:
        yield threads


@pytest.fixture(params=["our own", "pynetdicom"])
def call(request: pytest.FixtureRequest, threads: ScuThreads) -> Any:
    """Each of our two ways to ask for an association: with pynetdicom, by a C-ECHO, and on our own
    stream, by a C-STORE; gives the status."""

    def ask(association: Association) -> int:
        return int(association.requestor.send_c_echo().Status)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"\x10\0\x20\0\2\0\0\0P1"

    async def call(peer: Peer) -> int:
        if request.param == "pynetdicom":
            return await threads.run(peer, Offer([build_context(Verification)]), ask)
        async with open_association(peer, [WAY], 16384) as association:
            context_id = association.accepted.contexts[WAY]
            instance = Instance(WAY[0], "1.2.3")
            return (await association.store(context_id, instance, pieces())).status

    return call


def peer(port: int, tls: DicomSettings | None) -> Peer:
    return Peer("pacs", "PONS", "PEER", "127.0.0.1", port, 3.0, tls)


@contextmanager
def answering(shown: Issued, trusted: Authority | None = None) -> Iterator[int]:
    """The port of a pynetdicom SCP with TLS, which asks for certificates if it trusts some."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.certificate, shown.key)
    if trusted is not None:
        context.load_verify_locations(trusted.file)
        context.verify_mode = ssl.CERT_REQUIRED
    entity = AE("PEER")
    entity.add_supported_context(Verification)
    entity.add_supported_context(CTImageStorage)
    with serving(entity, (evt.EVT_C_STORE, lambda _event: 0), tls=context) as port:
        yield port


async def failing(call: Any, peer: Peer) -> str:
    """What happened, without the peer's name."""
    with pytest.raises(RemoteFailure) as error:
        await call(peer)
    return str(error.value).partition("): ")[2]


async def test_both_show_certificates(call: Any, pki: Pki) -> None:
    """A modality that asks for ours, and one that does not."""
    for trusted in (pki.ours, None):
        with answering(pki.modality, trusted) as port:
            assert await call(peer(port, pki.settings)) == 0


async def test_certificates_that_are_not_good(call: Any, pki: Pki) -> None:
    """Nothing is sent to who shows none that we believe."""
    with answering(pki.theirs.issue("stranger")) as port:
        said = await failing(call, peer(port, pki.settings))
    assert said.startswith("no TLS: an authority signed its certificate that is not among those")
    with answering(pki.ours.issue("expired", timedelta(hours=-1))) as port:
        said = await failing(call, peer(port, pki.settings))
    assert said == "no TLS: its certificate is out of date"


async def test_a_host_that_the_certificate_does_not_name(call: Any, pki: Pki) -> None:
    """It is looked at only if the setting says so."""
    checked = pki.settings.model_copy(update={"tls_check_host": True})
    with answering(pki.ours.issue("elsewhere", host="192.0.2.1")) as port:
        assert await call(peer(port, pki.settings)) == 0
        said = await failing(call, peer(port, checked))
    assert said == "no TLS: its certificate is for another address (setting dicom.tls_check_host)"
    with answering(pki.modality) as port:
        assert await call(peer(port, checked)) == 0


async def test_a_certificate_of_ours_that_is_missing(call: Any, pki: Pki) -> None:
    """The peer's refusal, which with TLS 1.3 comes after the handshake, names the setting."""
    ours = pki.settings.model_copy(update={"tls_certificate": "", "tls_private_key": ""})
    with raw_server(pki.modality, pki.ours) as port:
        said = await failing(call, peer(port, ours))
    assert said == "no TLS: it asks for our certificate (setting dicom.tls_certificate)"


@contextmanager
def raw_server(shown: Issued, trusted: Authority) -> Iterator[int]:
    """A server that asks for certificates and tells clients why it refuses them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.certificate, shown.key)
    context.load_verify_locations(trusted.file)
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            accepted, _ = listener.accept()
            with context.wrap_socket(
                accepted, server_side=True, do_handshake_on_connect=False
            ) as connection:
                with pytest.raises(ssl.SSLError):
                    connection.do_handshake()
                socket.socket.shutdown(connection, socket.SHUT_WR)
                while socket.socket.recv(connection, 4096, socket.MSG_PEEK):
                    os.read(connection.fileno(), 4096)

        thread = Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)
        assert not thread.is_alive()


@asynccontextmanager
async def saying(words: bytes) -> AsyncIterator[int]:
    """The port of a server that answers whatever it hears with these bytes, and closes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(words)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with serving_streams(answer) as port:
        yield port


async def test_plain_on_either_side(call: Any, pki: Pki) -> None:
    """A modality without TLS is told from one that is down; nothing is sent to it in plain."""
    async with saying(b"\7\0\0\0\0\4\0\0\0\0") as port:
        said = await failing(call, peer(port, pki.settings))
    assert said == "no TLS: it does not speak TLS"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent = replace(peer(listener.getsockname()[1], pki.settings), timeout=1)
        assert await failing(call, silent) == "no connection within 1 s"
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(1) == b"\x16"
    down = await failing(call, peer(1, pki.settings))
    assert down == "connection refused by 127.0.0.1:1"


async def test_who_hangs_up_on_tls(call: Any, pki: Pki) -> None:
    """As DCMTK does that speaks plain DICOM: the failure is told as one of TLS, not of the line."""

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()

    async with serving_streams(reset) as port:
        said = await failing(call, peer(port, pki.settings))
    assert said == "no TLS: it closed the connection amid the handshake"


async def test_tls_where_plain_is_asked_for(pki: Pki) -> None:
    """The failure says what to set."""
    async with saying(b"\x15\3\1\0\2\2\x46") as port:
        with pytest.raises(RemoteFailure, match="speaks TLS: set UseDicomTls"):
            async with open_association(peer(port, None), [WAY], 16384):
                pytest.fail("there is no association")


async def test_our_files(call: Any, pki: Pki, tmp_path: Path) -> None:
    """Those that cannot be used are an error of ours with the setting; read anew for each call."""
    with answering(pki.modality) as port:
        for change, told in (
            ({"tls_trusted": ""}, "dicom.tls_trusted is empty"),
            ({"tls_private_key": str(pki.modality.key)}, "dicom.tls_private_key is not that"),
        ):
            with pytest.raises(Unavailable, match=told):
                await call(peer(port, pki.settings.model_copy(update=change)))
        trusted = tmp_path / "trusted.pem"
        settings = pki.settings.model_copy(update={"tls_trusted": str(trusted)})
        shutil.copy(pki.theirs.file, trusted)
        with pytest.raises(PonsError, match="no TLS"):
            await call(peer(port, settings))
        shutil.copy(pki.ours.file, trusted)
        assert await call(peer(port, settings)) == 0


@contextmanager
def storescp(folder: Path, shown: Issued, trusted: Authority) -> Iterator[int]:
    """The port of DCMTK's, which asks for certificates."""
    port = free_port()
    tls = ("+tls", str(shown.key), str(shown.certificate), "+cf", str(trusted.file))
    process = subprocess.Popen(["storescp", "-od", str(folder), *tls, str(port)])
    try:
        deadline = time.monotonic() + 60
        while not listens(port):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.skipif(shutil.which("storescp") is None, reason="needs DCMTK (apt-get install dcmtk)")
async def test_dcmtk(
    bus: Bus, store: Any, index: Any, sending: Any, image: Any, pki: Pki, tmp_path: Path
) -> None:
    """A job with a large image to storescp, which asks for our certificate."""
    sent = image(PixelData=bytes(range(256)) * 20_000)
    await store.add_dataset(sent)
    received = tmp_path / "received"
    received.mkdir()
    with storescp(received, pki.modality, pki.ours) as port:
        async with sending(bus, store, port, dicom=pki.settings, UseDicomTls=True) as sender:
            job = await sender.send(port)
    assert job.document.state == "Success", job.document.error_details
    (file,) = received.iterdir()
    assert dcmread(file).PixelData == sent.PixelData
