# SPDX-License-Identifier: Apache-2.0
"""Retention: which studies go by themselves, and all that keeps one."""

from typing import Any

import pytest

from pons.errors import BadRequest
from pons_index.tombstones import FOLDER
from pons_testing.events import ids

from .expiring import NM, image

pytestmark = pytest.mark.anyio
FOR_ROOM = {**NM, "Delete": "WhenRoomIsNeeded"}


async def test_what_a_rule_holds_of_goes_when_its_days_are_over(keeping: Any) -> None:
    """With the patient that has nothing left; what is younger, or from elsewhere, stays. It is
    deleted as any deletion is: counted, and noted beside the objects."""
    async with keeping({"nm": NM}) as keeper:
        await keeper.store(image(1), image(1, 2), days=31)
        await keeper.store(image(2), days=29)
        await keeper.store(image(3, aet="CT1"), days=1000)
        assert await keeper.expiry.expire() == 1
        assert await keeper.left() == ["P2", "P3"]
        assert await keeper.index.totals() == await keeper.index.counted()
        assert [one async for one in keeper.objects.notes.names(FOLDER)]
        assert set((await keeper.index.garbage()).values()) == {"deleted"}
        assert await keeper.expiry.expire() == 0
        assert await keeper.expiry.make_room() == 0


@pytest.mark.parametrize("rules", [{}, {"nm": {**NM, "Enabled": False}}])
async def test_without_a_rule_nothing_goes(keeping: Any, rules: dict[str, Any]) -> None:
    """Nor where the only one rests."""
    async with keeping(rules) as keeper:
        await keeper.store(image(1), days=1000)
        assert await keeper.expiry.expire() == 0
        assert await keeper.left() == ["P1"]


async def test_while_a_rule_cannot_be_read_nothing_goes(keeping: Any) -> None:
    """One of a later version, or of an attribute that no dictionary names any more, may be one that
    keeps what others let go. That is an error that can be told, and ends no index."""
    async with keeping({"nm": NM}) as keeper:
        await keeper.store(image(1), days=31)
        await keeper.retention.rules.put("later", {**NM, "Unless": []})
        for look in (keeper.expiry.expire, keeper.expiry.make_room, keeper.why):
            with pytest.raises(BadRequest, match=r"^retention rule 'later': Unless: "):
                await look()
        assert await keeper.left() == ["P1"]
        await keeper.retention.rules.delete("later")
        assert await keeper.expiry.expire() == 1


async def test_all_that_keeps_a_study(keeping: Any) -> None:
    """An instance from elsewhere, a protected patient, a label anywhere in its tree, or instances
    that still come; a dry run says which, and of the first nothing, since no rule holds of it."""
    async with keeping({"nm": NM}) as keeper:
        await keeper.store(image(1), image(1, 2, aet="PHYSICS"), days=31)
        for patient in range(2, 7):
            await keeper.store(image(patient), days=31)
        await keeper.index.database.pool.execute(
            "UPDATE patients SET protected = true WHERE patient_id = 'P2'"
        )
        await keeper.label("Patient", ids(image(3)).patient, "keep")
        await keeper.label("Study", ids(image(4)).study, "keep")
        await keeper.label("Instance", ids(image(5)).instance, "keep")
        await keeper.label("Study", ids(image(6)).study, "other")
        await keeper.store(image(7), days=31, stable=False)
        labelled = "it, its patient or something below it has the label 'keep'"
        assert await keeper.why() == {
            ids(image(2)).study: "its patient is protected",
            ids(image(3)).study: labelled,
            ids(image(4)).study: labelled,
            ids(image(5)).study: labelled,
            ids(image(6)).study: "",
            ids(image(7)).study: "it is not stable yet",
        }
        assert await keeper.expiry.expire() == 1
        assert await keeper.left() == ["P1", "P2", "P3", "P4", "P5", "P7"]


async def test_a_study_that_cannot_be_read_stays(keeping: Any) -> None:
    """And holds up no other: nobody knows what its rules would say."""
    async with keeping({"nm": {**NM, "When": [{"Tag": "Modality", "Is": "NM"}]}}) as keeper:
        await keeper.store(image(1), days=31)
        await keeper.store(image(2), days=31)
        await keeper.index.database.pool.execute(
            "UPDATE headers SET header = 'x' WHERE instance_key = (SELECT min(instance_key)"
            " FROM instances)"
        )
        assert (await keeper.why())[ids(image(1)).study].startswith("it cannot be read")
        assert await keeper.expiry.expire() == 1
        assert await keeper.left() == ["P1"]


async def test_the_rule_that_keeps_longest_counts(keeping: Any) -> None:
    """Also where it holds of one instance alone: what it names is kept as long as it says."""
    longer = {"When": [{"Tag": "Modality", "Is": "PT"}], "KeepDays": 365}
    async with keeping({"a": NM, "b": longer}) as keeper:
        await keeper.store(image(1), image(1, 2, modality="PT"), days=31)
        await keeper.store(image(2), image(2, 2, modality="PT"), days=366)
        await keeper.store(image(3), days=31)
        (kept,) = {kept for kept in (await keeper.why()).values() if kept}
        assert kept.startswith("rule 'b' keeps it until 20")
        assert await keeper.expiry.expire() == 2
        assert await keeper.left() == ["P1"]


async def test_more_than_some_at_once_stop_it(keeping: Any) -> None:
    """A clock that jumps, or a rule that holds of everything, deletes nothing; the index says so
    until it is allowed."""
    rules = {"all": {"When": [{"All": []}], "KeepDays": 1}}
    async with keeping(rules) as keeper:
        for patient in range(11):
            await keeper.store(image(patient), days=2)
        assert await keeper.expiry.expire() == 0
        assert "more than the 10 studies" in keeper.warnings["retention"]
        assert len(await keeper.left()) == 11
    async with keeping(rules, most_percent=100) as keeper:
        assert await keeper.expiry.expire() == 11
        assert keeper.warnings == {}


async def test_room_is_made_of_what_came_first(keeping: Any) -> None:
    """Until there is enough of it, and of nothing else; before room is needed it all stays."""
    async with keeping({"nm": FOR_ROOM}, {"maximum_size_mb": 10}, room_percent=60) as keeper:
        await keeper.store(image(1, aet="CT1", megabytes=2), days=100)
        for patient in (2, 3):
            await keeper.store(image(patient, megabytes=2), days=50)
        assert await keeper.expiry.expire() == await keeper.expiry.make_room() == 0
        await keeper.store(image(4, megabytes=2), days=50)
        await keeper.store(image(5, megabytes=1), days=1)
        assert await keeper.expiry.make_room() == 2
        assert await keeper.left() == ["P1", "P4", "P5"]
        await keeper.store(image(6, aet="CT1", megabytes=4), days=100)
        assert await keeper.expiry.make_room() == 1
        assert await keeper.expiry.make_room() == 0  # what is left may not go
        assert "nothing more may go" in keeper.warnings["room"]
        assert await keeper.left() == ["P1", "P5", "P6"]
