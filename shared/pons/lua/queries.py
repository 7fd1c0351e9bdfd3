# SPDX-License-Identifier: Apache-2.0
"""Queries as functions of scripts see and change them: tag, `gggg,eeee`, to text or to items."""

from collections.abc import Mapping
from typing import Any

import structlog

from pons.dicom.tag_names import UnknownTag, display_tag, parse_tag
from pons.errors import ScriptUnavailable
from pons.lua.scripts import ScriptFailed, Scripts

log = structlog.get_logger()

Query = Mapping[str, Any]
"""Tag ("GGGGEEEE") to text, or to a list of such items."""


async def filtered_query(
    scripts: Scripts, function: str, query: Query, origin: Mapping[str, Any]
) -> dict[str, Any]:
    """The query that a function makes of `query`, whose `origin` it is told of.

    Raises `Unavailable` when it fails: a query that was not filtered is not answered.
    """
    told = {display_tag(tag): _displayed(value) for tag, value in query.items()}
    try:
        outcome = await scripts.call(function, told, dict(origin), wanted="table")
        return _by_tag(outcome.value)
    except (ScriptFailed, UnknownTag, ValueError) as error:
        log.error("lua filter failed", function=function, error=str(error))
        raise ScriptUnavailable(f"Lua function {function} could not filter the query") from error


def _displayed(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [{display_tag(tag): _displayed(one) for tag, one in item.items()} for item in value]


def _by_tag(table: Any) -> dict[str, Any]:
    """What a script returns; an empty table is one of an object without members, too."""
    if table == []:
        return {}
    if not isinstance(table, dict):
        raise ValueError("a query is a table of tags")
    # What a script has named wins over the same attribute by its tag, which the query came with.
    names = sorted(table, key=lambda name: "," not in name)
    return {parse_tag(name): _plain(table[name]) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_by_tag(item) for item in value]
    if isinstance(value, str):
        return value.encode("latin-1").decode(errors="replace")
    raise ValueError("the value of a tag is a text, or an array of items")
