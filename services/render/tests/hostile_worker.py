# SPDX-License-Identifier: Apache-2.0
"""A render worker whose decoder does the worst things; which one, the operation says."""

import ctypes
import os
import signal
import sys

from pons_render.source import Source
from pons_render.wire import Task
from pons_render.worker import serve


def misbehave(task: Task, source: Source) -> bytes:
    match task.operation:
        case "segfault":
            ctypes.string_at(0)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "spin":
            while True:
                pass
        case "hoard":
            return bytes(len(bytearray(1024 * 1024 * 1024)))
        case "raise":
            raise RuntimeError("nobody foresaw this")
        case "print":
            os.write(1, b"noise on standard output")
        case "environment":
            return "\n".join(sorted(os.environ)).encode()
        case "read":
            return source.read_at(task.frame, 4)
    return str(os.getpid()).encode()


if __name__ == "__main__":
    serve(misbehave, int(sys.argv[1]))
