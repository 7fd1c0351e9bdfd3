# SPDX-License-Identifier: Apache-2.0
"""What an instance's header says about its pixels, checked before anything is decoded."""

from dataclasses import dataclass
from uuid import UUID

import msgspec

from pons.errors import UnsupportedImage
from pons_render.picture_header import Bulk, Element, Header, bulk, integer, read_header, text
from pons_render.syntaxes import SYNTAXES, WIDE, Codec

MAX_FRAME_BYTES = 512 * 1024 * 1024
"""Frames that declare more than this are refused unseen, also where only their raw bytes are asked
for."""

MEMORY_SETTING = "render.memory_mb"
"""What bounds the memory of a process that decodes, and so the frames that it can."""
TOO_MUCH_MEMORY = f"Decoding takes more memory than {MEMORY_SETTING} lets a process have"
FRAME_SHARE = 6
"""What a process may have, by what the largest frame that it decodes takes: decoders and what
follows them need up to five times as much (README, "Measured")."""

MAX_FRAMES = 4_000_000
"""The largest whole-slide images have about a million."""
NUMBER_OF_FRAMES = "Number of Frames (0028,0008)"

_ALLOCATED = (1, 8, 16, 32, 64)

FLOAT_KINDS = {"OF": 32, "OD": 64}
"""VR of Float and Double Float Pixel Data (PS3.3 C.7.6.24, C.7.6.25) to their bits allocated."""


@dataclass(frozen=True)
class Located:
    """Where the bytes and the header of one instance are."""

    key: UUID
    size: int
    transfer_syntax: str
    header: bytes
    """The dataset up to the pixel data, as DICOM JSON."""
    pixel_offset: int | None = None
    """Offset of the pixel data's value in the file (deflated: in the inflated dataset)."""
    pixel_length: int | None = None
    """Length of the value in bytes; None when it is undefined, that is, encapsulated."""
    pixel_vr: str = "OW"
    compression: str = ""
    """How the object is compressed at rest; all offsets are those of the file that it was."""
    stored_size: int = 0
    """Bytes of an object that is compressed at rest."""
    owner: str = ""
    """Identifier of the instance."""
    checksum: bytes = b""
    """xxh3_128 of the file."""
    md5: str = ""

    @property
    def object_key(self) -> UUID:
        return self.key


class Palette(msgspec.Struct, frozen=True):
    """The palette colour lookup tables (PS3.3 C.7.6.3.1.5, C.7.9.2), red, green, blue."""

    descriptors: tuple[tuple[int, int, int], ...]
    tables: tuple[Bulk, ...]
    segmented: bool
    big_endian: bool


class Image(msgspec.Struct, frozen=True):
    """The image pixel attributes (PS3.3 C.7.6.3) and where the pixel data is; all plausible."""

    transfer_syntax: str
    rows: int
    columns: int
    samples_per_pixel: int
    photometric_interpretation: str
    planar_configuration: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    pixel_representation: int
    number_of_frames: int
    pixel_vr: str
    offset: int
    length: int
    encapsulated: bool
    subsampled: bool = False
    """Whether two neighbours share their chroma in pixel data that is not compressed (4:2:2)."""
    palette: Palette | None = None
    offset_table: Bulk = Bulk()
    """Extended Offset Table (7FE0,0001), and its lengths (7FE0,0002)."""
    length_table: Bulk = Bulk()

    @property
    def codec(self) -> Codec:
        syntax = SYNTAXES.get(self.transfer_syntax)
        if syntax is None:
            raise UnsupportedImage(f"No decoder for transfer syntax {self.transfer_syntax}")
        return syntax.codec

    @property
    def big_endian(self) -> bool:
        syntax = SYNTAXES.get(self.transfer_syntax)
        return syntax is not None and syntax.big_endian

    @property
    def deflated(self) -> bool:
        syntax = SYNTAXES.get(self.transfer_syntax)
        return syntax is not None and syntax.deflated

    @property
    def is_float(self) -> bool:
        return self.pixel_vr in FLOAT_KINDS

    @property
    def frame_bits(self) -> int:
        """Bits of one frame that is not compressed; frames of 1-bit pixels follow without gap."""
        bits = self.rows * self.columns * self.samples_per_pixel * self.bits_allocated
        return bits // 3 * 2 if self.subsampled else bits

    @property
    def decoded_bytes(self) -> int:
        """What one frame takes once it is decoded."""
        sample = max(1, self.bits_allocated // 8)
        if self.encapsulated and self.codec in WIDE:
            sample = max(2, sample)
        samples = (
            3 if self.photometric_interpretation == "PALETTE COLOR" else self.samples_per_pixel
        )
        return self.rows * self.columns * samples * sample


def count_frames(located: Located) -> int:
    """How many frames `/frames` lists; without pixels what the attribute says, as Orthanc does."""
    if located.pixel_offset is not None:
        return read_image(located).number_of_frames
    frames = _number_of_frames(read_header(located.header))
    if not 0 < frames <= MAX_FRAMES:
        raise UnsupportedImage(f"{NUMBER_OF_FRAMES} is {frames}")
    return frames


def read_image(located: Located) -> Image:
    """The image of an instance.

    Raises `UnsupportedImage` when there is none, or when its attributes cannot be true: it is here
    that hostile dimensions end.
    """
    if located.pixel_offset is None:
        raise UnsupportedImage("The instance has no pixel data")
    header = read_header(located.header)
    float_bits = FLOAT_KINDS.get(located.pixel_vr)
    samples = integer(header._00280002, "Samples per Pixel (0028,0002)", 1)
    allocated = float_bits or integer(header._00280100, "Bits Allocated (0028,0100)")
    stored = float_bits or integer(header._00280101, "Bits Stored (0028,0101)", allocated)
    high = integer(header._00280102, "High Bit (0028,0102)", stored - 1)
    image = Image(
        transfer_syntax=located.transfer_syntax,
        rows=integer(header._00280010, "Rows (0028,0010)"),
        columns=integer(header._00280011, "Columns (0028,0011)"),
        samples_per_pixel=samples,
        photometric_interpretation=text(header._00280004).upper()
        or ("MONOCHROME2" if samples == 1 else "RGB"),
        planar_configuration=integer(header._00280006, "Planar Configuration (0028,0006)", 0),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=high,
        pixel_representation=integer(header._00280103, "Pixel Representation (0028,0103)", 0),
        number_of_frames=_number_of_frames(header),
        pixel_vr=located.pixel_vr,
        offset=located.pixel_offset,
        length=_pixel_bytes(located),
        encapsulated=located.pixel_length is None,
        palette=_palette(header, located.transfer_syntax),
        offset_table=bulk(header._7FE00001),
        length_table=bulk(header._7FE00002),
    )
    image = _with_possible_bits(_with_real_length(image, located.pixel_length))
    _check(image)
    return image


_SUBSAMPLED = frozenset(("YBR_FULL_422", "YBR_PARTIAL_422"))
_PADDING = 8
"""Bytes that may follow the pixels and say nothing, in the smallest of pictures, too."""
_DEEP = 16


def _with_real_length(image: Image, length: int | None) -> Image:
    """The image with what the length of its pixel data says about the samples.

    Many that are called 4:2:2 have all samples; some of 16 bits are said to have 8 Bits Allocated.
    What is nearer to all samples than to two thirds of them and padding was cut off, and is not
    4:2:2.
    """
    if length is None or image.rows < 1 or image.columns < 1:
        return image
    bits = image.frame_bits * image.number_of_frames
    most = max(bits * 5 // 6, bits * 2 // 3 + _PADDING * 8)
    if image.photometric_interpretation in _SUBSAMPLED and length * 8 < min(bits, most):
        return msgspec.structs.replace(image, subsampled=True)
    is_deep = image.bits_allocated == 8 < image.bits_stored <= _DEEP and length * 4 == bits
    return msgspec.structs.replace(image, bits_allocated=_DEEP) if is_deep else image


def _with_possible_bits(image: Image) -> Image:
    """The image with Bits Stored and High Bit that fit into Bits Allocated (PS3.5 8.1.1).

    Without possible Bits Stored these are those up to High Bit, or all. Without a possible High Bit
    the values begin at the lowest bit, as the standard has it today.
    """
    allocated, stored, high = image.bits_allocated, image.bits_stored, image.high_bit
    if image.encapsulated and 1 < allocated < max(_ALLOCATED):
        # compressed samples need no room: their code stream says how they are decoded
        allocated = min(bits for bits in _ALLOCATED if bits >= allocated)
    if not 0 < stored <= allocated:
        stored = high + 1 if 0 < high < allocated else allocated
    if not stored <= high + 1 <= allocated:
        high = stored - 1
    return msgspec.structs.replace(
        image, bits_allocated=allocated, bits_stored=stored, high_bit=high
    )


def _number_of_frames(header: Header) -> int:
    return integer(header._00280008, NUMBER_OF_FRAMES, 1) or 1


def _check(image: Image) -> None:
    """Raise `UnsupportedImage` for values that no image can have or that would cost too much."""
    most = min(MAX_FRAMES, image.length // 8) if image.encapsulated else MAX_FRAMES
    attributes = {
        NUMBER_OF_FRAMES: (
            image.number_of_frames,
            0 < image.number_of_frames <= most,  # an item header is 8 bytes
        ),
        "Rows (0028,0010)": (image.rows, 0 < image.rows < 65536),
        "Columns (0028,0011)": (image.columns, 0 < image.columns < 65536),
        "Samples per Pixel (0028,0002)": (
            image.samples_per_pixel,
            image.samples_per_pixel in (1, 3),
        ),
        "Planar Configuration (0028,0006)": (
            image.planar_configuration,
            image.planar_configuration in (0, 1),
        ),
        "Bits Allocated (0028,0100)": (
            image.bits_allocated,
            image.bits_allocated in _ALLOCATED,
        ),
        "Pixel Representation (0028,0103)": (
            image.pixel_representation,
            image.pixel_representation in (0, 1),
        ),
    }
    for name, (value, plausible) in attributes.items():
        if not plausible:
            raise UnsupportedImage(f"{name} is {value}")
    if image.bits_allocated == 1 and image.samples_per_pixel != 1:
        raise UnsupportedImage("Bits Allocated (0028,0100) is 1 in a colour image")
    if image.frame_bits > MAX_FRAME_BYTES * 8:
        raise UnsupportedImage(
            f"One frame would take {image.frame_bits // 8} bytes", f"at most {MAX_FRAME_BYTES}"
        )
    if not image.encapsulated and image.number_of_frames * image.frame_bits > image.length * 8:
        raise UnsupportedImage(
            f"{image.number_of_frames} frames of {image.frame_bits} bits do not fit"
            f" into {image.length} bytes of pixel data"
        )


def require_room(image: Image, most: int) -> None:
    """Raise `UnsupportedImage` when a decoded frame would take more than `most` bytes."""
    if image.decoded_bytes > most:
        needed = -(-image.decoded_bytes * FRAME_SHARE >> 20)
        raise UnsupportedImage(
            f"{image.columns} x {image.rows} pixels take {image.decoded_bytes} bytes decoded",
            f"at most {most} are; {MEMORY_SETTING} = {needed} would do",
        )


def _pixel_bytes(located: Located) -> int:
    """Bytes that the pixel data can have at most."""
    offset = located.pixel_offset or 0
    syntax = SYNTAXES.get(located.transfer_syntax)
    if located.pixel_length is not None and syntax is not None and syntax.deflated:
        return located.pixel_length
    there = max(0, located.size - offset)
    return there if located.pixel_length is None else min(there, located.pixel_length)


def _palette(header: Header, transfer_syntax: str) -> Palette | None:
    elements = (header._00281101, header._00281102, header._00281103)
    descriptors = tuple(_descriptor(element) for element in elements if len(element.Value) == 3)
    if len(descriptors) != 3:
        return None
    plain = (header._00281201, header._00281202, header._00281203)
    segmented = (header._00281221, header._00281222, header._00281223)
    tables = tuple(bulk(element) for element in plain)
    is_segmented = not any(table.data or table.length for table in tables)
    if is_segmented:
        tables = tuple(bulk(element) for element in segmented)
    syntax = SYNTAXES.get(transfer_syntax)
    in_numbers = any(element.Value for element in plain + segmented)
    big_endian = syntax is not None and syntax.big_endian and not in_numbers
    return Palette(descriptors, tables, is_segmented, big_endian)


def _descriptor(element: Element) -> tuple[int, int, int]:
    try:
        entries, first, bits = (int(value) for value in element.Value)
    except (TypeError, ValueError):
        raise UnsupportedImage("A palette descriptor (0028,1101-1103) has no numbers") from None
    return entries, first, bits
