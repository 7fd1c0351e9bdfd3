# SPDX-License-Identifier: Apache-2.0
"""Scripts change what a C-FIND asks for: the query that is answered is the one they return."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pons.errors import Unavailable
from pons.lua.functions import INCOMING_FIND
from pons.lua.scripts import open_scripts
from pons.messages.modality import Modality
from pons.settings import LuaSettings
from pons_ingress.admission import Peer
from pons_ingress.find_filter import FindFilter

pytestmark = pytest.mark.anyio

PEER = Peer("CT1", "PONS", "192.0.2.7")
NAME = {"vr": "PN", "Value": [{"Alphabetic": "Größe^*", "Phonetic": "x"}]}
QUERY: dict[str, Any] = {
    "00080052": {"vr": "CS", "Value": ["STUDY"]},
    "00080060": {"vr": "CS"},
    "00100010": NAME,
    "0020000D": {"vr": "UI", "Value": [f"1.2.{n}" for n in range(200)]},
    "00400100": {"vr": "SQ", "Value": [{"00400001": {"vr": "AE", "Value": ["CT1"]}}]},
}


class Known:
    def find_by_aet(self, aet: str, strict: bool = False) -> dict[str, Modality]:
        return {"ct": Modality("CT1", "192.0.2.7", 104, "GE")} if aet == "CT1" else {}


@asynccontextmanager
async def filtering(folder: Path, body: str) -> AsyncIterator[FindFilter]:
    file = folder / "filter.lua"
    file.write_text(f"function {INCOMING_FIND}(query, origin) {body} end")
    async with open_scripts(LuaSettings(scripts=[str(file)]), {}) as scripts:
        yield FindFilter(scripts, INCOMING_FIND, Known())


async def filtered(folder: Path, body: str) -> dict[str, Any]:
    async with filtering(folder, body) as find_filter:
        answered = await find_filter.filtered(msgspec.json.encode(QUERY), PEER)
    found: dict[str, Any] = msgspec.json.decode(answered)
    return found


async def test_a_query_that_stays_as_it_is(tmp_path: Path) -> None:
    """Nothing of it is lost on the way: long lists, names in several groups, sequences."""
    assert await filtered(tmp_path, "return query") == QUERY


async def test_a_query_that_is_changed(tmp_path: Path) -> None:
    """Keys are taken away, added and replaced, by tag or by name, in sequences as well."""
    body = """
    query['0020,000d'] = nil
    query['0008,0060'] = 'CT\\\\MR'
    query['StudyDate'] = '20240101-20241231'
    query['0010,0010'] = 'Doe^J*=x'
    query['0040,0100'][1]['0040,0001'] = origin.RemoteAet .. origin.CalledAet
        .. origin.RemoteIp .. origin.Manufacturer
    return query
    """
    assert await filtered(tmp_path, body) == {
        "00080020": {"vr": "DA", "Value": ["20240101-20241231"]},
        "00080052": {"vr": "CS", "Value": ["STUDY"]},
        "00080060": {"vr": "CS", "Value": ["CT", "MR"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^J*", "Ideographic": "x"}]},
        "00400100": {
            "vr": "SQ",
            "Value": [{"00400001": {"vr": "AE", "Value": ["CT1PONS192.0.2.7GE"]}}],
        },
    }


WRONG = ["error('why')", "return nil", "return 'all'", "return {Nonsense=''}", "return {1, 2}"]


@pytest.mark.parametrize("body", WRONG)
async def test_it_fails_closed(tmp_path: Path, body: str) -> None:
    """A query that could not be filtered is not answered."""
    async with filtering(tmp_path, body) as find_filter:
        with pytest.raises(Unavailable):
            await find_filter.filtered(msgspec.json.encode(QUERY), PEER)


async def test_without_a_function(tmp_path: Path) -> None:
    """Queries pass as they came."""
    async with open_scripts(LuaSettings(), {}) as scripts:
        find_filter = FindFilter(scripts, INCOMING_FIND, Known())
        assert await find_filter.filtered(b"as it is", PEER) == b"as it is"
