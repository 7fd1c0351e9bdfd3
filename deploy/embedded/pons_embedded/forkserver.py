# SPDX-License-Identifier: Apache-2.0
"""The process that services are forked from: it has imported what all of them need.

It reads orders from its standard input, a socket of which the supervisor has the other end, and
ends with it. It never has threads, an event loop or a service's own modules, so that what is
forked from it is as fresh as a new Python. A service is no child of it: the process in between ends
at once, and so the supervisor, which adopts what descends from it (PR_SET_CHILD_SUBREAPER), is its
parent as if it had been started plainly.
"""

import ctypes
import gc
import json
import os
import runpy
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LENGTH = struct.Struct("!I")
"""Before each order: how many bytes of JSON follow."""
PID = struct.Struct("!i")
"""The answer to each order: the new process, or 0 where the system has no room for one."""
FILES = 2
"""Descriptors that come with each order: standard input, and the log."""
ARGUMENTS, ENVIRONMENT = 45, 47
"""Fields of /proc/self/stat after the name, from 0, that say where these begin in memory; the
field after each says where it ends (proc_pid_stat(5): arg_start, env_start)."""


def main() -> None:
    """Serve until the supervisor is gone, or until this process is a service, and then be that."""
    import_what_services_share()
    orders = socket.socket(fileno=0)
    order = serve(orders)
    if order is not None:
        orders.detach()  # the descriptor is the service's standard input now
        sys.argv = ["-m"]
        runpy.run_module(order["module"], run_name="__main__", alter_sys=True)


def import_what_services_share() -> None:
    """Third packages, and of the library what every service imports; no module of one alone."""
    gc.disable()
    import asyncpg  # noqa: F401
    import httpx  # noqa: F401
    import nats  # noqa: F401
    import numpy  # noqa: F401
    import pynetdicom  # noqa: F401
    import uvicorn.protocols.http.httptools_impl  # noqa: F401
    import uvloop  # noqa: F401

    import pons.bus.roll_call
    import pons.catalog
    import pons.jobs
    import pons.runtime.service  # noqa: F401

    gc.freeze()  # collections in services do not write to memory that they share
    gc.enable()
    if (threads := len(os.listdir("/proc/self/task"))) > 1:
        raise RuntimeError(f"{threads} threads run, which a forked process would not have")


def serve(orders: socket.socket) -> dict[str, Any] | None:
    """Fork what is ordered. Returns None at the end, and in each new process what it is to be."""
    while True:
        head, files, _, _ = socket.recv_fds(orders, LENGTH.size, FILES)
        if len(head) < LENGTH.size:
            return None
        order = json.loads(_read(orders, LENGTH.unpack(head)[0]))
        reading, writing = os.pipe()
        between = os.fork()
        if not between:
            if _forked():
                os._exit(0)
            os.setsid()
            become(order["argv"], order["environment"], *files)
            os.write(writing, PID.pack(os.getpid()))  # who is told of it finds it complete
            for end in (reading, writing):
                os.close(end)
            return dict(order)
        for end in (writing, *files):
            os.close(end)
        told = os.read(reading, PID.size) or PID.pack(0)
        os.close(reading)
        os.waitpid(between, 0)  # from here on the supervisor is the parent
        orders.sendall(told)


def _forked() -> bool:
    """Whether this is the parent of a new process, or cannot be."""
    try:
        return os.fork() != 0
    except OSError:
        return True


def _read(orders: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size and (piece := orders.recv(size - len(content))):
        content += piece
    return content


def become(argv: Sequence[str], environment: Mapping[str, str], stdin: int, log: int) -> None:
    """Take the input, output, environment and name of a process that was started with `argv`."""
    for file, number in ((stdin, 0), (log, 1), (log, 2)):
        os.dup2(file, number)
    for file in (stdin, log):
        os.close(file)
    os.chdir("/")
    os.environ.clear()
    os.environ.update(environment)
    fields = [
        int(field) if field.isdigit() else 0
        for field in Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
    ]
    begin, end = fields[ARGUMENTS : ARGUMENTS + 2]
    show(command_line(argv, end - begin), begin, end)
    begin, end = fields[ENVIRONMENT : ENVIRONMENT + 2]
    show(b"".join(os.fsencode(f"{k}={v}") + b"\0" for k, v in environment.items()), begin, end)


def command_line(argv: Sequence[str], size: int) -> bytes:
    """`argv` as /proc shows it, in so many bytes: slashes in the program's path fill them up."""
    folder, slash, program = argv[0].rpartition("/")
    rest = b"".join(os.fsencode(word) + b"\0" for word in (slash + program, *argv[1:]))
    return os.fsencode(folder).ljust(size - len(rest), b"/") + rest


def show(content: bytes, begin: int, end: int) -> None:
    """Let /proc show this instead of what was there; what does not fit in is left out."""
    whole = content if len(content) <= end - begin else content[: end - begin].rpartition(b"\0")[0]
    ctypes.memmove(begin, whole.ljust(end - begin, b"\0"), end - begin)


if __name__ == "__main__":
    main()
