# SPDX-License-Identifier: Apache-2.0
"""What a decoding process takes of the machine's memory, whatever a file says of its frames."""

import io
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image as Pillow

from pons.errors import UnsupportedImage
from pons_render.image import FRAME_SHARE, read_image
from pons_render.pool import Bounds, WorkerPool
from pons_render.wire import Task

pytestmark = pytest.mark.anyio
Make = Callable[..., bytes]

MEMORY = 256 << 20
FRAME = MEMORY // FRAME_SHARE
COLUMNS = 4096
RLE, JPEG = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50"
TABLES = {
    f"{colour}PaletteColorLookupTable{part}": value
    for colour in ("Red", "Green", "Blue")
    for part, value in (("Descriptor", [256, 0, 8]), ("Data", bytes(range(256))))
}


def attributes(sample_bits: int, samples: int = 1, kind: str = "", **more: Any) -> dict[str, Any]:
    """Those of an image that takes all that a frame may, once it is decoded."""
    pixel = max(1, sample_bits // 8) * (3 if kind.startswith("PALETTE") else samples)
    return {
        "Rows": FRAME // (COLUMNS * pixel),
        "Columns": COLUMNS,
        "SamplesPerPixel": samples,
        "PhotometricInterpretation": kind or ("RGB" if samples == 3 else "MONOCHROME2"),
        "BitsAllocated": sample_bits,
        "BitsStored": sample_bits,
        "PixelRepresentation": 0,
        **({"PlanarConfiguration": 0} if samples == 3 else {}),
        **more,
    }


def native(said: dict[str, Any], **options: Any) -> tuple[dict[str, Any], bytes, dict[str, Any]]:
    bits = said["Rows"] * COLUMNS * said["SamplesPerPixel"] * said["BitsAllocated"]
    length = bits // 8 * 2 // 3 if said["PhotometricInterpretation"].endswith("422") else bits // 8
    return said, bytes(length - 8) + bytes(range(8)), options


def run_lengths(said: dict[str, Any], segments: int) -> bytes:
    """A frame of a few kilobytes: runs of 128 zeros."""
    segment = b"\x81\x00" * (said["Rows"] * COLUMNS // 128)
    offsets = [64 + number * len(segment) for number in range(segments)]
    return struct.pack("<16I", segments, *offsets, *[0] * (15 - segments)) + segment * segments


def jpeg(said: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    colours = Pillow.new("RGB", (COLUMNS, said["Rows"]), (40, 80, 200))
    colours.save(file, "JPEG", quality=50)
    return file.getvalue()


CASES: dict[str, Callable[[], tuple[dict[str, Any], bytes, dict[str, Any]]]] = {
    "16 bits": lambda: native(attributes(16, BitsStored=12, HighBit=11)),
    "YBR_FULL": lambda: native(attributes(8, 3, "YBR_FULL")),
    "YBR_PARTIAL_422": lambda: native(attributes(8, 3, "YBR_PARTIAL_422")),
    "float": lambda: native(attributes(32), keyword="FloatPixelData", vr="OF"),
    "1 bit": lambda: native(attributes(1)),
    "palette": lambda: native(attributes(8, 1, "PALETTE COLOR", **TABLES)),
    "RLE, colour": lambda: ((a := attributes(8, 3)), run_lengths(a, 3), {"syntax": RLE}),
    "JPEG that says RGB": lambda: ((a := attributes(8, 3)), jpeg(a), {"syntax": JPEG}),
}


def pool_of(memory: int) -> WorkerPool:
    return WorkerPool(Bounds(workers=1, memory=memory, seconds=600))


async def decode(
    pool: WorkerPool, located: Any, path: Path, operation: str = "preview"
) -> tuple[int, int]:
    """Bytes of the answer, and the most that the process had resident."""

    async def unread(_start: int, _length: int) -> bytes:
        raise AssertionError("the worker opens the file")

    task = Task(operation, read_image(located), 0, located.size, path=str(path))
    with await pool.run(task, unread) as answer:
        return answer.size, max(map(peak_of, psutil.Process().children()))


def peak_of(process: psutil.Process) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) << 10


@pytest.mark.skipif(not psutil.LINUX, reason="the most resident memory is read from /proc")
@pytest.mark.parametrize("case", CASES)
async def test_largest_frame(
    case: str, make: Make, encapsulate: Make, locate: Make, tmp_path: Path
) -> None:
    """The largest frame of each kind is shown, by a process that keeps to its memory.

    One row more is refused before it is decoded, with the setting that would do.
    """
    said, data, options = CASES[case]()
    if "syntax" in options:
        data, options["vr"] = encapsulate([data]), "OB"
    file = tmp_path / "object"
    file.write_bytes(content := make(data, **options, **said))
    located = locate(content)
    del data, content
    async with pool_of(MEMORY) as pool:
        size, peak = await decode(pool, located, file)
    assert size > 1000
    assert peak < MEMORY, peak >> 20
    async with pool_of(MEMORY - COLUMNS * 64 * FRAME_SHARE) as pool:
        with pytest.raises(UnsupportedImage, match=r"render\.memory_mb = 25[56] would do"):
            await decode(pool, located, file)


async def test_segments_tell_the_size(
    make: Make, encapsulate: Make, locate: Make, tmp_path: Path
) -> None:
    """A frame that its RLE segments make eight times as large as its header says is refused."""
    said = attributes(8)
    content = make(encapsulate([run_lengths(said, 8)]), RLE, vr="OB", **said)
    (tmp_path / "object").write_bytes(content)
    async with pool_of(MEMORY) as pool:
        with pytest.raises(UnsupportedImage, match=r"render\.memory_mb"):
            await decode(pool, locate(content), tmp_path / "object")


@pytest.mark.skipif(not psutil.LINUX, reason="the most resident memory is read from /proc")
@pytest.mark.parametrize("operation", ["raw", "raw.gz", "matlab", "image-uint16"])
async def test_large_answers(make: Make, locate: Make, tmp_path: Path, operation: str) -> None:
    """Answers larger than the frame leave the worker, and this process, piece by piece."""
    said = attributes(8) | {"Rows": 2048}
    noise = np.random.default_rng(1).integers(0, 256, said["Rows"] * COLUMNS, np.uint8)
    content = make(noise.tobytes(), **said)
    (tmp_path / "object").write_bytes(content)
    located = locate(content)
    async with pool_of(MEMORY) as pool:
        tracemalloc.start()
        try:
            size, peak = await decode(pool, located, tmp_path / "object", operation)
            assert tracemalloc.get_traced_memory()[1] < 8 << 20
        finally:
            tracemalloc.stop()
    assert size >= len(noise)
    assert peak < MEMORY, peak >> 20
