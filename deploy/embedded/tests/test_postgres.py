# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL from the wheel: roles, recovery, and who may run it from where."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

import pons_embedded
from pons_embedded import programs
from pons_embedded.cluster import end_leftovers, processes_in
from pons_embedded.command import Account
from pons_embedded.errors import Refusal
from pons_embedded.postgres import EmbeddedPostgres
from pons_embedded.processes import lives

AS_NOBODY = """
import pwd, os, sys
from pathlib import Path
from pons_embedded.postgres import EmbeddedPostgres
from pons_embedded.ports import free_port
nobody = pwd.getpwnam("nobody")
os.setgroups([]); os.setgid(nobody.pw_gid); os.setuid(nobody.pw_uid)
with EmbeddedPostgres(Path(sys.argv[1]), durable=False) as server:
    print(server.cluster.stat().st_uid, server.ready(server.pid))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a server that ran once."""
    folder = tmp_path_factory.mktemp("postgres")
    with EmbeddedPostgres(folder, durable=False):
        pass
    return folder


@pytest.fixture
def server(made: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(made, durable=False) as running:
        yield running


@pytest.mark.anyio
async def test_reader_reads_and_cannot_write(server: EmbeddedPostgres) -> None:
    """The reading role sees every table that the owner makes, and writes none of them."""
    owner = await asyncpg.connect(server.url)
    reader = await asyncpg.connect(server.reader_url)
    try:
        await owner.execute("CREATE TABLE seen (n int); INSERT INTO seen VALUES (42)")
        assert await reader.fetchval("SELECT n FROM seen") == 42
        await reader.execute("SET default_transaction_read_only = off")
        for statement in (
            "INSERT INTO seen VALUES (1)",
            "DROP TABLE seen",
            "CREATE TABLE own (n int)",
            "CREATE TEMPORARY TABLE own (n int)",
            "CREATE SCHEMA own",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await reader.execute(statement)
    finally:
        await owner.execute("DROP TABLE IF EXISTS seen")
        await owner.close()
        await reader.close()


@pytest.mark.anyio
async def test_wrong_password_is_refused(server: EmbeddedPostgres) -> None:
    """Another account of the machine does not get in without the password."""
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.dsn(server.owner, "guess", server.owner))


@pytest.mark.anyio
async def test_store_has_what_the_index_needs(server: EmbeddedPostgres) -> None:
    """The store's database has the extensions and a collation that no platform changes."""
    owner = await asyncpg.connect(server.url)
    try:
        names = await owner.fetch("SELECT extname FROM pg_extension ORDER BY 1")
        assert [name for (name,) in names] == ["btree_gin", "pg_trgm", "plpgsql", "unaccent"]
        collation = await owner.fetchrow(
            "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = current_database()"
        )
        assert tuple(collation) == (b"b", "C.UTF-8")
    finally:
        await owner.close()


@pytest.mark.anyio
async def test_durability_is_on_by_default(made: Path) -> None:
    """What is committed in a store is on disk."""
    async with EmbeddedPostgres(made) as server:
        admin = await asyncpg.connect(server.admin_url)
        settings = await admin.fetch(
            "SELECT setting FROM pg_settings WHERE name IN "
            "('fsync', 'synchronous_commit', 'full_page_writes')"
        )
        await admin.close()
    assert [value for (value,) in settings] == ["on", "on", "on"]


def test_passwords_are_private(made: Path) -> None:
    """Nobody else on the machine can read the passwords."""
    assert (made / "secrets.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.anyio
async def test_killed_server_starts_again(made: Path) -> None:
    """After kill -9 of the postmaster the next start recovers what was committed."""
    first = EmbeddedPostgres(made)
    first.start()
    owner = await asyncpg.connect(first.url)
    await owner.execute("CREATE TABLE kept (n int)")
    await owner.execute("INSERT INTO kept VALUES (7)")
    os.kill(first.pid, signal.SIGKILL)
    with EmbeddedPostgres(made) as second:
        again = await asyncpg.connect(second.url)
        assert await again.fetchval("SELECT n FROM kept") == 7
        await again.execute("DROP TABLE kept")
        await again.close()
    owner.terminate()
    first.stop()


def test_running_leftover_is_ended(made: Path) -> None:
    """A postmaster that a killed supervisor left is stopped before the next one starts."""
    first = EmbeddedPostgres(made, durable=False)
    first.start()
    postmaster, socket_folder = psutil.Process(first.pid), first.socket_folder
    with EmbeddedPostgres(made, durable=False) as second:
        assert not lives(postmaster)
        assert second.pid != postmaster.pid
        assert socket_folder is not None
        assert not socket_folder.exists()
    first.stop()


def test_end_leftovers_says_whether_there_were_any(made: Path) -> None:
    """Only a cluster in use has something to end."""
    assert end_leftovers(made / "cluster") is False
    server = EmbeddedPostgres(made, durable=False)
    server.start()
    assert end_leftovers(made / "cluster") is True
    assert processes_in(made / "cluster") == []
    server.stop()


def test_process_id_that_came_again(made: Path) -> None:
    """A postmaster.pid that names a living process of something else does not hinder the start."""
    stale = made / "cluster" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{made / 'cluster'}\n1700000000\n5432\n/nowhere\n\n")
    with EmbeddedPostgres(made, durable=False) as server:
        assert server.ready(server.pid)
    assert psutil.pid_exists(os.getpid())


def test_folder_of_another_store_is_refused(made: Path) -> None:
    """A folder is not opened under the name of another store."""
    with pytest.raises(Refusal, match="belongs to store 'main', not 'nm'"):
        EmbeddedPostgres(made, store="nm").start()


def test_other_major_version_is_refused(made: Path, tmp_path: Path) -> None:
    """A cluster of another PostgreSQL is named with both versions, and left alone."""
    copy = tmp_path / "copy"
    shutil.copytree(made, copy)
    (copy / "cluster" / "PG_VERSION").write_text("15\n")
    with pytest.raises(Refusal, match=r"was made by PostgreSQL 15 and this is 18\."):
        EmbeddedPostgres(copy).start()


def test_missing_programs_are_named(tmp_path: Path) -> None:
    """Without PostgreSQL's programs one sentence says so, and no cluster is begun."""
    with pytest.raises(Refusal, match=r"PostgreSQL is missing \(looked in .*nowhere\)"):
        EmbeddedPostgres(tmp_path, binaries=tmp_path / "nowhere").start()
    assert not (tmp_path / "cluster").exists()


def test_server_that_cannot_start_says_why(made: Path, tmp_path: Path) -> None:
    """PostgreSQL's own last words are in the refusal."""
    copy = tmp_path / "copy"
    shutil.copytree(made, copy)
    with (copy / "cluster" / "postgresql.conf").open("a") as settings:
        settings.write("no_such_setting = 1\n")
    if os.geteuid() == 0:
        owner = (made / "cluster").stat()
        for file in (copy / "cluster", *(copy / "cluster").rglob("*")):
            os.chown(file, owner.st_uid, owner.st_gid)
    with pytest.raises(Refusal, match=r"PostgreSQL did not start: .*errors"):
        EmbeddedPostgres(copy).start()
    assert processes_in(copy / "cluster") == []


def test_interrupted_set_up_is_repeated(tmp_path: Path) -> None:
    """Half a cluster is never taken for a whole one."""
    half = tmp_path / "cluster.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(tmp_path, durable=False) as server:
        assert server.ready(server.pid)
    assert not half.exists()


def test_runs_below_closed_folders(tmp_path: Path) -> None:
    """Data below a folder that only its owner may enter (/root) is no hindrance for root either."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with EmbeddedPostgres(closed / "postgres", durable=False) as server:
        owner = server.cluster.stat().st_uid
        assert psutil.Process(server.pid).uids().effective == owner
    assert owner != 0


def test_runs_for_an_ordinary_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    """An account without rights starts it as itself; root lends this test such an account."""
    if os.geteuid() != 0:
        with EmbeddedPostgres(tmp_path_factory.mktemp("own"), durable=False) as server:
            assert server.cluster.stat().st_uid == os.geteuid()
        return
    import pwd
    import tempfile

    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        sources = {str(Path(str(pons_embedded.__file__)).parents[1]), *sys.path}
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, folder],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sources), "TMPDIR": folder},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.stdout, done.stderr) == (f"{nobody.pw_uid} True\n", "")


def test_programs_are_copied_where_their_account_reaches_them(tmp_path: Path) -> None:
    """From a closed checkout the programs are copied once; from an open one never."""
    closed = tmp_path / "closed" / "package" / "pginstall"
    (closed / "bin").mkdir(parents=True)
    program = closed / "bin" / f"postgres{programs.SUFFIX}"
    program.write_text("program")
    program.chmod(0o700)
    (closed / "include").mkdir()
    library = tmp_path / "closed" / "package.libs" / "library.so"
    library.parent.mkdir()
    library.touch()
    (tmp_path / "closed").chmod(0o700)
    stranger = Account("stranger", 54321, 54321)
    assert not programs.reachable(program, stranger)
    copy = programs.readable_copy(closed / "bin", stranger, tmp_path / "cache")
    assert sorted(path.name for path in copy.parent.iterdir()) == ["bin"]
    assert (copy / "../../../package.libs/library.so").exists()
    assert (copy / "postgres").stat().st_mode & 0o777 == 0o755
    assert programs.readable_copy(closed / "bin", stranger, tmp_path / "cache") == copy
    me = Account("me", os.geteuid(), os.getegid())
    assert programs.readable_copy(closed / "bin", me, tmp_path / "cache") == closed / "bin"
