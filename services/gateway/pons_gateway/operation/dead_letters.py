# SPDX-License-Identifier: Apache-2.0
"""Dead letters as JSON, and trying them again part after part."""

from typing import Any

from pons.catalog.dead_letters import DeadLetter
from pons.messages.index import Retried, RetryDeadLetters
from pons_gateway.backends import Ask
from pons_gateway.resources.resource_json import timestamp

PATIENCE = 600.0
"""Seconds that one part may take: each file is read again."""


async def retry_letters(letters: list[int] | None, ask: Ask) -> dict[str, Any]:
    """Try these again, or all that nobody has dismissed; who is cancelled ends it after a part.

    What became of each is the answer. Raises `NotFound` for an unknown one.
    """
    indexed: list[int] = []
    failed: dict[str, str] = {}
    following: int | None = 0
    while following is not None:
        part = RetryDeadLetters(letters, following)
        answer: Retried = await ask("index", part, Retried, within=PATIENCE)
        indexed += answer.indexed
        failed |= {str(number): why for number, why in answer.failed.items()}
        following = answer.next
    return {"Indexed": indexed, "Failed": failed}


def letter_json(letter: DeadLetter) -> dict[str, Any]:
    moments = {"LastRetry": letter.tried, "Dismissed": letter.dismissed}
    return {
        "ID": letter.number,
        "Reason": letter.reason,
        "Since": timestamp(letter.since),
        **{name: None if moment is None else timestamp(moment) for name, moment in moments.items()},
        "Object": None if letter.object_key is None else str(letter.object_key),
        "Instances": [
            {
                "Patient": instance.ids.patient,
                "Study": instance.ids.study,
                "Series": instance.ids.series,
                "Instance": instance.ids.instance,
                "StudyInstanceUID": instance.study_uid,
                "SeriesInstanceUID": instance.series_uid,
                "SOPInstanceUID": instance.sop_instance_uid,
                "Object": str(instance.object_key),
            }
            for instance in letter.instances
        ],
    }
