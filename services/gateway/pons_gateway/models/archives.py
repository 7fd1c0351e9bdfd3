# SPDX-License-Identifier: Apache-2.0
"""How archives and media are asked for: as JSON, or by the query."""

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
    model_validator,
)

from pons import jobs
from pons.errors import BadRequest
from pons_gateway.models.examples import ID, STRICT, example
from pons_gateway.models.jobs import Identifier, JobOptions
from pons_gateway.models.lists import Listed
from pons_gateway.query import AS_TEXT, Flag, last, parse_number

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


Identifiers = Annotated[list[str], BeforeValidator(identifiers), AS_TEXT]

Quality = Annotated[int, Field(ge=QUALITIES[0], le=QUALITIES[1]), BeforeValidator(parse_number)]


class ArchiveRequest(JobOptions):
    """How a ZIP is made and handed over.

    An array stands for an object with nothing but `Resources`.
    """

    model_config = STRICT | example(**OPTIONS)

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
            synchronous=self.synchronous,
            priority=self.Priority or 0,
            user_data=self.UserData,
        )


class ResourcesArchiveRequest(ArchiveRequest):
    """Of which resources a ZIP is made, and how.

    An array stands for an object with nothing but `Resources`.
    """

    model_config = example(Resources=[ID], **OPTIONS)

    Resources: Listed[Identifier] = Field(
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
