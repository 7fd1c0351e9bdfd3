# SPDX-License-Identifier: Apache-2.0
"""What is asked when something is retrieved, and what the job tells of it."""

from typing import Any

import pytest

from pons.dicom.orthanc_json import Style
from pons.errors import BadRequest
from pons.jobs import JobRequest, RetrieveRequest, submit_retrieve
from pons.jobs.retrieve import identifier_of
from pons.messages.modality import Modality

pytestmark = pytest.mark.anyio

PLAIN = Modality("PACS", "h", 1)
STUDY = identifier_of("Study", {"0020000D": "1.2.3"})


class Board:
    """Takes jobs, and those that nobody waits for are tried again."""

    def __init__(self) -> None:
        self.asked: list[tuple[JobRequest, int]] = []

    async def submit(self, request: JobRequest, priority: int) -> str:
        self.asked.append((request, priority))
        return "the-job"

    def retries(self, *, synchronous: bool) -> bool:
        return not synchronous


async def submitted(request: RetrieveRequest, modality: Modality, **options: Any) -> JobRequest:
    board: Any = Board()
    assert await submit_retrieve(board, request, modality, "PONS", **options) == "the-job"
    [(asked, _)] = board.asked
    assert isinstance(asked, JobRequest)
    return asked


def test_identifiers() -> None:
    """The level is in the standard's words, and everything else as it was given."""
    tags = {"0020000D": "1.2", "00100020": "P1", "00080052": "nonsense"}
    assert identifier_of("Study", tags) == {
        "00080052": "STUDY",
        "0020000D": "1.2",
        "00100020": "P1",
    }
    assert identifier_of("Study", {"00080050": "A1"}) == {"00080052": "STUDY", "00080050": "A1"}
    assert identifier_of("Instance", {"00080018": "1.2"})["00080052"] == "IMAGE"


@pytest.mark.parametrize(
    ("level", "tags", "missing"),
    [
        ("Patient", {}, "PatientID"),
        ("Study", {"0020000D": "", "00080050": ""}, "StudyInstanceUID"),
        ("Series", {"0020000D": "1.2", "00080050": "A1"}, "SeriesInstanceUID"),
        ("Instance", {"0020000D": "1.2"}, "SOPInstanceUID"),
    ],
)
def test_nothing_is_named(level: Any, tags: dict[str, str], missing: str) -> None:
    """What says not which resource is refused: it could be taken for all of them."""
    with pytest.raises(BadRequest, match=f"{missing} is missing"):
        identifier_of(level, tags)


async def test_a_move_to_this_store() -> None:
    """Without a destination it is the title under which this store calls."""
    asked = await submitted(RetrieveRequest("pacs", "C-MOVE", [STUDY]), PLAIN)
    assert (asked.job_type, asked.worker, asked.retry) == ("DicomMoveScu", "egress", False)
    assert asked.destination == "modality:pacs"
    assert asked.arguments["target_aet"] == "PONS"
    assert asked.content == {
        "Description": "REST API",
        "LocalAet": "PONS",
        "RemoteAet": "PACS",
        "TargetAet": "PONS",
        "Query": [{"0008,0052": "STUDY", "0020,000d": "1.2.3"}],
        "Details": [],
    }


async def test_names_of_a_move() -> None:
    """The request's titles win over the modality's, those over the store's."""
    named = Modality("PACS", "h", 1, local_aet="THERE")
    asked = await submitted(RetrieveRequest("pacs", "C-MOVE", [STUDY]), named)
    assert (asked.content["LocalAet"], asked.content["TargetAet"]) == ("THERE", "THERE")
    request = RetrieveRequest("pacs", "C-MOVE", [STUDY], target_aet="WS", local_aet="ME")
    asked = await submitted(request, named)
    assert (asked.content["LocalAet"], asked.content["TargetAet"]) == ("ME", "WS")


async def test_a_get() -> None:
    """It has no destination, and may show more than is sent, in another style."""
    request = RetrieveRequest("pacs", "C-GET", [STUDY], synchronous=False, user_data=1)
    shown = [{**STUDY, "00080050": "A1"}]
    asked = await submitted(request, PLAIN, style=Style.SIMPLIFIED, shown=shown)
    assert (asked.job_type, asked.retry, asked.user_data) == ("DicomGetScu", True, 1)
    assert "TargetAet" not in asked.content
    assert asked.content["Query"] == [
        {"AccessionNumber": "A1", "QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "1.2.3"}
    ]
    assert asked.arguments["identifiers"] == [{"00080052": "STUDY", "0020000D": "1.2.3"}]
