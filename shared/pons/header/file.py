# SPDX-License-Identifier: Apache-2.0
"""From a file's bytes to its data set: preamble, meta header, transfer syntax (PS3.10 7.1)."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from tempfile import TemporaryFile

from pons.errors import InvalidInstance
from pons.header import syntax as s
from pons.header.charset import Escapes, charset_of, text_of, until_nul
from pons.header.elements import Scan
from pons.header.encoding import AFTER, JUDGED, is_plain, is_suspicious, real_syntax
from pons.header.fragments import Buffer
from pons.header.meta import dataset_start, meta_end, meta_start, meta_syntax
from pons.header.model import (
    MAX_INFLATED,
    MAX_INFLATED_HEADER,
    Correction,
    Parsed,
    PastEnd,
    PixelData,
    too_large,
)
from pons.header.syntax import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Syntax
from pons.header.values import Window
from pons.limits.unpacking import UnpackLimit

IMPLICIT_VR = "1.2.840.10008.1.2"
EXPLICIT_VR = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED_VR = "1.2.840.10008.1.2.1.99"
DEFLATED = frozenset((DEFLATED_VR, "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"))
"""Transfer syntaxes that deflate the whole data set: plain, and JPIP's two (PS3.5 A.5, A.7)."""

_ENCODED = {IMPLICIT_VR: IMPLICIT_LITTLE, BIG_ENDIAN: EXPLICIT_BIG}
"""All others are explicit VR little endian (PS3.5 annex A)."""
_NAMES = {IMPLICIT_LITTLE: IMPLICIT_VR, EXPLICIT_LITTLE: EXPLICIT_VR, EXPLICIT_BIG: BIG_ENDIAN}
_NATIVE = DEFLATED.union(_NAMES.values())
"""Whose pixel data is not compressed."""

_WINDOW = 64 * 1024
_GROWTH = 8


def read_file(
    source: Buffer, *, default_charset: str, whole: bool, unpacking: UnpackLimit | None = None
) -> Parsed:
    """Read a DICOM file, with or without preamble and meta header."""
    preface = read_preface(source, default_charset=default_charset)
    return read_dataset(
        source,
        preface.transfer_syntax,
        start=preface.end,
        default_charset=default_charset,
        whole=whole,
        meta_json=preface.json,
        meta_texts=preface.texts,
        unpacking=unpacking,
    )


@dataclass(frozen=True, slots=True)
class Preface:
    """What comes before the data set, which starts at `end`."""

    end: int
    transfer_syntax: str
    json: bytes
    texts: dict[int, str]


def read_preface(source: Buffer, *, default_charset: str = "latin1") -> Preface:
    """Read what comes before the data set: within the first `PREFACE` bytes of a file."""
    start, end = meta_start(source), meta_end(source)
    meta_bytes = bytes(source[start:end])
    meta = Scan(meta_bytes, meta_bytes, default_charset=default_charset)
    meta_json = meta.top(meta_syntax(meta_bytes), 0, len(meta_bytes))
    texts = {tag: text_of(value).strip(" ") for tag, value in meta.kept.items()}
    transfer_syntax = texts.get(s.META_TRANSFER_SYNTAX, "")
    if not transfer_syntax:
        dataset = dataset_start(source, end)
        transfer_syntax = _guess(bytes(source[dataset : dataset + 6]), sure=end > 0)
    return Preface(end, transfer_syntax, meta_json, texts)


def syntax_of(transfer_syntax: str, head: bytes, size: int) -> Syntax:
    """Say how a data set of `size` bytes is encoded that begins with `head`, of `JUDGED` bytes."""
    return real_syntax(_ENCODED.get(transfer_syntax, EXPLICIT_LITTLE), head, size)


def read_dataset(
    source: Buffer,
    transfer_syntax: str,
    *,
    start: int = 0,
    base_offset: int = 0,
    default_charset: str,
    whole: bool,
    meta_json: bytes = b"{}",
    meta_texts: dict[int, str] | None = None,
    unpacking: UnpackLimit | None = None,
) -> Parsed:
    """Read the data set that starts at `start`, in a transfer syntax that is known."""
    deflated = transfer_syntax in DEFLATED and not is_plain(
        bytes(source[start : start + JUDGED]), len(source) - start
    )
    begin = 0 if deflated else dataset_start(source, start)
    declared = _ENCODED.get(transfer_syntax, EXPLICIT_LITTLE)

    def read(window: Window) -> tuple[Scan, bytes]:
        real = declared
        if is_suspicious(declared, window[begin : begin + AFTER]):
            size = len(window) if deflated else len(source)
            real = syntax_of(transfer_syntax, window[begin : begin + JUDGED], size - begin)
        signed: bool | None = None
        while True:
            scan = Scan(
                window,
                window if deflated else source,
                default_charset=default_charset,
                size=len(source),
                base_offset=base_offset,
                deflated=deflated,
                whole=whole,
            )
            json = scan.top(real, begin, len(window), signed)
            found = scan.kept.get(s.PIXEL_REPRESENTATION, b"")
            if signed is None and scan.guessed_unsigned and any(found):
                signed = True  # elements before PixelRepresentation depend on it: once more
                continue
            return scan, json

    if deflated:
        pieces = _bounded(_inflated(source, start), len(source) - start, unpacking or UnpackLimit())
        scan, json = _inflate_whole(pieces, read) if whole else _inflate(pieces, read)
    else:
        scan, json = _grow(source, read, whole)
    texts = {tag: text_of(value).strip(" ") for tag, value in scan.kept.items()}
    if patient_id := scan.kept.get(s.PATIENT_ID):
        charset = charset_of(scan.kept.get(s.CHARACTER_SET, b""), default_charset, Escapes())
        texts[s.PATIENT_ID] = charset.decode(until_nul(patient_id)).strip(" ")
    if begin > start:
        scan.misplaced.insert(0, (start, begin))
    correction = None
    if scan.syntax is not declared or scan.misplaced or transfer_syntax in DEFLATED:
        correction = _correction(start, transfer_syntax, scan, deflated)
    return Parsed(
        json=json,
        meta_json=meta_json,
        transfer_syntax=correction.transfer_syntax if correction else transfer_syntax,
        texts=texts,
        meta_texts=meta_texts or {},
        pixel_data=scan.pixel_data,
        correction=correction,
    )


def _correction(start: int, declared: str, scan: Scan, deflated: bool) -> Correction | None:
    """Give what is wrong with a file that may be another than its meta header says."""
    misplaced = () if deflated else tuple(scan.misplaced)
    named, impossible = _name(declared, scan.syntax, deflated, scan.pixel_data)
    if named == declared and not impossible and not misplaced:
        return None
    return Correction(start, named, misplaced, impossible)


def _name(declared: str, real: Syntax, deflated: bool, pixels: PixelData | None) -> tuple[str, str]:
    """Give the transfer syntax of a data set that is encoded like this; if there is none, the
    declared one and why.

    Of a private transfer syntax nobody knows which encoding it has.
    """
    standard = declared == IMPLICIT_VR or declared.startswith(f"{IMPLICIT_VR}.")
    plain = declared in DEFLATED and not deflated
    if not standard or (real is _ENCODED.get(declared, EXPLICIT_LITTLE) and not plain):
        return declared, ""
    compressed = declared not in _NATIVE
    if compressed and real is IMPLICIT_LITTLE and pixels is not None and pixels.encapsulated:
        return declared, ""  # no name is better: how its fragments are compressed, this one says
    named = _NAMES[real]
    if deflated:
        return declared, f"the deflated data set is encoded as {named} says"
    if pixels is not None and (pixels.encapsulated or compressed):
        return declared, f"it is encoded as {named} says, and how its pixel data is, is unknown"
    return named, ""


def _guess(head: bytes, sure: bool) -> str:
    """Guess the transfer syntax of a data set that comes without one, as pydicom does.

    Not `sure` that it is DICOM at all, also ask that the first group is one that comes first.
    """
    little, big = int.from_bytes(head[:2], "little"), int.from_bytes(head[:2], "big")
    explicit = s.is_vr(head[4:6])
    big_endian = explicit and little >= 0x0400
    group = big if big_endian else little
    if not sure and not 0x0002 < group <= 0x00FF:
        raise InvalidInstance(
            "Not a DICOM file: it has no DICM prefix at offset 128 and does not start with "
            "elements of a data set"
        )
    return BIG_ENDIAN if big_endian else EXPLICIT_VR if explicit else IMPLICIT_VR


def _grow(
    source: Buffer, read: Callable[[Window], tuple[Scan, bytes]], whole: bool
) -> tuple[Scan, bytes]:
    """Read from a beginning of the source that is long enough.

    The scan needs slices that are bytes. Bytes and memory maps give them; of other buffers the
    beginning is copied, and a longer one if the header turns out to be longer.
    """
    if isinstance(source, bytes | mmap):
        size = len(source)
    else:
        size = len(source) if whole else min(_WINDOW, len(source))
    while True:
        window = source if isinstance(source, bytes | mmap) else bytes(source[:size])
        try:
            scan, json = read(window)
            if (scan.pixel_data is None or scan.went_on) and size < len(source):
                raise PastEnd(size + 1)
            return scan, json
        except PastEnd as past:
            if size >= len(source):
                raise InvalidInstance(_CUT_SHORT) from None
            size = min(max(size * _GROWTH, past.needed + _WINDOW), len(source))


_CUT_SHORT = "The file is cut short: it ends in the middle of an element"


def _inflate_whole(
    pieces: Iterator[bytes], read: Callable[[Window], tuple[Scan, bytes]]
) -> tuple[Scan, bytes]:
    """Inflate all of the data set and read it, from a temporary file: it may be large."""
    with TemporaryFile() as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        if not file.tell():
            return read(b"")
        with mmap(file.fileno(), 0, access=ACCESS_READ) as window:
            try:
                scan, json = read(window)
            except PastEnd:
                raise InvalidInstance(_CUT_SHORT) from None
            return _checked(scan, len(window)), json


def _inflate(
    pieces: Iterator[bytes], read: Callable[[Window], tuple[Scan, bytes]]
) -> tuple[Scan, bytes]:
    """Inflate as much as the header needs and read that; of the rest, only measure the length."""
    limit, size = MAX_INFLATED_HEADER, _WINDOW
    window = bytearray()
    while True:
        complete = True
        for piece in pieces:
            window += piece
            if len(window) >= size:
                complete = False
                break
        try:
            scan, json = read(bytes(window))
            if complete or (scan.pixel_data is not None and not scan.went_on):
                break
            raise PastEnd(len(window) + 1)
        except PastEnd as past:
            if complete:
                raise InvalidInstance(_CUT_SHORT) from None
            if past.needed > limit or size >= limit:
                raise too_large(f"it inflates to more than {limit} bytes") from None
            size = min(max(size * _GROWTH, past.needed), limit)
    return _checked(scan, len(window) + sum(map(len, pieces))), json


def _checked(scan: Scan, inflated: int) -> Scan:
    """Give the scan back if its pixel data is whole."""
    pixels = scan.pixel_data
    if pixels is not None and pixels.offset + (pixels.length or 0) > inflated:
        raise InvalidInstance(
            f"{s.name(pixels.tag)} has {pixels.length} bytes, "
            f"but only {inflated - pixels.offset} were deflated"
        )
    return scan


def _bounded(pieces: Iterator[bytes], packed: int, unpacking: UnpackLimit) -> Iterator[bytes]:
    """Give the pieces of a data set that `packed` bytes unpack to; refuse one that goes too far."""
    inflated = 0
    for piece in pieces:
        inflated += len(piece)
        if inflated > MAX_INFLATED:
            raise too_large(f"the data set inflates to more than {MAX_INFLATED} bytes")
        if inflated > unpacking.most(packed):
            excess = unpacking.excess(packed, inflated)
            raise InvalidInstance("The deflated data set unpacks too far", excess)
        yield piece


def _inflated(source: Buffer, start: int) -> Iterator[bytes]:
    """Give a deflated data set in pieces of bounded size (raw deflate, PS3.5 A.5)."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for pos in range(start, len(source), _WINDOW):
            piece = bytes(source[pos : pos + _WINDOW])
            while piece and not inflater.eof:
                yield inflater.decompress(piece, _WINDOW)
                piece = inflater.unconsumed_tail
            if inflater.eof:
                return
        yield inflater.flush()
    except zlib.error as error:
        raise InvalidInstance(f"The deflated data set is damaged: {error}") from None
    if not inflater.eof:
        raise InvalidInstance("The deflated data set is cut short")
