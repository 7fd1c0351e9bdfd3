# SPDX-License-Identifier: Apache-2.0
"""Which rules hold of an instance, a series and a study."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from pons.catalog import Fields, Resource, StoredHeader
from pons.dicom.levels import Level
from pons.routing.evaluation import Evaluator
from pons.routing.rules import Rule

pytestmark = pytest.mark.anyio


class Index:
    """A study of two series: a CT of two instances, sent by NM1, and an MR."""

    def __init__(self) -> None:
        self.headers: Any = self
        self.modality = {"i1": "CT", "ct": "CT", "mr": "MR"}
        self.labelled: dict[str, list[str]] = {"study": ["research"]}
        self.asked: list[str] = []

    async def find(self, level: Level, identifier: str, fields: Fields) -> Resource | None:
        if (level, identifier) != ("Study", "study"):
            return None
        return Resource("Study", "study", 1, children=["ct", "mr"])

    async def above(
        self, level: Level, of: Level, identifier: str, fields: Fields
    ) -> Resource | None:
        self.asked.append(f"{level} above {identifier}")
        found = {"Patient": "patient", "Study": "study", "Series": "ct"}[level]
        return Resource(level, found, 1, labels=self.labelled.get(found, []))

    async def metadata(self, level: Level, identifier: str) -> dict[int, str] | None:
        self.asked.append(f"metadata of {identifier}")
        return {3: "NM1"} if identifier in ("i1", "ct") else {}

    async def labels(self, level: Level, identifier: str) -> list[str] | None:
        return self.labelled.get(identifier, [])

    async def read(self, identifier: str, use: Callable[[StoredHeader], Any]) -> Any:
        modality = self.modality.get(identifier)
        if modality is None:
            return None
        header = orjson.dumps({"00080060": {"vr": "CS", "Value": [modality]}})
        return use(StoredHeader(header, b"{}", None))

    async def first(self, level: Level, identifier: str, use: Callable[[StoredHeader], Any]) -> Any:
        assert level == "Series"
        return await self.read(identifier, use)


def rule(on: str, *when: dict[str, Any]) -> Rule:
    return Rule.model_validate({"On": on, "When": list(when), "To": ["modality:a"]})


CT, MR = {"Tag": "Modality", "Is": "CT"}, {"Tag": "Modality", "Is": "MR"}
FROM_NM, RESEARCH = {"Origin": "NM*"}, {"Label": "research"}


@pytest.mark.parametrize(
    ("on", "resource", "when", "holds"),
    [
        ("NewInstance", "i1", [], True),
        ("NewInstance", "i1", [CT, FROM_NM, RESEARCH], True),
        ("NewInstance", "i1", [MR], False),
        ("NewInstance", "deleted", [], False),
        ("StableSeries", "ct", [CT, FROM_NM], True),
        ("StableSeries", "mr", [MR, FROM_NM], False),
        ("StableStudy", "study", [MR], True),
        ("StableStudy", "study", [CT, FROM_NM, RESEARCH], True),
        ("StableStudy", "study", [MR, FROM_NM], False),
        ("StableStudy", "study", [{"Not": MR}], True),
        ("StableStudy", "deleted", [], False),
    ],
)
async def test_what_holds(on: str, resource: str, when: list[dict[str, Any]], holds: bool) -> None:
    """Of a study one series has to satisfy all; nothing holds of what is not there any more."""
    asked = rule(on, *when)
    level: Any = {"NewInstance": "Instance", "StableSeries": "Series", "StableStudy": "Study"}[on]
    found = await Evaluator(Index()).holding(level, resource, {"r": asked})
    assert found == ({"r": asked} if holds else {})


async def test_only_what_rules_ask_for_is_read() -> None:
    """Origin and labels cost questions of their own, which rules about tags do not need."""
    index = Index()
    await Evaluator(index).holding("Instance", "i1", {"r": rule("NewInstance", CT)})
    assert index.asked == []
    await Evaluator(index).holding("Instance", "i1", {"r": rule("NewInstance", {"Not": FROM_NM})})
    assert index.asked == ["metadata of i1"]


async def test_what_does_not_hold_is_named() -> None:
    """Each series that was asked has its first condition that does not hold."""
    told = await Evaluator(Index()).ask("Study", "study", {"r": rule("StableStudy", CT, FROM_NM)})
    ct, mr = told["r"]
    assert (ct.resource_id, ct.unmet) == ("ct", None)
    assert mr.unmet is not None
    assert mr.unmet.as_written() == {"Tag": "Modality", "Is": ["CT"]}
    assert (ct.found, mr.found) == (None, "MR")
