# SPDX-License-Identifier: Apache-2.0
"""The logs of changes and exports: how they are asked for, and what they tell."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from pons.errors import BadRequest
from pons.messages.changes import CHANGE_TYPES
from pons_gateway.models.examples import ID, example
from pons_gateway.query import Flag, LogNumber

DEFAULT_LIMIT = 100
MAX_LIMIT = 100_000


def parse_types(value: Any) -> Any:
    """Numbers of the types that are named, separated by `;`; None for no name.

    Raises `BadRequest` for a name that is none.
    """
    if not isinstance(value, str):
        return value
    names = [name for name in value.split(";") if name]
    for name in names:
        if name not in CHANGE_TYPES:
            raise BadRequest(f"Unknown type of change: {name}")
    return [CHANGE_TYPES[name] for name in names] or None


ChangeTypes = Annotated[
    list[int] | None, BeforeValidator(parse_types), WithJsonSchema({"type": "string"})
]


class Part(BaseModel):
    """Which part of a log is wanted."""

    since: LogNumber = Field(None, description="Only what came after this number.")
    limit: LogNumber = Field(None, description=f"So many at most; {DEFAULT_LIMIT} without.")

    @property
    def most(self) -> int:
        """How many entries may be given."""
        return DEFAULT_LIMIT if self.limit is None else min(self.limit, MAX_LIMIT)


class ChangesQuery(Part):
    """Which changes are wanted."""

    to: LogNumber = Field(
        None, description="Only up to this number; without `since`, the latest ones up to it."
    )
    type: ChangeTypes = Field(None, description="Only these kinds of changes, separated by `;`.")
    last: Flag = Field(False, description="Only the latest one.")


class StreamQuery(BaseModel):
    """Where the stream of changes begins, and what it tells."""

    since: LogNumber = Field(None, description="Only what came after this number.")
    type: ChangeTypes = Field(None, description="Only these kinds of changes, separated by `;`.")
    last: Flag = Field(False, description="Only what happens from now on.")


class ExportsQuery(Part):
    """Which exports are wanted."""

    last: Flag = Field(False, description="Only the latest one.")


class Change(BaseModel):
    """A change of the store."""

    ChangeType: str = Field(description="What happened.")
    Date: str = Field(description="When, in UTC, as `YYYYMMDDTHHMMSS`.")
    ID: str = Field(description="Identifier of the resource.")
    Path: str = Field(description="Path of the resource.")
    ResourceType: str = Field(description="Level of the resource.")
    Seq: int = Field(description="Number of the change; it is never given again.")


class Changes(BaseModel):
    """A page of changes."""

    model_config = example(
        Changes=[
            {
                "ChangeType": "NewInstance",
                "Date": "20240102T101112",
                "ID": ID,
                "Path": f"/instances/{ID}",
                "ResourceType": "Instance",
                "Seq": 1,
            }
        ],
        Done=False,
        First=1,
        Last=1,
    )

    Changes: list[Change] = Field(description="Oldest first.")
    Done: bool = Field(description="Whether nothing follows.")
    First: int | None = Field(
        None, description="Number of the first of them; not there on an empty page."
    )
    Last: int = Field(description="Number of the last of them, from which to go on.")


class Export(BaseModel):
    """A resource that was sent to a modality, with its DICOM identifiers down to its level."""

    Date: str = Field(description="When, in UTC, as `YYYYMMDDTHHMMSS`.")
    ID: str = Field(description="Identifier of the resource.")
    Path: str = Field(description="Path of the resource.")
    PatientID: str = Field(description="Its patient.")
    RemoteModality: str = Field(description="Where it was sent.")
    ResourceType: str = Field(description="Level of the resource.")
    Seq: int = Field(description="Number of the export; it is never given again.")
    StudyInstanceUID: str | None = Field(None, description="From the level of studies on.")
    SeriesInstanceUID: str | None = Field(None, description="From the level of series on.")
    SOPInstanceUID: str | None = Field(None, description="At the level of instances.")


class Exports(BaseModel):
    """A page of exports."""

    model_config = example(
        Exports=[
            {
                "Date": "20240102T101112",
                "ID": ID,
                "Path": f"/instances/{ID}",
                "PatientID": "P1",
                "RemoteModality": "workstation",
                "ResourceType": "Instance",
                "SOPInstanceUID": "1.2.3.4.5",
                "Seq": 1,
                "SeriesInstanceUID": "1.2.3.4",
                "StudyInstanceUID": "1.2.3",
            }
        ],
        Done=True,
        Last=1,
    )

    Exports: list[Export] = Field(description="Oldest first.")
    Done: bool = Field(description="Whether nothing follows.")
    Last: int = Field(description="Number of the last of them, from which to go on.")
