# SPDX-License-Identifier: Apache-2.0
"""A data set in another encoding, uncompressed, for peers that take only that one (PS3.5 A).

The heads of elements are written anew, little endian, with or without VR. Values are copied byte
for byte: no text is decoded, so text that does not fit its character set arrives as it is. Only
the words of big endian values are turned round (PS3.5 7.3), and a value of odd length gets one byte
more: many peers abort at a data set of odd length (PS3.5 7.1.1, PS3.8 annex E). Whatever the size
of the data set, pieces of a megabyte or so are in memory.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)

from pons.catalog import InstanceToSend
from pons.dicom.numbers import swapped
from pons.dicom.transfer_syntaxes import (
    DECODED,
    DEFLATED,
    EXPLICIT_VR,
    IMPLICIT_VR,
    TRANSFER_SYNTAXES,
)
from pons.errors import InvalidInstance
from pons.header.compression import HEAD, is_compressed
from pons.header.convert import BINARY_VRS
from pons.header.model import UNDEFINED
from pons.header.syntax import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    LUT_DESCRIPTOR,
    PIXEL_REPRESENTATION,
    Syntax,
    name,
)
from pons.header.tables import LONG_VRS
from pons.header.walk import Element, Extent, Walk
from pons.objects import PIECE, Objects
from pons.objects.stored_dataset import OpenDataset, open_dataset
from pons.sending.element_bytes import (
    ITEM,
    ITEM_END,
    PADDED_BY_SPACE,
    PIXEL_DATA,
    SEQUENCE_END,
    NewElement,
    head,
    mark,
)

Decompress = Callable[[InstanceToSend], AbstractAsyncContextManager[Mapping[int, NewElement]]]
"""Gives the pixel data of an instance uncompressed, and the attributes that this changes."""

TARGETS = {IMPLICIT_VR: IMPLICIT_LITTLE, EXPLICIT_VR: EXPLICIT_LITTLE}
"""What can be written of any uncompressed data set, by transfer syntax."""
ENCAPSULATED = frozenset(
    uid
    for uid in TRANSFER_SYNTAXES - DEFLATED
    if uid.startswith(("1.2.840.10008.1.2.4.", "1.2.840.10008.1.2.5"))
)
"""JPEG and its like, and RLE. Written only of what is in the same one: fragments are copied."""

NUMBERS = {"AT": 2, "US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "FD": 8, "SV": 8, "UV": 8}
WORDS = NUMBERS | BINARY_VRS
"""Bytes of one word of a VR, which big endian turns round; an AT is two words (PS3.5 7.3)."""

LONGEST_SHORT = 0xFFFF
"""Bytes that a length of two bytes can tell; a longer value is written as UN (PS3.5 6.2.2)."""

BITS_ALLOCATED = 0x00280100
OFFSET_TABLES = frozenset((0x7FE00001, 0x7FE00002))
"""Extended Offset Table, and its lengths: where the frames of compressed pixel data begin."""
NOTED = frozenset((PIXEL_REPRESENTATION, LUT_DESCRIPTOR, BITS_ALLOCATED))
META_GROUP = 0x0002

AT_ONCE = 64 * 1024


@asynccontextmanager
async def open_converted(
    objects: Objects,
    instance: InstanceToSend,
    target: str,
    decompress: Decompress | None = None,
) -> AsyncIterator[AsyncIterator[bytes]]:
    """The pieces of the instance's data set in transfer syntax `target`.

    That is one of `TARGETS`, or the instance's own of `ENCAPSULATED`. Raises `InvalidInstance` for
    a data set that cannot be re-encoded, also between the pieces, and `DamagedObject` before the
    first; compressed pixels are decoded before that, by `decompress`, which may raise `Unavailable`
    and `OutOfResources`.
    """
    async with AsyncExitStack() as stack:
        with _explaining(instance):
            opening = open_dataset(objects, instance, whole=True)
            dataset = await stack.enter_async_context(opening)
            replaced: Mapping[int, NewElement] = {}
            compressed = target in TARGETS and instance.transfer_syntax in DECODED
            if compressed and await _has_fragments(dataset):
                if decompress is None:
                    raise InvalidInstance("Its pixels are compressed")
                replaced = await stack.enter_async_context(decompress(instance))
        syntax = TARGETS.get(target, EXPLICIT_LITTLE)
        pieces = convert(dataset, syntax, fragments=target in ENCAPSULATED, replaced=replaced)
        yield _explained(instance, _gathered(pieces))


async def _has_fragments(dataset: OpenDataset) -> bool:
    """Whether the pixel data of the data set is compressed; a report in such a syntax has none.

    Raises `InvalidInstance` for a code stream without fragments, which would pass for pixels.
    """
    walk, extent = await dataset.walk()
    async for element in walk.elements(extent):
        if element.tag == PIXEL_DATA:
            if element.length and is_compressed(await dataset.read_range(element.start, HEAD)):
                raise InvalidInstance("Its pixels are compressed, but not in fragments")
            return element.is_fragmented
    return False


async def convert(
    dataset: OpenDataset,
    target: Syntax,
    *,
    fragments: bool = False,
    replaced: Mapping[int, NewElement] | None = None,
) -> AsyncIterator[bytes]:
    """The data set as `target` writes it, in pieces of any size.

    `fragments` says whether pixel data may be in fragments. `replaced` are elements of the data set
    itself, by their tags, that come instead of its own or in addition to them; offset tables of
    pixel data that is replaced are left out (PS3.5 A.4).
    """
    walk, extent = await dataset.walk()
    conversion = _Conversion(dataset, walk, fragments=fragments)
    if replaced:
        async for piece in conversion.with_replaced(extent, target, replaced):
            yield piece
        return
    if extent.level.syntax.implicit:
        await conversion.note_signed(extent)
    async for piece in conversion.elements(extent, target):
        yield piece


class _Conversion:
    """Writes what a walk finds. Group lengths are left out: they would be wrong, and are retired
    (PS3.5 7.2); so is a group 0002, which does not belong into a data set (PS3.5 7.1)."""

    def __init__(self, dataset: OpenDataset, walk: Walk, *, fragments: bool) -> None:
        self._dataset = dataset
        self._walk = walk
        self._fragments = fragments
        self._allocated: dict[int, int] = {}
        """Bits Allocated (0028,0100) as met last, by the depth of its data set or item."""

    async def note_signed(self, extent: Extent) -> None:
        """Note whether "US or SS" means SS, before elements that depend on it are met."""
        async for element in self._walk.elements(extent):
            if element.tag == PIXEL_REPRESENTATION:
                await self._note(element)

    async def with_replaced(
        self, extent: Extent, target: Syntax, replaced: Mapping[int, NewElement]
    ) -> AsyncIterator[bytes]:
        """The elements of a data set, those that are replaced in their places."""
        left = sorted(replaced, reverse=True)
        without = replaced.keys() | (OFFSET_TABLES if PIXEL_DATA in replaced else frozenset())
        async for element in self._walk.elements(extent):
            while left and left[-1] <= element.tag:
                tag = left.pop()
                async for piece in replaced[tag].pieces(tag, target):
                    yield piece
            if element.tag not in without:
                async for piece in self._element(element, target):
                    yield piece
        for tag in reversed(left):
            async for piece in replaced[tag].pieces(tag, target):
                yield piece

    async def elements(self, extent: Extent, target: Syntax) -> AsyncIterator[bytes]:
        """The elements of a data set or item."""
        async for element in self._walk.elements(extent):
            async for piece in self._element(element, target):
                yield piece

    async def _element(self, element: Element, target: Syntax) -> AsyncIterator[bytes]:
        if element.tag & 0xFFFF == 0 or element.tag >> 16 == META_GROUP:
            return
        if element.tag in NOTED:
            await self._note(element)
        if element.is_sequence:
            pieces = self._sequence(element, target)
        elif element.length is None:
            if not self._fragments:
                raise InvalidInstance(
                    f"{name(element.tag)} is in fragments, the transfer syntax has none"
                )
            pieces = self._fragmented(element, target)
        else:
            pieces = self._plain(element, element.length, target)
        async for piece in pieces:
            yield piece

    async def _plain(self, element: Element, length: int, target: Syntax) -> AsyncIterator[bytes]:
        """An element that is no sequence: its head, and its value piece by piece."""
        word = 1
        if element.within.level.syntax.big_endian:
            word = await self._word(element, length)
        vr = _vr(element, length)
        yield head(element.tag, vr, length + length % 2, target)
        async for piece in self._bytes(element, element.start, length):
            yield swapped(piece, word)
        if length % 2:
            yield b" " if vr in PADDED_BY_SPACE else b"\0"

    async def _fragmented(self, element: Element, target: Syntax) -> AsyncIterator[bytes]:
        """Pixel data in fragments. The last one alone gets an even length (PS3.5 A.4): another
        would move those behind it, and offset tables would be wrong."""
        yield head(element.tag, element.vr, UNDEFINED, target)
        last: tuple[int, int] | None = None
        async for fragment in self._walk.fragments(element):
            if last is not None:
                async for piece in self._fragment(element, *last, padding=0):
                    yield piece
            last = fragment
        if last is not None:
            async for piece in self._fragment(element, *last, padding=last[1] % 2):
                yield piece
        yield mark(SEQUENCE_END, 0)

    async def _fragment(
        self, element: Element, start: int, length: int, *, padding: int
    ) -> AsyncIterator[bytes]:
        yield mark(ITEM, length + padding)
        async for piece in self._bytes(element, start, length):
            yield piece
        yield bytes(padding)

    async def _bytes(self, element: Element, start: int, length: int) -> AsyncIterator[bytes]:
        """So many bytes of an element's value from a position, piece by piece."""
        for offset in range(0, length, PIECE):
            wanted = min(PIECE, length - offset)
            piece = await self._dataset.read_range(start + offset, wanted)
            if len(piece) != wanted:
                raise InvalidInstance(f"The data set ends inside {name(element.tag)}")
            yield piece

    async def _sequence(self, element: Element, target: Syntax) -> AsyncIterator[bytes]:
        """A sequence. It keeps a length where it had one and fits into one piece.

        One that comes as UN stays UN, in which everything is implicit (PS3.5 6.2.2).
        """
        vr, inside = ("UN", IMPLICIT_LITTLE) if element.is_un else ("SQ", target)
        if element.length is not None and element.length <= PIECE:
            content = await _joined(self._items(element, inside))
            yield head(element.tag, vr, len(content), target) + content
            return
        yield head(element.tag, vr, UNDEFINED, target)
        async for piece in self._items(element, inside):
            yield piece
        yield mark(SEQUENCE_END, 0)

    async def _items(self, element: Element, target: Syntax) -> AsyncIterator[bytes]:
        async for item in self._walk.items(element):
            if not item.endless and item.end - item.start <= PIECE:
                content = await _joined(self.elements(item, target))
                yield mark(ITEM, len(content)) + content
                continue
            yield mark(ITEM, UNDEFINED)
            async for piece in self.elements(item, target):
                yield piece
            yield mark(ITEM_END, 0)

    async def _note(self, element: Element) -> None:
        """Note a number that VRs of what follows depend on."""
        level = element.within.level
        value = await self._dataset.read_range(element.start, min(element.length or 0, 2))
        level.note_number(element.tag, value)
        if element.tag == BITS_ALLOCATED and len(value) == 2:
            (self._allocated[level.depth],) = level.syntax.unpack_number(value)

    async def _word(self, element: Element, length: int) -> int:
        """Bytes that are turned round together in a big endian value."""
        if element.is_un or element.vr == "UN":
            # Values of UN are little endian everywhere; of a VR that nobody knows, who can tell?
            before = await self._dataset.read_range(element.start - 8, 2)
            if before != b"UN":
                raise InvalidInstance(f"The VR {before!r} of {name(element.tag)} is not known")
        word = WORDS.get(element.vr, 1)
        if element.tag == PIXEL_DATA and word == 2:
            # PS3.5 7.3 and 8.1.1 turn round 16 bits of larger pixels, too. Most writers, and those
            # who show them (pydicom, GDCM, our pictures), take one of 32 bits as a number.
            allocated = self._allocated.get(element.within.level.depth, 16)
            word = allocated // 8 if allocated in (32, 64) else word
        if length % word:
            raise InvalidInstance(
                f"{name(element.tag)} has {length} bytes, no multiple of the {word} of "
                f"VR {element.vr}"
            )
        return word


def _vr(element: Element, length: int) -> str:
    """The VR that an explicit element has; UN where its own does not fit."""
    if element.is_un:
        return "UN"
    vr = element.vr
    if element.within.level.syntax.implicit and element.tag == PIXEL_DATA:
        vr = "OW"  # PS3.5 A.1
    if vr not in LONG_VRS and length + length % 2 > LONGEST_SHORT:
        return "UN"
    return "UN" if length % WORDS.get(vr, 1) else vr


async def _joined(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def _gathered(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in fewer pieces."""
    gathered = bytearray()
    async for piece in pieces:
        gathered += piece
        if len(gathered) >= AT_ONCE:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered)


async def _explained(
    instance: InstanceToSend, pieces: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    with _explaining(instance):
        async for piece in pieces:
            yield piece


@contextmanager
def _explaining(instance: InstanceToSend) -> Iterator[None]:
    try:
        yield
    except InvalidInstance as error:
        raise InvalidInstance(
            f"Instance {instance.instance_id} cannot be re-encoded for this peer", str(error)
        ) from error
