# SPDX-License-Identifier: Apache-2.0
"""How one program is started, and ended, on every platform."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pons_embedded.errors import Refusal


@dataclass(frozen=True)
class Account:
    """An operating system user that a program runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Command:
    """A program with everything it needs to start."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    account: Account | None = None
    keep_open: tuple[int, ...] = ()
    """File descriptors that the program inherits under the same numbers."""
    stop_signal: signal.Signals = signal.SIGTERM
    hurry_signal: signal.Signals | None = None
    """For an end without waiting; None where the program may be killed."""

    @property
    def stop_signals(self) -> list[signal.Signals]:
        """What ends the program in order, and then without waiting."""
        hurry = self.hurry_signal
        return [self.stop_signal, *([] if hurry is None else [hurry])]

    def options(self) -> dict[str, Any]:
        """Keyword arguments of `subprocess.Popen` and `asyncio.create_subprocess_exec`."""
        options: dict[str, Any] = {
            "env": dict(self.environment),
            "stdin": subprocess.DEVNULL,
            "stderr": subprocess.STDOUT,
        }
        if sys.platform == "win32":
            # A group of its own, so that Ctrl-C reaches only the supervisor, which stops in order.
            return options | {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        options |= {"start_new_session": True, "pass_fds": self.keep_open, "cwd": "/"}
        if self.account is not None:
            options |= {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}
        return options


def open_log(path: Path) -> int:
    """A descriptor that appends to the log at `path`; the caller closes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def spawn(command: Command, log: Path) -> subprocess.Popen[bytes]:
    """The started program, writing to `log`. Raises `Refusal` when it cannot be started at all."""
    output = open_log(log)
    try:
        return subprocess.Popen(command.argv, stdout=output, **command.options())  # noqa: S603 our own programs
    except OSError as error:
        raise Refusal(cannot_start(command, error)) from None
    finally:
        os.close(output)


def cannot_start(command: Command, error: OSError) -> str:
    """The sentence for a program that the operating system refuses to start."""
    if command.account is not None and isinstance(error, PermissionError):
        return (
            f"{command.name} must not run as root and cannot be started as user "
            f"{command.account.name} ({error.strerror}): run ./pons as an ordinary user"
        )
    return f"{command.name} cannot be started ({error}): remove .venv and run ./pons again"


def end(process: subprocess.Popen[bytes], command: Command, patience: float) -> None:
    """Stop a program: politely, after `patience` seconds not."""
    for number in (command.stop_signal, command.hurry_signal, None):
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                process.kill() if number is None else send(process.pid, number)
                process.wait(patience)


def send(pid: int, number: signal.Signals) -> None:
    """Send a stop signal; where signals do not exist, the console event that stands for them."""
    if sys.platform == "win32" and number is signal.SIGTERM:
        number = signal.CTRL_BREAK_EVENT
    os.kill(pid, number)


def go_on(pid: int) -> None:
    """Let a process that was stopped (SIGSTOP) go on; others do not notice."""
    if sys.platform != "win32":
        os.kill(pid, signal.SIGCONT)


def end_group(pid: int) -> None:
    """End a process of ours at once, with those that it started in its group."""
    if sys.platform == "win32":
        os.kill(pid, signal.SIGTERM)  # which ends it at once there
    else:
        os.killpg(pid, signal.SIGKILL)


def last_line(log: Path) -> str:
    """The last line that says something in a log, for a message about what just ended."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return _readable(last)


def _readable(line: str) -> str:
    """A line for people, from one that a service wrote as JSON."""
    with contextlib.suppress(ValueError):
        if isinstance(said := json.loads(line), dict) and "event" in said:
            why = said.get("error") or said.get("exception", "").strip().rpartition("\n")[2]
            return f"{said['event']}: {why}" if why else str(said["event"])
    return line
