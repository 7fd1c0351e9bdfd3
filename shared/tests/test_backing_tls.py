# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL, NATS and S3 over TLS: who is believed, and what is said of all others."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from pons.bus import Bus, open_bus
from pons.catalog.connection import open_reader
from pons.errors import Unavailable
from pons.objects import new_key, open_objects
from pons.settings import DatabaseSettings, NatsSettings, Settings, StoreSettings
from pons_embedded.nats import EmbeddedNats
from pons_testing.certificates import Authority, Issued
from pons_testing.postgres import PostgresServer
from pons_testing.s3 import Endpoint, run_rclone
from pons_testing.tls_postgres import SSL_REQUEST, postgres_behind_tls
from pons_testing.waiting import end_task

pytestmark = pytest.mark.anyio


@dataclass
class Pki:
    """Servers are signed by `ours`."""

    ours: Authority
    theirs: Authority

    def wrong(self) -> list[tuple[Authority, Issued, str]]:
        """Whom somebody believes, what he is shown, and what is said then."""
        good = self.ours.issue("good")
        return [
            (self.theirs, good, "an authority signed its certificate that is not among those of"),
            (self.ours, self.ours.issue("host", host="192.0.2.1"), "for another address (setting"),
            (self.ours, self.ours.issue("old", timedelta(hours=-1)), "is out of date"),
        ]


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki(Authority(tmp_path, "ours"), Authority(tmp_path, "theirs"))


def shown(issued: Issued) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    return context


@contextmanager
def behind_tls(
    postgres: PostgresServer, context: ssl.SSLContext | None
) -> Iterator[tuple[str, list[bytes]]]:
    """The address of the database by way of TLS, and what clients have said first."""
    embedded = postgres.embedded
    there = urlsplit(embedded.dsn(embedded.reader, embedded.secrets["reader"], embedded.owner))
    with postgres_behind_tls(embedded, context) as (port, heard):
        user = there.netloc.rpartition("@")[0]
        yield f"postgresql://{user}@127.0.0.1:{port}{there.path}", heard


async def value(database: DatabaseSettings) -> int:
    reader = open_reader(database)
    try:
        row = await reader.row("SELECT 7 AS seven")
        assert row is not None
        return int(row["seven"])
    finally:
        reader.close()


async def test_postgresql(pki: Pki, postgres: PostgresServer) -> None:
    """By the setting, and in libpq's words."""
    with behind_tls(postgres, shown(pki.ours.issue("good"))) as (url, heard):
        ca = str(pki.ours.file)
        assert await value(DatabaseSettings(url=url, tls_ca=ca)) == 7
        libpq = f"{url}?sslmode=verify-full&sslrootcert={ca}"
        assert await value(DatabaseSettings(url=libpq)) == 7
        assert set(heard) == {SSL_REQUEST}


async def test_postgresql_that_asks_for_a_certificate(pki: Pki, postgres: PostgresServer) -> None:
    """It is shown that of the address, beside whom the setting believes."""
    asking, own = shown(pki.ours.issue("good")), pki.ours.issue("own")
    asking.load_verify_locations(pki.ours.file)
    asking.verify_mode = ssl.CERT_REQUIRED
    with behind_tls(postgres, asking) as (url, _):
        ca = str(pki.ours.file)
        named = f"{url}?sslcert={own.certificate}&sslkey={own.key}"
        assert await value(DatabaseSettings(url=named, tls_ca=ca)) == 7
        with pytest.raises(Unavailable):
            await value(DatabaseSettings(url=url, tls_ca=ca))


async def test_postgresql_that_is_not_believed(pki: Pki, postgres: PostgresServer) -> None:
    """What is wrong, with which server, and by which setting; in no more time than a connection
    may take."""
    for believed, issued, told in pki.wrong():
        with behind_tls(postgres, shown(issued)) as (url, _):
            database = DatabaseSettings(url=url, tls_ca=str(believed.file))
            with pytest.raises(Unavailable) as refusal:
                async with asyncio.timeout(60):
                    await value(database)
            assert told in str(refusal.value)
            assert f"PostgreSQL at {urlsplit(url).netloc.rpartition('@')[2]}" in str(refusal.value)


async def test_postgresql_without_tls(pki: Pki, postgres: PostgresServer) -> None:
    """It is told nothing: neither user nor password."""
    with behind_tls(postgres, None) as (url, heard):
        with pytest.raises(Unavailable):
            await value(DatabaseSettings(url=url, tls_ca=str(pki.ours.file)))
        assert set(heard) <= {SSL_REQUEST, b""}


async def test_a_file_that_has_no_certificates(pki: Pki) -> None:
    """The message says which setting names it."""
    for name in ("none.pem", "key.pem"):
        file = pki.ours.file.with_name(name)
        if name == "key.pem":
            file.write_text("nothing")
        with pytest.raises(Unavailable, match=r"database\.tls_ca"):
            open_reader(DatabaseSettings(url="postgresql://x@127.0.0.1/x", tls_ca=str(file)))
        nats = NatsSettings(url="nats://127.0.0.1:1", tls_ca=str(file))
        with pytest.raises(Unavailable, match=r"nats\.tls_ca"):
            async with open_bus(Settings(nats=nats)):
                pass


class SecuredNats(EmbeddedNats):
    """nats-server with TLS, which asks for a certificate of `clients`, if any."""

    def __init__(self, folder: Path, issued: Issued, clients: Authority | None) -> None:
        super().__init__(folder)
        self._tls: dict[str, Any] = {
            "cert_file": str(issued.certificate),
            "key_file": str(issued.key),
        }
        if clients is not None:
            self._tls |= {"ca_file": str(clients.file), "verify": True}

    def _configuration(self) -> str:
        return json.dumps(json.loads(super()._configuration()) | {"tls": self._tls})


def nats_settings(url: str, **tls: str) -> Settings:
    return Settings(store=StoreSettings(name="tls"), nats=NatsSettings(url=url, **tls))


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Bus]:
    async with asyncio.timeout(100), open_bus(settings) as bus:
        yield bus


async def said_by(settings: Settings) -> str:
    """What the log says first while the bus cannot open."""
    with capture_logs() as logs:
        async with asyncio.timeout(60):
            opening = asyncio.create_task(opened(settings).__aenter__())
            while not (found := [one for one in logs if one["event"] == "nats error"]):
                assert not opening.done()
                await asyncio.sleep(0.01)
        await end_task(opening)
    return str(found[0]["error"])


async def test_nats(pki: Pki, tmp_path: Path) -> None:
    """Messages are kept over TLS, where both sides show a certificate; without ours there is no
    connection, and the log says which setting names it."""
    known = pki.ours.issue("known")
    both = {"tls_certificate": str(known.certificate), "tls_key": str(known.key)}
    ca = str(pki.ours.file)
    async with SecuredNats(tmp_path / "nats", pki.ours.issue("good"), pki.ours) as server:
        async with opened(nats_settings(server.url, tls_ca=ca, **both)) as bus:
            await bus.publish(bus.names.received, b"kept")
        tls = server.url.replace("nats://", "tls://")
        async with opened(nats_settings(tls, tls_ca=ca, **both)) as bus:
            await bus.check()
        assert "nats.tls_certificate" in await said_by(nats_settings(server.url, tls_ca=ca))


async def test_nats_that_is_not_believed(pki: Pki, tmp_path: Path) -> None:
    """What is wrong, with which server, and by which setting."""
    for number, (believed, issued, told) in enumerate(pki.wrong()):
        async with SecuredNats(tmp_path / str(number), issued, None) as server:
            said = await said_by(nats_settings(server.url, tls_ca=str(believed.file)))
        assert told in said
        assert f"NATS at 127.0.0.1:{server.port}" in said


async def test_nats_without_tls(pki: Pki, tmp_path: Path) -> None:
    """It is told nothing, neither where the address asks for TLS nor where a setting does."""
    async with EmbeddedNats(tmp_path / "nats") as server:
        tls = server.url.replace("nats://", "tls://")
        for settings in (
            nats_settings(server.url, tls_ca=str(pki.ours.file)),
            nats_settings(tls),
        ):
            assert "it does not ask for TLS" in await said_by(settings)


async def stored(place: Endpoint, folder: Path) -> bytes:
    """What is read of an object that was just written."""
    objects = open_objects(place.storage(folder), "tls")
    try:
        await objects.check()
        key = new_key()
        await objects.put(key, b"pixels")
        return b"".join([piece async for piece in objects.stream(key)])
    finally:
        await objects.close()


async def test_s3(pki: Pki, tmp_path: Path) -> None:
    """Objects go and come where the server is believed; for others it is said why, and in bounded
    time."""
    spool = tmp_path / "spool"
    (tmp_path / "buckets").mkdir()
    with run_rclone(tmp_path / "buckets", pki.ours.issue("s3")) as place:
        assert await stored(replace(place, ca=str(pki.ours.file)), spool) == b"pixels"
        with pytest.raises(Unavailable, match=r"There is no TLS with S3 at 127\.0\.0\.1:.*storage"):
            await stored(place, spool)
    for number, (believed, issued, told) in enumerate(pki.wrong()):
        folder = tmp_path / str(number)
        folder.mkdir()
        with run_rclone(folder, issued) as place, pytest.raises(Unavailable) as refusal:
            async with asyncio.timeout(100):
                await stored(replace(place, ca=str(believed.file)), spool)
        assert told in str(refusal.value)
    (tmp_path / "plain").mkdir()
    with run_rclone(tmp_path / "plain") as place:
        secure = replace(place, secure=True, ca=str(pki.ours.file))
        with pytest.raises(Unavailable, match="it does not speak TLS"):
            await stored(secure, spool)
