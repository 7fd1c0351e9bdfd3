# SPDX-License-Identifier: Apache-2.0
"""Names of folders: readable, allowed on every system, and enough to find a resource again.

A name begins with the PatientID, unchanged but for characters that Windows or a path forbids; each
of those has a look-alike, so that the identifier can be told from the name.
"""

from collections.abc import Iterable

from pons.catalog import Entry

SEPARATOR = " - "
NOTHING = "(none)"
"""Stands for an empty PatientID, and for a name of nothing at all."""
LONGEST = 120
"""Characters of what follows a PatientID."""

LOOK_ALIKE = {
    **dict(zip('/\\:*?"<>|', "／＼：＊？＂＜＞｜", strict=True)),
    **{chr(code): chr(0x2400 + code) for code in range(32)},
}
STOP, STOP_LOOK_ALIKE = ".", "．"
_SHOWN = str.maketrans(LOOK_ALIKE)
_MEANT = str.maketrans(
    {shown: meant for meant, shown in LOOK_ALIKE.items()} | {STOP_LOOK_ALIKE: STOP}
)


def patient_name(patient: Entry) -> str:
    """`PatientID - PatientName`."""
    return _joined(shown_id(patient), _text(patient, "00100010"))


def study_name(study: Entry) -> str:
    """`StudyDate - StudyDescription`: a study among those of its patient."""
    return _joined(_text(study, "00080020"), _text(study, "00081030"))


def full_study_name(patient: Entry, study: Entry) -> str:
    """`PatientID - PatientName - StudyDescription`: a study among all."""
    parts = (_text(patient, "00100010"), _text(study, "00081030"))
    return _joined(shown_id(patient), SEPARATOR.join(filter(None, parts)))


def series_name(series: Entry) -> str:
    """`Modality - SeriesDescription`."""
    return _joined(_text(series, "00080060"), _text(series, "0008103E"))


def shown_id(patient: Entry) -> str:
    return _allowed(patient.tags.get("00100020", "")) or NOTHING


def shown_uid(uid: str) -> str:
    """A UID as a name; it is the same, unless a file holds a UID that is none."""
    return uid.translate(_SHOWN)


def meant_uid(name: str) -> str:
    return name.translate(_MEANT)


def possible_ids(name: str) -> list[str]:
    """Every PatientID that a patient of this name, or of a study's full name, may have."""
    parts = name.split(SEPARATOR)
    shown = [SEPARATOR.join(parts[:count]) for count in range(1, len(parts) + 1)]
    found = [*shown, *(one.rpartition(" (")[0] for one in shown if one.endswith(")"))]
    return list(dict.fromkeys([*found, *(one.translate(_MEANT) for one in found), ""]))


def numbered(names: Iterable[str]) -> list[str]:
    """The names in their order, each once: those that come again get ` (2)`, ` (3)`, …"""
    taken: set[str] = set()
    result = []
    for name in names:
        number, unique = 1, name
        while unique in taken:
            number += 1
            unique = f"{name} ({number})"
        taken.add(unique)
        result.append(unique)
    return result


def _joined(first: str, second: str) -> str:
    return SEPARATOR.join(filter(None, (first, second))) or NOTHING


def _text(entry: Entry, tag: str) -> str:
    """A value of people's, as part of a name."""
    text = " ".join(entry.tags.get(tag, "").replace("^", " ").split())
    return _allowed(text[:LONGEST].strip())


def _allowed(text: str) -> str:
    """The text without what is forbidden; a full stop is, at either end."""
    text = text.translate(_SHOWN)
    at_an_end = text.startswith(STOP) or text.endswith(STOP)
    return text.replace(STOP, STOP_LOOK_ALIKE) if at_an_end else text
