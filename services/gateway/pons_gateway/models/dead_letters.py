# SPDX-License-Identifier: Apache-2.0
"""Dead letters: how they are asked for, and what is told of them."""

from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, BeforeValidator, Field

from pons.errors import NotFound
from pons_gateway.models.examples import ID, OBJECT, example
from pons_gateway.query import LogNumber

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_DIGITS = 18

LETTER: dict[str, Any] = {
    "ID": 3,
    "Reason": "the database refuses a value (SQLSTATE 54000)",
    "Since": "20240102T101112",
    "LastRetry": None,
    "Dismissed": None,
    "Object": OBJECT,
    "Instances": [
        {
            "Patient": ID,
            "Study": ID,
            "Series": ID,
            "Instance": ID,
            "StudyInstanceUID": "1.2.3",
            "SeriesInstanceUID": "1.2.3.4",
            "SOPInstanceUID": "1.2.3.4.5",
            "Object": OBJECT,
        }
    ],
}


def letter_number(text: Any) -> int:
    """The number of a dead letter. Raises `NotFound` for what can be none."""
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS):
        raise NotFound(
            "There is no such dead letter", "their numbers are listed by /tools/dead-letters"
        )
    return int(text)


LetterNumber = Annotated[
    int,
    BeforeValidator(letter_number),
    Path(alias="letter", description="Number of the dead letter."),
]


class LettersQuery(BaseModel):
    """Which dead letters are wanted."""

    since: LogNumber = Field(None, description="Only what came after this number.")
    limit: LogNumber = Field(
        None, description=f"So many at most; {DEFAULT_LIMIT} without, {MAX_LIMIT} in any case."
    )

    @property
    def most(self) -> int:
        """How many letters may be given."""
        return min(self.limit or DEFAULT_LIMIT, MAX_LIMIT)


class Undelivered(BaseModel):
    """An instance that could not be indexed."""

    Patient: str = Field(description="Identifier of its patient.")
    Study: str = Field(description="Identifier of its study.")
    Series: str = Field(description="Identifier of its series.")
    Instance: str = Field(description="Its identifier.")
    StudyInstanceUID: str = Field(description="DICOM's identifier of the study.")
    SeriesInstanceUID: str = Field(description="DICOM's identifier of the series.")
    SOPInstanceUID: str = Field(description="DICOM's identifier of the instance.")
    Object: str = Field(description="Key of its file in the storage.")


class DeadLetter(BaseModel):
    """What was received and could not be indexed."""

    model_config = example(**LETTER)

    ID: int = Field(description="Number of the dead letter; it is never given again.")
    Reason: str = Field(description="Why it could not be indexed.")
    Since: str = Field(description="When that was, in UTC, as `YYYYMMDDTHHMMSS`.")
    LastRetry: str | None = Field(description="When it was tried again last.")
    Dismissed: str | None = Field(description="When somebody let it be.")
    Object: str | None = Field(
        description="Key of the file that it is about; null where the announcement is unreadable."
    )
    Instances: list[Undelivered] = Field(description="Empty where nobody can tell.")


class Retried(BaseModel):
    """What became of dead letters that were tried again."""

    model_config = example(Indexed=[3], Failed={"4": "The file is not there any more"})

    Indexed: list[int] = Field(
        description="Numbers of those that are in the index now, or about to be."
    )
    Failed: dict[str, str] = Field(description="Why others are not, by their number.")
