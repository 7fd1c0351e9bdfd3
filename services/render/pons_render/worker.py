# SPDX-License-Identifier: Apache-2.0
"""A process that decodes one frame at a time and may die of it: `python -m pons_render.worker`."""

import gzip
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from pons.errors import DamagedObject, UnsupportedImage
from pons_render.decode import decode_frame
from pons_render.display import View, expand_bits, show
from pons_render.encode import encode
from pons_render.frames import raw_frame
from pons_render.matlab import to_matlab
from pons_render.palette import apply_palette
from pons_render.source import Inflated, LocalFile, Remote, Source, Whole
from pons_render.wire import Done, Failed, FromWorker, Need, Piece, Ready, Task, pack, receive

RAW, RAW_GZIP, MATLAB = "raw", "raw.gz", "matlab"
GZIP_LEVEL = 4
GRACE = 2.0
_PIPE_BUFFER = 1024 * 1024
Perform = Callable[[Task, Source], bytes]


def render(task: Task, source: Source) -> bytes:
    """The answer to one request: raw bytes of the frame, its values as text, or its picture."""
    if task.operation in (RAW, RAW_GZIP):
        raw = raw_frame(task.image, source, task.frame)
        return raw if task.operation == RAW else gzip.compress(raw, GZIP_LEVEL, mtime=0)
    image, pixels = decode_frame(task.image, source, task.frame)
    if image.photometric_interpretation == "PALETTE COLOR":
        pixels = apply_palette(image, pixels, source)
    if task.operation == MATLAB:
        return to_matlab(expand_bits(image, pixels))
    return encode(show(View(task.operation), image, pixels), task.output, task.quality)


def serve(perform: Perform, memory: int) -> None:
    """Answer tasks until the parent closes the pipe; `memory` bounds what they may allocate."""
    pipe_in, pipe_out = _take_pipes()
    limit_memory(memory)
    warnings.simplefilter("ignore")

    def send(message: FromWorker) -> None:
        pipe_out.write(pack(message))
        pipe_out.flush()

    def ask(start: int, length: int) -> bytes:
        send(Need(start, length))
        answer = receive(pipe_in)
        if not isinstance(answer, Piece):
            sys.exit(0)  # the parent is gone
        return answer.data

    send(Ready())
    while isinstance(task := receive(pipe_in), Task):
        _end_without_parent(task.seconds + GRACE)
        send(_answer(perform, task, ask))
        _end_without_parent(0)


def _answer(perform: Perform, task: Task, ask: Callable[[int, int], bytes]) -> Done | Failed:
    try:
        return Done(_perform(perform, task, ask))
    except UnsupportedImage as error:
        return Failed(str(error), traceback=_decoder_traceback(error))
    except FileNotFoundError:
        return Failed("There is no such object", damaged="missing")
    except DamagedObject as error:
        return Failed(error.details, damaged=error.what)
    except MemoryError:
        return Failed("Decoding would take more memory than one worker may have")
    except Exception:  # decoders raise anything; the traceback tells theirs from ours
        return Failed("The frame cannot be decoded", traceback=traceback.format_exc())


def _decoder_traceback(error: UnsupportedImage) -> str:
    """What a decoder said that refused a frame, for the log."""
    return "".join(traceback.format_exception(error.__cause__)) if error.__cause__ else ""


def _perform(perform: Perform, task: Task, ask: Callable[[int, int], bytes]) -> bytes:
    file = LocalFile(task.path, task.size) if task.path else None
    try:
        source: Source = file or Remote(ask, task.size)
        if task.checksum:
            source = Whole(source, task.size, task.checksum)
        return perform(task, Inflated(source, task.size) if task.image.deflated else source)
    finally:
        if file:
            file.close()


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes to the parent; codecs that print reach neither them nor the log."""
    pipe_in = os.fdopen(os.dup(0), "rb")
    pipe_out = os.fdopen(os.dup(1), "wb")
    with suppress(ImportError, AttributeError, OSError):  # Linux has it; others do with 64 KiB
        import fcntl

        fcntl.fcntl(pipe_out, fcntl.F_SETPIPE_SZ, _PIPE_BUFFER)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    os.close(nowhere)
    return pipe_in, pipe_out


def limit_memory(limit: int) -> None:
    """Make allocations fail that would take the process `limit` bytes above what it has now.

    Without `resource` (Windows) there is no such bound, only the one on declared dimensions.
    """
    with suppress(ImportError):
        import resource

        now = 0
        with suppress(OSError), open("/proc/self/statm", "rb") as statm:
            now = int(statm.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + limit, now + limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end_without_parent(seconds: float) -> None:
    """Let the system end this process after `seconds`; 0 takes it back."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    serve(render, int(sys.argv[1]))
