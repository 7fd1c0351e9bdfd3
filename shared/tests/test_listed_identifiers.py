# SPDX-License-Identifier: Apache-2.0
"""Studies by a list of identifiers, as it is pasted from a table."""

import pytest

from .listing import Lists

pytestmark = pytest.mark.anyio

FOUND = {
    "id:P1,p2": "ab",
    "id:P1;P3;P9": "ac",
    "id:P,1": "",  # whole identifiers, no pieces of them
    "id:P1,P1*": "ad",
    "acc:A1,A3": "ac",
    "acc:A1,A3 id:P3,P2": "c",
    "uid:1.1,1.2.0": "a",
    "uid:1.1,1.2,1.3 ct": "abc",
}


async def test_a_study_is_one_of_them(lists: Lists) -> None:
    """As a whole, in any case; a star stands for any end."""
    for number, patient in enumerate(("P1", "P2", "P3", "P12"), 1):
        await lists.study(f"1.{number}", patient, t00080050=f"A{number}")
    await lists.connection.execute("UPDATE totals SET studies = 4")
    uids = {"1.1": "a", "1.2": "b", "1.3": "c", "1.4": "d"}
    found = {text: "".join(sorted(uids[uid] for uid in await lists.found(text))) for text in FOUND}
    assert found == FOUND
