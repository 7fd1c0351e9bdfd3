# SPDX-License-Identifier: Apache-2.0
"""How archives and media are asked for: as JSON, or by the query."""

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from pons import jobs
from pons.errors import BadRequest
from pons_gateway.models.identifiers import ID, JOB
from pons_gateway.query import AS_TEXT, Flag, last, parse_number

PRIORITIES = (-(2**31), 2**31 - 1)
QUALITIES = (1, 100)
OPTIONS: dict[str, Any] = {
    "Asynchronous": True,
    "Filename": "study.zip",
    "Utf8": True,
    "Permissive": False,
    "Priority": 0,
    "UserData": "mine",
}
PERMISSIVE = "Leave out, and list in `MISSING.TXT`, instances that the store lost or damaged."


def refuse_transcoding(syntax: Any) -> None:
    """Raises `BadRequest`: files come as they are stored."""
    raise BadRequest(
        f"Transcode: this store cannot transcode archives to {syntax!r}",
        "leave it out to get the files as they are stored",
    )


def identifiers(values: str | list[str]) -> list[str]:
    """The words between commas."""
    return [word.strip() for word in last(values).split(",") if word.strip()]


def only_text(value: Any) -> str | None:
    """Nothing for what is no text."""
    return value if isinstance(value, str) else None


Identifier = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Identifiers = Annotated[list[str], BeforeValidator(identifiers), AS_TEXT]

Quality = Annotated[int, Field(ge=QUALITIES[0], le=QUALITIES[1]), BeforeValidator(parse_number)]


class ArchiveRequest(BaseModel):
    """How a ZIP is made and handed over.

    An array stands for an object with nothing but `Resources`.
    """

    model_config = ConfigDict(strict=True, json_schema_extra={"examples": [OPTIONS]})

    Synchronous: bool | None = Field(
        None,
        description="Wait for the ZIP, the answer then; the opposite of `Asynchronous` without.",
    )
    Asynchronous: bool = Field(False, description="Have a job make the ZIP, and answer with that.")
    Filename: Annotated[str, StringConstraints(strip_whitespace=True)] = Field(
        "", description="Name under which browsers save the ZIP; made from the resource without."
    )
    Extended: bool | None = Field(
        None, description="Add optional attributes to the DICOMDIR; as the route says without."
    )
    Utf8: bool | None = Field(
        None, description="Whether names may have other characters than ASCII's; `archive.utf8`."
    )
    Permissive: bool = Field(False, description=PERMISSIVE)
    Priority: Annotated[int, Field(ge=PRIORITIES[0], le=PRIORITIES[1])] | None = Field(
        None, description="Priority of the job; 0 without, higher is sooner."
    )
    UserData: Annotated[str | None, BeforeValidator(only_text)] = Field(
        None, description="Text that the job shows; other values are dropped."
    )
    LossyQuality: Annotated[int, Field(ge=QUALITIES[0], le=QUALITIES[1])] | None = Field(
        None, description="Quality of lossy transcoding; without effect."
    )
    Transcode: Annotated[Any, AfterValidator(refuse_transcoding)] = Field(
        None, description="Refused: archives have the files as they are stored."
    )

    @model_validator(mode="before")
    @classmethod
    def of_array(cls, value: Any) -> Any:
        """What an array of identifiers, or nothing at all, stands for."""
        if value is None:
            return {}
        if isinstance(value, list):
            return {"Resources": value}
        if not isinstance(value, dict):
            raise ValueError("expected an object, or an array of Orthanc identifiers")
        return value

    def order(
        self,
        resources: list[str],
        filename: str,
        *,
        utf8: bool,
        media: bool = False,
        extended: bool = False,
    ) -> jobs.ArchiveOrder:
        """What is ordered of these resources.

        Parameters
        ----------
        filename, utf8, extended
            What holds where the request says nothing.
        media
            Whether the ZIP has a DICOMDIR.
        """
        return jobs.ArchiveOrder(
            request=jobs.ArchiveRequest(
                resources=list(dict.fromkeys(resources)),
                media=media,
                extended=extended if self.Extended is None else self.Extended,
                utf8=utf8 if self.Utf8 is None else self.Utf8,
                permissive=self.Permissive,
            ),
            filename=self.Filename or filename,
            synchronous=not self.Asynchronous if self.Synchronous is None else self.Synchronous,
            priority=self.Priority or 0,
            user_data=self.UserData,
        )


class ResourcesArchiveRequest(ArchiveRequest):
    """Of which resources a ZIP is made, and how.

    An array stands for an object with nothing but `Resources`.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"Resources": [ID], **OPTIONS}]})

    Resources: list[Identifier] = Field(
        description="Orthanc identifiers of any level; what comes twice counts once."
    )


class ArchiveQuery(BaseModel):
    """How a ZIP is made, in the query."""

    filename: str = Field("", description="Name under which browsers save the ZIP.")
    transcode: Annotated[str, AfterValidator(refuse_transcoding)] = Field(
        "", description="Refused: archives have the files as they are stored."
    )
    lossy_quality: Quality | None = Field(
        None,
        alias="lossy-quality",
        description="Quality of lossy transcoding; without effect.",
    )
    permissive: Flag = Field(False, description=PERMISSIVE)

    def as_body(self) -> ArchiveRequest:
        """The body that asks for the same."""
        return ArchiveRequest(Filename=self.filename, Permissive=self.permissive)


class MediaQuery(ArchiveQuery):
    """How media are made, in the query."""

    extended: Flag | None = Field(
        None, description="Add optional attributes to the DICOMDIR; as the route says without."
    )

    def as_body(self) -> ArchiveRequest:
        return super().as_body().model_copy(update={"Extended": self.extended})


class ArchiveJob(BaseModel):
    """The job that makes a ZIP, which is at `/jobs/{id}/archive` then."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ID": JOB, "Path": f"/jobs/{JOB}"}]})

    ID: str = Field(description="Identifier of the job.")
    Path: str = Field(description="Path of the job.")
