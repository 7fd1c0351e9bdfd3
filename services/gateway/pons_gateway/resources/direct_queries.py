# SPDX-License-Identifier: Apache-2.0
"""Modalities that are asked by C-FIND for answers that nobody keeps."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pons.dicom.attributes import MAIN_TAGS
from pons.dicom.levels import Level
from pons.dicom.orthanc_json import Style
from pons.dicom.tag_names import tag_name
from pons.errors import BadRequest, Unavailable
from pons.limits import MEGABYTE
from pons.messages.egress import FindLevel, FindModality
from pons_gateway.backends import Backends
from pons_gateway.resources.asking import ask_modality, shown_answer

MOST_IN_MEMORY = 8 * MEGABYTE
"""Bytes of the answers of a tree, which is one value."""
SHORTEST_KEY = 3
"""Characters that must name a patient or a study before anything below it is asked for, as in
Orthanc: without them a modality may tell all that it has."""
PATIENT_ID, ACCESSION_NUMBER = "00100020", "00080050"
STUDY_UID, SERIES_UID = "0020000D", "0020000E"


def all_keys(level: Level, keys: Mapping[str, str]) -> dict[str, Any]:
    """`keys`, and what else is to be told of the level: its main DICOM tags.

    Raises `BadRequest` for keys that are too vague for the level.
    """
    if level != "Patient" and not any(_named(keys, tag) for tag in (PATIENT_ID, ACCESSION_NUMBER)):
        raise BadRequest(
            f"PatientID or AccessionNumber must have {SHORTEST_KEY} characters or more",
            "ask more freely by /modalities/{id}/query",
        )
    above = {"Series": (STUDY_UID,), "Instance": (STUDY_UID, SERIES_UID)}.get(level, ())
    if not all(_named(keys, tag) for tag in above):
        raise BadRequest(f"A {level.lower()} is found by the identifiers of what is above it")
    return {**dict.fromkeys(MAIN_TAGS[level], ""), **keys}


def _named(keys: Mapping[str, str], tag: str) -> bool:
    return len(keys.get(tag, "")) >= SHORTEST_KEY


async def answers_once(
    backends: Backends, command: FindModality, style: Style
) -> AsyncIterator[list[dict[str, Any]]]:
    """The answers in a format, a page at a time; they are forgotten then.

    Raises as `ask_modality`, before the first page.
    """
    async for page in raw_answers_once(backends, command):
        yield [shown_answer(answer, style) for answer in page]


async def raw_answers_once(
    backends: Backends, command: FindModality
) -> AsyncGenerator[list[bytes], None]:
    """As `answers_once`, in DICOM JSON."""
    query = await ask_modality(backends, msgspec.structs.replace(command, keep=False))
    try:
        async for page in backends.queries.pages(query):
            yield page
    finally:
        with suppress(Unavailable):  # then they go when they are old
            await backends.queries.drop_pages(query)


@dataclass
class Tree:
    """Patients with their studies with their series, asked for one after the other."""

    backends: Backends
    modality: str
    size: int = field(default=0, init=False)

    async def patients(self, keys: Mapping[str, str]) -> list[dict[str, Any]]:
        """Those that match, with all that is below them. Raises `BadRequest` for too many."""
        found = []
        for shown, answer in await self._ask("Patient", keys):
            below = {**keys, **_identifiers(answer, PATIENT_ID)}
            found.append({**shown, "Studies": await self._studies(below)})
        return found

    async def _studies(self, keys: Mapping[str, str]) -> list[dict[str, Any]]:
        found = []
        for shown, answer in await self._ask("Study", keys):
            below = {**keys, **_identifiers(answer, PATIENT_ID, STUDY_UID)}
            series = [one for one, _ in await self._ask("Series", below)]
            found.append({**shown, "Series": series})
        return found

    async def _ask(
        self, level: FindLevel, keys: Mapping[str, str]
    ) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Each answer as it is shown, and in DICOM JSON."""
        main: dict[str, Any] = dict.fromkeys(MAIN_TAGS[level], "")  # type: ignore[index] # no worklist
        command = FindModality(self.modality, level, main | dict(keys))
        found = []
        async with aclosing(raw_answers_once(self.backends, command)) as pages:
            async for page in pages:
                self.size += sum(map(len, page))
                if self.size > MOST_IN_MEMORY:
                    raise BadRequest(
                        f"The answers have more than {MOST_IN_MEMORY // MEGABYTE} MB",
                        "ask for less, or by /modalities/{id}/query",
                    )
                found += [
                    (shown_answer(one, Style.SIMPLIFIED), msgspec.json.decode(one)) for one in page
                ]
        return found


def _identifiers(answer: dict[str, Any], *tags: str) -> dict[str, str]:
    """Those that the answer has. Raises `BadRequest` where the last one is missing: without it a
    modality tells what it has below all others, too.
    """
    values = {tag: answer.get(tag, {}).get("Value") for tag in tags}
    found = {tag: str(value[0]) for tag, value in values.items() if value and value[0]}
    if tags[-1] not in found:
        raise BadRequest(
            f"An answer has no {tag_name(tags[-1])}, by which what is below it is asked for",
            "ask by /modalities/{id}/query",
        )
    return found
