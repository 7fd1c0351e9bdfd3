# SPDX-License-Identifier: Apache-2.0
"""What files and folders in an archive are called: as Orthanc calls them since 1.13.0.

Every name is one that Windows takes. Orthanc leaves three rare ones that it does not, or not
beside another: those that end with a dot, names of devices, siblings that differ in case alone.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

LONGEST = 200
"""Characters of one name; file systems take 255 bytes."""
FORBIDDEN = frozenset('/\\:*?"<>|')
"""Characters that no name on Windows has."""
DEVICES = re.compile(r"(CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(\..*)?", re.IGNORECASE)
"""What Windows takes for a device, with any extension."""


@dataclass(slots=True)
class Folder:
    """A folder with the names given in it so far, so that no two siblings have the same."""

    path: str = ""
    _given: set[str] = field(default_factory=set)

    def folder(self, name: str) -> "Folder":
        """A new folder in this one: `name`, or `name-2`, `name-3` where that is taken.

        Windows would unpack names that differ in case alone into one folder, and files over others.
        """
        number, unique = 1, name
        while unique.casefold() in self._given:
            number += 1
            unique = f"{name}-{number}"
        self._given.add(unique.casefold())
        return Folder(f"{self.path}{unique}/")


@dataclass(frozen=True, slots=True)
class Naming:
    """Names made of tags; other characters than ASCII's only with `utf8`."""

    utf8: bool

    def patient(self, tags: dict[str, str]) -> str:
        name = self._text(tags, "00100010")
        identifier = self._text(tags, "00100020")
        return _named(f"{identifier} - {name}" if name else identifier, "Unknown Patient")

    def study(self, tags: dict[str, str]) -> str:
        parts = (self._text(tags, "00080050"), self._text(tags, "00081030"))
        return _named(_joined(parts), "Unknown Study")

    def series(self, tags: dict[str, str]) -> str:
        parts = (self._text(tags, tag) for tag in ("00200011", "00080060", "0008103E"))
        return _named(_joined(parts), "Unknown Series")

    def file(self, series_tags: dict[str, str], number: int) -> str:
        """Two letters of the modality and the number, eight characters in all."""
        letters = "".join(filter(str.isalnum, self._text(series_tags, "00080060")))[:2].upper()
        return f"{letters}{number:0{8 - len(letters)}d}.dcm"

    def _text(self, tags: dict[str, str], tag: str) -> str:
        """The text of a tag; what no name may have becomes a space, and several spaces one."""
        spaced = "".join(map(_or_space, tags.get(tag, "")))
        allowed = (
            character
            for character in spaced
            if (self.utf8 or character.isascii()) and character.isprintable()
        )
        return re.sub(" +", " ", "".join(allowed)).strip()


def numbers(indices: list[int | None]) -> list[int]:
    """The numbers of a series' files: their indices where these are distinct, else a count."""
    distinct = [index for index in indices if index is not None]
    if len(distinct) == len(set(distinct)) == len(indices):
        return distinct
    return list(range(len(indices)))


def _or_space(character: str) -> str:
    barred = character in FORBIDDEN or unicodedata.category(character) == "Cc"
    return " " if barred else character


def _joined(parts: Iterable[str]) -> str:
    return " - ".join(filter(None, parts))


def _named(name: str, unknown: str) -> str:
    """`name`, unless nothing of it names anything, or it would lead out of its folder."""
    name = name[:LONGEST].strip().rstrip(". ")
    if not name.strip("^"):
        return unknown
    return f"{name}_" if DEVICES.fullmatch(name) else name
