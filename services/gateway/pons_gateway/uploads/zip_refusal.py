# SPDX-License-Identifier: Apache-2.0
"""What to tell of a ZIP of which some files were stored and others could not be."""

from typing import Any

from pons.errors import PonsError

LISTED = 1000
"""Files that are told with their reasons; their number is told in any case."""


def zip_refusal(stored: list[dict[str, str]], refused: list[tuple[str, PonsError]]) -> PonsError:
    """The error of an upload: of the kind of the first refusal, with what became of each file.

    `Stored` has Orthanc's object for each file that is in the store, as the answer to a whole
    success would; `Refused` the others, by their names in the ZIP, with the reason of each. An
    empty name is the ZIP itself, of which no more could be read.
    """
    name, first = refused[0]
    if not stored and len(refused) == 1 and not name:
        return first
    named = f"{name}: {first}" if name else str(first)
    others = f"; and {len(refused) - 1} more" if len(refused) > 1 else ""
    error = type(first)("Not all files of the ZIP were stored", named + others)
    reasons: list[dict[str, Any]] = [
        {"File": name, "Details": str(reason)} for name, reason in refused[:LISTED]
    ]
    error.told = {"Stored": stored, "Refused": reasons, "RefusedCount": len(refused)}
    return error
