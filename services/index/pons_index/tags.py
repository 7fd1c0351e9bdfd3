# SPDX-License-Identifier: Apache-2.0
"""What the index keeps of a header: main DICOM tags as Orthanc's text, and what follows from them.

Only the elements that are needed are decoded; msgspec skips the others at the speed of reading.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pons.dicom.attributes import MAIN_SEQUENCES, Tags
from pons.dicom.levels import LEVELS, Level
from pons.dicom.main_tags import listed_tags, main_sequences, main_tags
from pons.dicom.numbers import MAX_INTEGER, read_integer
from pons.header.packed import DamagedHeader, unpack_header

MAX_SEQUENCE = 256 * 1024
"""Bytes of JSON of a main sequence; requests have a few hundred. The header has it all the same."""

INSTANCE_NUMBER = "00200013"
IMAGE_INDEX = "00541330"
BITS_ALLOCATED = "00280100"
EXPECTED_INSTANCES = (
    ("00201002", "00200105"),  # ImagesInAcquisition x NumberOfTemporalPositions
    ("00540081", "00540101"),  # NumberOfSlices x NumberOfTimeSlices
    ("00181090",),  # CardiacNumberOfImages
)
"""How many instances a series says it will have: the first of these that it has."""


class Unindexable(Exception):
    """The event can never be indexed; the message says why."""


class HeaderElement(msgspec.Struct, gc=False):
    """An element of DICOM JSON."""

    vr: str = ""
    value: list[Any] | None = msgspec.field(name="Value", default=None)
    inline: str | None = msgspec.field(name="InlineBinary", default=None)
    bulk: str | None = msgspec.field(name="BulkDataURI", default=None)


class _Elements:
    """Reads the elements with the given tags, in their order, and skips all others.

    The fewer it looks for, the faster: each other element is compared with all of them.
    """

    def __init__(self, tags: Iterable[str], sequences: Iterable[str] = ()) -> None:
        kinds: dict[str, Any] = dict.fromkeys(sorted(tags), HeaderElement | None)
        kinds |= dict.fromkeys(sequences, msgspec.Raw)
        self._tags = list(kinds)
        header = msgspec.defstruct(
            "Header",
            [
                (f"tag_{tag}", kind, msgspec.Raw() if kind is msgspec.Raw else None)
                for tag, kind in kinds.items()
            ],
            rename={f"tag_{tag}": tag for tag in kinds},
            gc=False,
        )
        self._decoder = msgspec.json.Decoder(header)

    def read(self, header: bytes) -> Iterator[tuple[str, Any]]:
        """An `HeaderElement` for each tag that is there, `Raw` for each sequence."""
        elements = msgspec.structs.astuple(self._decoder.decode(header))
        return ((tag, new) for tag, new in zip(self._tags, elements, strict=True) if new)


@dataclass(frozen=True, slots=True)
class MainTags:
    """The main tags of an instance, by tag; those of its ancestors only where they were read."""

    texts: dict[str, str]
    listed: Tags
    """Which tags each level keeps."""
    sequences: dict[str, Any] = field(default_factory=dict)
    """Those that are sequences, as DICOM JSON."""
    listed_sequences: Tags = field(default_factory=lambda: MAIN_SEQUENCES)
    header_size: int = 0
    """Bytes of the header as JSON; no instance's tags have more."""

    def of(self, level: Level) -> str:
        """The tags of `level` that the instance has, as JSON."""
        texts = self.texts
        return _json({tag: texts[tag] for tag in self.listed[level] if tag in texts})

    def sequences_of(self, level: Level) -> str | None:
        """The sequences of `level` as JSON; None when the instance has none of them."""
        if not self.sequences:
            return None
        found = {tag: self.sequences[tag] for tag in self.listed_sequences[level]
                 if tag in self.sequences}  # fmt: skip
        return msgspec.json.encode(found).decode() if found else None

    @property
    def index_in_series(self) -> int | None:
        """InstanceNumber, else ImageIndex, if it is an integer."""
        number = read_integer(self.texts.get(INSTANCE_NUMBER))
        return read_integer(self.texts.get(IMAGE_INDEX)) if number is None else number

    @property
    def bits_allocated(self) -> int | None:
        """Bits of a sample of the pixel data, where the header says so."""
        return read_integer(self.texts.get(BITS_ALLOCATED))

    @property
    def expected_instances(self) -> int | None:
        """How many instances the series says it will have, where it says so."""
        for factors in EXPECTED_INSTANCES:
            if all(tag in self.texts for tag in factors):
                product = 1
                for tag in factors:
                    product *= read_integer(self.texts[tag]) or 0
                return product if 0 < product <= MAX_INTEGER else None
        return None


class TagReader:
    """Reads the main tags that are in force, `listed`, from headers as events carry them."""

    def __init__(self, listed: Tags, sequences: Tags = MAIN_SEQUENCES) -> None:
        self._texts, self._sequences = listed, sequences
        self.listed = listed_tags(listed, sequences)
        """What makes the list another one than the one built in, and so gives it a number."""
        every = {BITS_ALLOCATED, *(tag for level in LEVELS for tag in listed[level])}
        every_sequence = sorted({tag for level in LEVELS for tag in sequences[level]})
        self._all_levels = _Elements(every, every_sequence)
        self._instance_only = _Elements(
            {BITS_ALLOCATED, *listed["Instance"]}, sequences["Instance"]
        )

    def read(self, packed_header: bytes, *, ancestors: bool) -> MainTags:
        """The main tags of an instance, and of its ancestors if wanted. Raises `Unindexable`."""
        reader = self._all_levels if ancestors else self._instance_only
        try:
            header = unpack_header(packed_header)
            elements = reader.read(header)
        except (DamagedHeader, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unindexable(f"the header cannot be read: {error}") from None
        texts: dict[str, str] = {}
        sequences: dict[str, Any] = {}
        for tag, element in elements:
            if isinstance(element, HeaderElement):
                if (text := _text(element)) is not None:
                    texts[tag] = text
            elif (kept := _sequence(element)) is not None:
                sequences[tag] = kept
        return MainTags(texts, self._texts, sequences, self._sequences, len(header))


def tag_reader(extra: Mapping[Level, Sequence[str]]) -> TagReader:
    """A reader of the main tags in force in a store that has `extra` ones."""
    return TagReader(main_tags(extra), main_sequences(extra))


def without_nul(text: str) -> str:
    """`text` as PostgreSQL takes it."""
    return text.replace("\0", "") if "\0" in text else text


def _text(element: HeaderElement) -> str | None:
    if element.value is None:
        return None if element.inline or element.bulk or element.vr == "SQ" else ""
    if element.vr == "SQ":
        return None
    return without_nul("\\".join(map(_value_text, element.value))).strip()


def _sequence(raw: msgspec.Raw) -> Any:
    """A sequence as PostgreSQL takes it; None for what is none, or too large to keep beside."""
    if len(bytes(raw)) > MAX_SEQUENCE:
        return None
    element = msgspec.json.decode(raw)
    is_sequence = isinstance(element, dict) and element.get("vr") == "SQ" and "Value" in element
    return _clean(element) if is_sequence else None


def _clean(value: Any) -> Any:
    match value:
        case str():
            return without_nul(value)
        case list():
            return [_clean(one) for one in value]
        case dict():
            return {name: _clean(one) for name, one in value.items()}
        case _:
            return value


def _value_text(value: Any) -> str:
    match value:
        case str():
            return value
        case None:
            return ""
        case dict():
            groups = (value.get(name, "") for name in ("Alphabetic", "Ideographic", "Phonetic"))
            return "=".join(groups).rstrip("=")
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)


def _json(texts: dict[str, str]) -> str:
    return msgspec.json.encode(texts).decode()
