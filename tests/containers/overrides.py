# SPDX-License-Identifier: Apache-2.0
"""What an operator does before a store starts with the overrides of deploy/compose."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pynetdicom import AE

from outside import TIMEOUT, image
from pons_testing.certificates import Authority
from project import Project

FILES = ("deploy/compose/tls.yml", "deploy/compose/external-postgres.yml")
ELSEWHERE = "database.elsewhere"
READABLE = 0o755
HOLD = """
import asyncio
from pons.settings import load_settings
from pons_index.database import open_pool
from pons_index.statements import SQL

async def hold():
    async with open_pool(load_settings()) as database, database.pool.acquire() as connection:
        async with connection.transaction():
            await connection.execute(SQL["hold_fence"])
            print("held", flush=True)
            await asyncio.Event().wait()

asyncio.run(hold())
"""
"""What the index does every few seconds for a moment: it holds what the next one needs to start."""


def make_certificates(project: Project, folder: Path) -> ssl.SSLContext:
    """The store's folder `tls`; what somebody asks with whom the store believes."""
    authority = Authority(folder, "authority")
    server, client = authority.issue("server"), authority.issue("client")
    place = project.folder / "tls"
    place.mkdir()
    for source, name in ((server.certificate, "server.crt"), (server.key, "server.key")):
        shutil.copy(source, place / name)
    shutil.copy(authority.file, place / "ca.crt")
    for path in (place, *place.iterdir()):
        path.chmod(READABLE)  # user 10001 reads them; the folder above lets nobody else in
    context = ssl.create_default_context(cafile=str(authority.file))
    context.load_cert_chain(client.certificate, client.key)
    return context


def move_database(project: Project) -> None:
    """The store's PostgreSQL leaves its networks for one where others are, under another name."""
    [container] = project.containers("postgres")
    inside, outside = (f"pons-{project.name}_{name}" for name in ("inside", "outside"))
    project.engine.docker("network", "disconnect", inside, container)
    project.engine.docker("network", "connect", "--alias", ELSEWHERE, outside, container)
    for name in ("database_url", "database_reader_url"):
        path = project.folder / "secrets" / name
        path.write_text(path.read_text().replace("@postgres/", f"@{ELSEWHERE}/"))


@contextmanager
def amid_a_transaction(project: Project) -> Iterator[None]:
    """The index's container has one open as the block begins, and does not end it."""
    [container] = project.containers("index")
    words = ("/usr/bin/docker", "exec", container, "python", "-P", "-c", HOLD)
    with subprocess.Popen(words, env=project.engine.environment, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            yield
        finally:
            holder.kill()


def store_by_tls(project: Project, context: ssl.SSLContext) -> str:
    """Send a new image over TLS; its SOP instance UID."""
    ds = image("OVERRIDDEN")
    ae = AE("TESTER")
    ae.add_requested_context(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = TIMEOUT
    port, tls = project.store.dicom_port, (context, "127.0.0.1")
    assoc = ae.associate("127.0.0.1", port, ae_title=project.store.aet, tls_args=tls)
    assert assoc.is_established
    try:
        assert assoc.send_c_store(ds).get("Status") == 0
    finally:
        assoc.release()
    return str(ds.SOPInstanceUID)
