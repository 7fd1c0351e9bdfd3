# SPDX-License-Identifier: Apache-2.0
"""Modalities that are asked by C-FIND, and their answers as Orthanc shows them."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from pons.dicom.levels import LEVELS, Level
from pons.dicom.orthanc_json import Style, format_elements
from pons.dicom.tag_names import tag_name
from pons.errors import BadRequest, NotFound, RemoteFailure
from pons.messages.egress import AnsweredQuery, FindModality, dimse_payload
from pons_gateway.backends import Backends
from pons_gateway.errors import CannotProcess, telling_unknown_items

UNABLE_TO_PROCESS = 0xC000
"""The status of C-FIND for which Orthanc answers 422 instead of 500."""
SILENCE = 60.0
"""Seconds without a sign of life after which nobody works on a query any more; it may also wait
that long for one of those before it."""
BESIDE = 30.0
"""Seconds that a query may take beside the asking."""
UNIQUE_KEYS: dict[Level, tuple[str, ...]] = {
    "Patient": ("00100020",),
    "Study": ("0020000D",),
    "Series": ("0020000D", "0020000E"),
    "Instance": (),
}
"""What tells an answer of each level to those that ask for what is below it."""


async def ask_modality(backends: Backends, command: FindModality) -> AnsweredQuery:
    """The query with its answers kept.

    Raises `UnknownItem` for an unknown modality, `RemoteFailure` when not all answers have come,
    `CannotProcess` when the modality says so.
    """
    with telling_unknown_items():
        await backends.modalities.read(command.modality)
    # It may wait for a thread as long as it may then take.
    within = 2 * backends.settings.queries.timeout + BESIDE
    try:
        answered: AnsweredQuery = await backends.ask(
            "egress", command, AnsweredQuery, within=within, silence=SILENCE
        )
    except RemoteFailure as error:
        if error.told != dimse_payload(UNABLE_TO_PROCESS):
            raise
        refused = CannotProcess(error.message, error.details)
        refused.told = error.told
        raise refused from error
    return answered


async def ask_below(
    backends: Backends, above: AnsweredQuery, index: int, level: Level, command: FindModality
) -> AnsweredQuery:
    """As `ask_modality`, below an answer to a query at a higher level.

    Raises `NotFound`, and `BadRequest` for an answer that does not say what it is of: without its
    identifier a modality tells what it has below all others, too.
    """
    if level not in levels_below(above):
        raise NotFound(f"A query at {level.lower()} level has no answers below it")
    answer: dict[str, Any] = msgspec.json.decode(await backends.queries.answer(above, index))
    parents = {}
    keys = UNIQUE_KEYS[above.level]  # type: ignore[index] # worklists have nothing below
    for tag in keys:
        if (values := answer.get(tag, {}).get("Value")) and values[0]:
            parents[tag] = str(values[0])
    if keys[-1] not in parents:
        raise BadRequest(
            f"The answer has no {tag_name(keys[-1])}, by which what is below it is asked for",
            "ask by /modalities/{id}/query",
        )
    query = command.query | parents
    return await ask_modality(backends, msgspec.structs.replace(command, query=query))


def levels_below(query: AnsweredQuery) -> tuple[Level, ...]:
    """The levels that can be asked for below an answer."""
    if query.level == "Worklist":
        return ()
    return LEVELS[LEVELS.index(query.level) + 1 :]


async def shown_answers(
    backends: Backends, query: AnsweredQuery, style: Style
) -> AsyncIterator[list[dict[str, Any]]]:
    """All answers in a format, a page at a time. Raises `NotFound`."""
    async for page in backends.queries.pages(query):
        yield [shown_answer(answer, style) for answer in page]


def shown_answer(answer: bytes, style: Style) -> dict[str, Any]:
    """An answer in a format."""
    return format_elements(msgspec.json.decode(answer), style)
