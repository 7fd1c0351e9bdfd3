# SPDX-License-Identifier: Apache-2.0
"""Levels as bodies name them."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from pons.dicom.levels import LEVELS, Level

LEVEL_WORDS: dict[str, Level] = {
    word: level for level in LEVELS for word in (level.lower(), f"{level.lower()}s")
} | {"studies": "Study", "series": "Series"}


def level_named(word: Any) -> Level:
    """A level by its name in any case, singular or plural. Raises `ValueError`."""
    level = LEVEL_WORDS.get(word.lower()) if isinstance(word, str) else None
    if level is None:
        raise ValueError(f"expected one of {', '.join(LEVELS)}")
    return level


LevelWord = Annotated[Level, BeforeValidator(level_named)]
"""A level by its name; capitals and plurals do not matter."""
