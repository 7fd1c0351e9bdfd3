# SPDX-License-Identifier: Apache-2.0
"""Levels as bodies name them; capitals and plurals do not matter."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from pons.dicom.levels import LEVELS, PLURAL, Level
from pons.errors import BadRequest

WORDS: dict[str, Level] = {
    **{level.lower(): level for level in LEVELS},
    **{plural: level for level, plural in PLURAL.items()},
    "image": "Instance",
    "images": "Instance",
}


def level_named(word: Any) -> Level:
    """A level by its name. Raises `ValueError`."""
    level = WORDS.get(word.lower()) if isinstance(word, str) else None
    if level is None:
        raise ValueError(f"expected one of {', '.join(LEVELS)}")
    return level


def level_searched(word: Any) -> Any:
    """As `level_named`, but Orthanc's searches have an error of their own for an unknown word.

    Raises `BadRequest`.
    """
    if isinstance(word, str) and word.lower() not in WORDS:
        raise BadRequest(f"Unknown level: {word!r}", f"known are {', '.join(LEVELS)}")
    return WORDS[word.lower()] if isinstance(word, str) else word


LevelWord = Annotated[Level, BeforeValidator(level_named)]
AnyLevel = Annotated[Level, BeforeValidator(level_searched)]
