# SPDX-License-Identifier: Apache-2.0
"""Headers as trees for people: names, private creators, nested items, and what is cut."""

from typing import Any

import httpx
import orjson
import pytest

from pons.catalog import StoredHeader
from pons.settings import HttpSettings, Settings
from pons_gateway.datasets.tag_tree import LARGEST, MOST, ROOM, TagTree
from pons_gateway.models.tag_tree import USUAL_LENGTH as LONGEST

from ..conftest import INSTANCE, NOBODY, Open, Store


def shown(**elements: Any) -> list[dict[str, Any]]:
    tags = {name.removeprefix("_"): element for name, element in elements.items()}
    return TagTree().read(orjson.dumps(tags))


def test_names_and_values() -> None:
    """An element has the name and keyword that PS3.6 gives it, and UIDs what they stand for."""
    uid, modality = shown(
        _00080016={"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.2"]},
        _00080060={"vr": "CS", "Value": ["CT"]},
    )
    assert modality == {
        "tag": "00080060",
        "path": "0008-0060",
        "vr": "CS",
        "name": "Modality",
        "keyword": "Modality",
        "value": "CT",
        "cut": False,
    }
    assert (uid["meaning"], uid["keyword"]) == ("CT Image Storage", "SOPClassUID")


def test_private_elements_name_their_creator() -> None:
    """A private element has its creator, and the name that the dictionary has of his."""
    creator, known, unknown = shown(
        _00190010={"vr": "LO", "Value": ["SIEMENS MR HEADER"]},
        _0019100C={"vr": "IS", "Value": ["1000"]},
        _00191199={"vr": "UN", "InlineBinary": "AAECAw=="},
    )
    assert creator["name"] == "Private Creator"
    assert (known["name"], known["creator"]) == ("B_value", "SIEMENS MR HEADER")
    assert (unknown["name"], unknown["creator"], unknown["bytes"]) == ("", "", 4)


def test_nested_items_have_paths() -> None:
    """An item's element says where its whole value is."""
    inner = {"00081155": {"vr": "UI", "Value": ["1.2.3"]}}
    (sequence,) = shown(_00081140={"vr": "SQ", "Value": [{}, inner]})
    assert (sequence["count"], sequence["cut"], sequence["items"][0]) == (2, False, [])
    assert sequence["items"][1][0]["path"] == "0008-1140/1/0008-1155"


def test_what_is_long_is_cut() -> None:
    """Cut values say so, with how much there is; binary ones say how many bytes they have."""
    text, bulk = shown(
        _00104000={"vr": "LT", "Value": ["x" * (LONGEST + 1)]},
        _00281201={"vr": "OW", "BulkDataURI": "1200/512"},
    )
    assert (len(text["value"]), text["cut"], text["length"]) == (LONGEST, True, LONGEST + 1)
    assert (bulk["value"], bulk["cut"], bulk["bytes"]) == (None, True, 512)


def test_values_are_whole_where_they_are_wanted() -> None:
    """A report is read whole; all values together have room, and those beyond are cut."""
    text = {"vr": "UT", "Value": ["x" * (ROOM // 2 - 100)]}
    tags = {f"0040{0xA160 + n:04X}": text for n in range(3)}
    found = TagTree(ROOM).read(orjson.dumps(tags))
    assert [one["cut"] for one in found] == [False, False, True]
    assert [len(one["value"]) for one in found] == [ROOM // 2 - 100] * 2 + [LONGEST]


def test_a_tree_has_an_end() -> None:
    """Neither many elements nor a sequence of many megabytes make an endless answer."""
    tree = TagTree()
    item = {f"{0x00110000 + n:08X}": {"vr": "LO"} for n in range(1000)}
    (sequence,) = tree.read(orjson.dumps({"00081140": {"vr": "SQ", "Value": [item] * 30}}))
    assert (tree.left, sequence["count"], sequence["cut"]) == (0, 30, True)
    assert sum(map(len, sequence["items"])) == MOST - 1
    large = {
        "00081140": {"vr": "SQ", "Value": [{"00080060": {"vr": "CS", "Value": ["x" * LARGEST]}}]}
    }
    (cut,) = TagTree().read(orjson.dumps(large))
    assert (cut["items"], cut["count"], cut["cut"]) == ([], None, True)


@pytest.mark.anyio
async def test_tags_of_an_instance(
    open_client: Open, client: httpx.AsyncClient, store: Store
) -> None:
    """The page gets meta header and data set; a store without pages has no such route."""
    header = orjson.dumps({"00100010": {"vr": "PN", "Value": [{"Alphabetic": "<b>A^B"}]}})
    meta = orjson.dumps({"00020010": {"vr": "UI", "Value": ["1.2.840.10008.1.2.1"]}})
    store.catalog.header = StoredHeader(header, meta, "OW")
    path = f"/explorer/api/instances/{INSTANCE}/tags"
    told = (await client.get(path)).json()
    assert told["meta"][0]["meaning"] == "Explicit VR Little Endian"
    assert (told["tags"][0]["value"], told["more"]) == ("<b>A^B", False)
    assert (await client.get(f"/explorer/api/instances/{NOBODY}/tags")).status_code == 404
    async with open_client(Settings(http=HttpSettings(explorer=False))) as without:
        assert (await without.get(path)).status_code == 404
