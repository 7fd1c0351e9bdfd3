# SPDX-License-Identifier: Apache-2.0
"""A process that decodes one frame at a time and may die of it: `python -m pons_render.worker`."""

import gzip
import io
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO, cast

from typing_extensions import Buffer

from pons.errors import DamagedObject, UnsupportedImage
from pons_render.decode import Pixels, decode_frame
from pons_render.decoded_frame import write_decoded
from pons_render.display import View, expand_bits, show
from pons_render.encode import encode
from pons_render.frame_record import write_record
from pons_render.frames import raw_frame, require_all_told
from pons_render.image import TOO_MUCH_MEMORY, Image
from pons_render.matlab import to_matlab
from pons_render.palette import apply_palette
from pons_render.source import Inflated, LocalFile, Remote, Source, Whole
from pons_render.thumbnail import thumbnail
from pons_render.wire import (
    DECODED,
    RECORD,
    THUMBNAIL,
    Done,
    Failed,
    FromWorker,
    Need,
    Piece,
    Ready,
    Task,
    pack,
    receive,
)

RAW, RAW_GZIP, MATLAB = "raw", "raw.gz", "matlab"
GZIP_LEVEL = 4
GRACE = 2.0
_PIPE_BUFFER = 1024 * 1024
ANSWER_PIECE = 256 * 1024
Perform = Callable[[Task, Source, BinaryIO], None]


def render(task: Task, source: Source, answer: BinaryIO) -> None:
    """Write the answer to one request: a frame's bytes or values, or a picture of it."""
    if task.operation == RAW:
        answer.write(raw_frame(task.image, source, task.frame))
    elif task.operation == RAW_GZIP:
        with gzip.GzipFile(fileobj=answer, mode="wb", compresslevel=GZIP_LEVEL, mtime=0) as packed:
            packed.write(raw_frame(task.image, source, task.frame))
    elif task.operation == MATLAB:
        answer.writelines(to_matlab(expand_bits(*_pixels(task, source))))
    elif task.operation == RECORD:
        image, pixels = _pixels(task, source)
        write_record(dict(task.head), image, task.attributes, pixels, source, answer)
    elif task.operation == DECODED:
        require_all_told(task.image, source)
        decoded = decode_frame(task.image, source, task.frame, task.most, exact=True)
        write_decoded(task.image, *decoded, answer)
    elif task.operation == THUMBNAIL:
        image, pixels = _pixels(task, source)
        small = thumbnail(image, task.attributes, pixels, source, task.edge)
        encode(small, task.output, task.quality, answer)
    else:
        encode(
            show(View(task.operation), *_pixels(task, source)), task.output, task.quality, answer
        )


def _pixels(task: Task, source: Source) -> tuple[Image, Pixels]:
    image, pixels = decode_frame(task.image, source, task.frame, task.most)
    if image.photometric_interpretation == "PALETTE COLOR":
        pixels = apply_palette(image, pixels, source)
    return image, pixels


class Answer(io.RawIOBase):
    """A file whose bytes the parent gets as they are written, a piece at a time."""

    def __init__(self, send: Callable[[FromWorker], None]) -> None:
        self._send = send
        self._gathered = bytearray()

    def write(self, data: Buffer) -> int:
        with memoryview(data) as view, view.cast("B") as rest:
            for start in range(0, rest.nbytes, ANSWER_PIECE):
                self._gathered += rest[start : start + ANSWER_PIECE]
                if len(self._gathered) >= ANSWER_PIECE:
                    self.send_gathered()
            return rest.nbytes

    def send_gathered(self) -> None:
        """Send what is left over, which nothing else does: an answer that failed has no end."""
        if self._gathered:
            self._send(Piece(bytes(self._gathered)))
            self._gathered.clear()


def serve(perform: Perform, memory: int) -> None:
    """Answer tasks until the parent closes the pipe; `memory` bounds what the process takes."""
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
        send(_answer(perform, task, ask, Answer(send)))
        _end_without_parent(0)


def _answer(
    perform: Perform, task: Task, ask: Callable[[int, int], bytes], answer: Answer
) -> Done | Failed:
    try:
        _perform(perform, task, ask, cast(BinaryIO, answer))
        answer.send_gathered()
        return Done()
    except UnsupportedImage as error:
        return Failed(str(error), traceback=_decoder_traceback(error))
    except FileNotFoundError:
        return Failed("There is no such object", damaged="missing")
    except DamagedObject as error:
        return Failed(error.details, damaged=error.what)
    except MemoryError:
        return Failed(TOO_MUCH_MEMORY)
    except Exception:  # decoders raise anything; the traceback tells theirs from ours
        return Failed("The frame cannot be decoded", traceback=traceback.format_exc())


def _decoder_traceback(error: UnsupportedImage) -> str:
    """What a decoder said that refused a frame, for the log."""
    return "".join(traceback.format_exception(error.__cause__)) if error.__cause__ else ""


def _perform(
    perform: Perform, task: Task, ask: Callable[[int, int], bytes], answer: BinaryIO
) -> None:
    file = LocalFile(task.path, task.size) if task.path else None
    try:
        source: Source = file or Remote(ask, task.size)
        if task.checksum:
            source = Whole(source, task.size, task.checksum)
        perform(task, Inflated(source, task.size) if task.image.deflated else source, answer)
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
    """Make allocations fail that would take the process far beyond `limit` bytes of memory.

    Decoders ask for up to twice of what they touch, which is what the pool looks at. Without
    `resource` (Windows) there is no such bound, only the one on the size of a decoded frame.
    """
    with suppress(ImportError):
        import resource

        mapped = 0
        with suppress(OSError), open("/proc/self/statm", "rb") as statm:
            mapped = int(statm.read().split()[0]) * resource.getpagesize()
        most = mapped + 2 * limit
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end_without_parent(seconds: float) -> None:
    """Let the system end this process after `seconds`; 0 takes it back."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    serve(render, int(sys.argv[1]))
