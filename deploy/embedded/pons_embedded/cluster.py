# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL's data folder: who owns it, how it is reached, made once, cleared after a crash."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from pons_embedded import programs
from pons_embedded.command import Account, Command, cannot_start, last_line
from pons_embedded.errors import Refusal
from pons_embedded.processes import wait_gone

SUPERUSER = "postgres"
STOP_PATIENCE = 15.0
ORPHAN_PATIENCE = 1.0
SOCKET_PREFIX = "pons-"
SOCKET_LINE = 4
"""Line of postmaster.pid, from 0, with the folder of the socket."""


class Cluster:
    """The data folder `path` of one PostgreSQL server, and its programs run on it.

    Parameters
    ----------
    binaries
        The folder with `postgres` and `initdb`.
    log
        What the set-up prints goes there.
    """

    def __init__(self, path: Path, binaries: Path, log: Path) -> None:
        self.path = path
        self.log = log
        self.account = postgres_account(path)
        self.binaries = programs.readable_copy(binaries, self.account) if self.account else binaries
        self._descriptor: int | None = None

    def command(self, program: str, *arguments: str) -> Command:
        """A PostgreSQL program that runs as the cluster's owner."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        return Command(
            name="PostgreSQL",
            argv=(str(self.binaries / f"{program}{programs.SUFFIX}"), *arguments),
            environment=environment | {"LC_ALL": "C"},
            account=self.account,
            keep_open=() if self._descriptor is None else (self._descriptor,),
            # SIGINT: fast shutdown. SIGQUIT: at once, and the next start recovers.
            stop_signal=signal.SIGINT if os.name == "posix" else signal.SIGTERM,
            hurry_signal=getattr(signal, "SIGQUIT", None),
        )

    def open(self, path: Path | None = None) -> str:
        """The name by which a PostgreSQL program may call the cluster (or one in the making).

        The owner often cannot pass the folders above (/root, a private data folder), but an
        inherited descriptor leads there whatever is above.
        """
        path = path or self.path
        self.close()
        if self.account is None:
            return str(path)
        if Path("/proc/self/fd").is_dir():
            self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            return f"/proc/self/fd/{self._descriptor}"
        if programs.reachable(path.parent, self.account):
            return str(path)
        raise Refusal(
            f"PostgreSQL does not run as root and user {self.account.name} cannot reach "
            f"{path}: choose another folder with --data, or run ./pons as an ordinary user"
        )

    def close(self) -> None:
        """Give the descriptor back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def make(self, sql: Mapping[str, Sequence[str]], database: str, *, durable: bool) -> None:
        """initdb and first statements, in a folder that gets its name only when it is complete.

        Parameters
        ----------
        sql
            Statements for database `postgres`, which make `database`, and for `database`.
        durable
            False: leave it to the operating system when the files reach the disk.
        """
        new = self.path.with_name(self.path.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True, mode=0o700)
        if sys.platform != "win32" and self.account is not None:
            os.chown(new, self.account.uid, self.account.gid)
        place = self.open(new)
        self._run(
            "",
            *("initdb", "--username", SUPERUSER, "--auth=reject", "--encoding=UTF8", "--locale=C"),
            # The built-in collation is the same on every platform and after every upgrade.
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
            *(() if durable else ("--no-sync",)),
            *("-D", place),
        )
        single = ("postgres", "--single", "-c", "exit_on_error=on", "-D", place)
        for name in ("postgres", database):
            self._run("".join(f"{line}\n" for line in sql[name]), *single, name)
        (new / "pg_hba.conf").write_text(
            "local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n"
        )
        new.rename(self.path)

    def check_version(self) -> None:
        """Raise `Refusal` when another major version made the cluster."""
        made_by = (self.path / "PG_VERSION").read_text().strip()
        ours = self._run("", "postgres", "--version").split()[-1]
        if ours.split(".")[0] != made_by:
            raise Refusal(
                f"the database in {self.path} was made by PostgreSQL {made_by} and this is "
                f"{ours}: move it with pg_dump, or start the version of Pons that made it"
            )

    def _run(self, text: str, program: str, *arguments: str) -> str:
        """One step of the set-up; what it printed is in the log, and in the refusal if it fails."""
        command = self.command(program, *arguments)
        options = command.options()
        del options["stdin"]
        try:
            done = subprocess.run(  # noqa: S603 our own programs
                command.argv, input=text.encode(), stdout=subprocess.PIPE, check=False, **options
            )
        except OSError as error:
            raise Refusal(cannot_start(command, error)) from None
        if done.returncode:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("ab") as log:
                log.write(done.stdout)
            raise Refusal(f"PostgreSQL cannot be set up: {last_line(self.log)} (see {self.log})")
        return str(done.stdout, errors="replace")


def postgres_account(cluster: Path) -> Account | None:
    """The account PostgreSQL runs as when we are root; None: our own."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import pwd

    if cluster.exists() and (owner := cluster.stat().st_uid) != 0:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwuid(owner)
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    for name in ("postgres", "nobody", "daemon"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise Refusal(
        "PostgreSQL does not run as root and there is no user postgres or nobody to run it as: "
        "run ./pons as an ordinary user"
    )


def pid_file(cluster: Path) -> list[str]:
    """The lines of a running or killed server's postmaster.pid; empty when there is none."""
    with contextlib.suppress(OSError):
        return (cluster / "postmaster.pid").read_text().splitlines()
    return []


def end_leftovers(cluster: Path, keep: Path | None = None) -> bool:
    """End what a killed supervisor or postmaster left running; whether there was anything.

    Its socket folder goes too, except `keep`, which only becomes empty.
    """
    lines = pid_file(cluster)
    leftovers = processes_in(cluster) if lines else []
    # A postmaster ends its children in its shutdown; without one they are about to end.
    led = any(str(process.pid) == lines[0] for process in leftovers)
    for process in leftovers:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
    alive = wait_gone(leftovers, STOP_PATIENCE if led else ORPHAN_PATIENCE)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    wait_gone(alive, STOP_PATIENCE)
    # Process ids come again, in containers soon: PostgreSQL would take any process with the number
    # in this file for its predecessor and refuse to start.
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    if len(lines) > SOCKET_LINE and Path(lines[SOCKET_LINE]).name.startswith(SOCKET_PREFIX):
        _clear_socket_folder(Path(lines[SOCKET_LINE]), keep)
    return bool(leftovers)


def _clear_socket_folder(folder: Path, keep: Path | None) -> None:
    with contextlib.suppress(OSError):
        for file in folder.iterdir():
            file.unlink()
        if folder != keep:
            folder.rmdir()


def processes_in(cluster: Path) -> list[psutil.Process]:
    """The PostgreSQL processes that work in this cluster, the postmaster first."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.name().startswith("postgres") and Path(process.cwd()) == cluster.resolve():
                found.append(process)
    return sorted(found, key=lambda process: process.create_time())
