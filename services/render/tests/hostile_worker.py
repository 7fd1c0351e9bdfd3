# SPDX-License-Identifier: Apache-2.0
"""A render worker whose decoder does the worst things; which one, the operation says."""

import ctypes
import os
import signal
import sys
import time
from typing import BinaryIO

from pons.errors import UnsupportedImage
from pons_render.source import Source
from pons_render.wire import Task
from pons_render.worker import serve


def misbehave(task: Task, source: Source, answer: BinaryIO) -> None:
    match task.operation:
        case "segfault":
            ctypes.string_at(0)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "spin":
            while True:
                pass
        case "hoard":
            bytearray(1024 * 1024 * 1024)
        case "hoard slowly":
            hoard = [b"x" * (2 << 20) for _ in range(200) if time.sleep(0.005) is None]
            answer.write(b"%d" % len(hoard))
        case "raise":
            raise RuntimeError("nobody foresaw this")
        case "print":
            os.write(1, b"noise on standard output")
        case "environment":
            answer.write("\n".join(sorted(os.environ)).encode())
            return
        case "read":
            answer.write(source.read_at(task.frame, 4))
            return
        case "much":
            answer.write(bytes(task.frame))
            return
        case "much and no more":
            answer.write(bytes(task.frame))
            raise UnsupportedImage("that was all")
    answer.write(str(os.getpid()).encode())


if __name__ == "__main__":
    serve(misbehave, int(sys.argv[1]))
