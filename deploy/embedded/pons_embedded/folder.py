# SPDX-License-Identifier: Apache-2.0
"""The data folder of one store: where everything in it is, and the lock that one process holds."""

import errno
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pons_embedded.errors import Refusal

CHECKOUT = Path(__file__).resolve().parents[3]
_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
"""What systems say of a lock that somebody else holds."""
LOCK_BYTE = 1 << 20
"""Windows lets nobody read a locked byte, so the lock is far behind the process id in the file."""


@dataclass(frozen=True)
class DataFolder:
    """Everything that one embedded store keeps."""

    path: Path

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def objects(self) -> Path:
        return self.path / "objects"

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def nats(self) -> Path:
        return self.path / "nats"

    @property
    def tls(self) -> Path:
        """The certificate that `./pons certificate` has made."""
        return self.path / "tls"

    @property
    def state(self) -> Path:
        """What runs now: process ids and addresses."""
        return self.path / "state.json"

    @property
    def settings(self) -> Path:
        """What the services are told, where it is not one file of the user's."""
        return self.path / "settings.json"

    @property
    def reserve(self) -> Path:
        """Room that is kept for deletions on a full disk."""
        return self.path / "reserve"

    @property
    def tools(self) -> Path:
        """What commands of the index are told while the store runs."""
        return self.path / "tools.json"

    @property
    def stop_request(self) -> Path:
        """Its presence asks the supervisor to stop, where there are no signals."""
        return self.path / "stop"

    def make(self) -> None:
        """Let it be there, for its owner alone. Raises `Refusal` where it cannot be."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> Refusal:
        return Refusal(
            f"the data folder {self.path} cannot be written ({error.strerror}): "
            "choose another with --data"
        )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other supervisor away while the block runs.

        The operating system gives the lock back however the process ends, so none is ever stale.
        """
        self.make()
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            if not self._try_lock(descriptor):
                holder = os.read(descriptor, 32).decode().strip() or "unknown"
                raise Refusal(
                    f"the data folder {self.path} is in use by process {holder}: stop that store "
                    f"with ./pons down --data {shlex.quote(str(self.path))}, or choose another "
                    "folder with --data"
                )
            with suppress(OSError):  # the lock needs no room; only who holds it cannot be told
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()}\n".encode())
            yield
        finally:
            os.close(descriptor)

    def _try_lock(self, descriptor: int) -> bool:
        try:
            return try_lock(descriptor)
        except OSError as error:
            raise Refusal(
                f"the data folder {self.path} cannot be locked ({error.strerror}): choose one on a "
                "local disk with --data"
            ) from None


def default_data_folder(store: str) -> Path:
    """`data/<store>` beside the launcher: in sight, and gone with the checkout."""
    return CHECKOUT / "data" / store


def try_lock(descriptor: int) -> bool:
    """Whether the file is locked now; False while somebody else holds it.

    Raises `OSError` on a file system without locks.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, LOCK_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _HELD:
            raise
        return False
    return True
