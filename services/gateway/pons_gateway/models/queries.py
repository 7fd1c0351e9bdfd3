# SPDX-License-Identifier: Apache-2.0
"""What modalities are asked for by C-FIND, and what becomes of their answers."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, RootModel, WithJsonSchema
from pydantic.functional_validators import model_validator

from pons.dicom.orthanc_json import Style
from pons.dicom.tag_names import parse_tag
from pons.errors import BadRequest
from pons.messages import modality
from pons.remotes.values import OptionalAETitle
from pons_gateway.models.examples import OPEN, STRICT, example
from pons_gateway.models.find import TagFormat
from pons_gateway.models.jobs import JobOptions
from pons_gateway.models.levels import AnyLevel
from pons_gateway.models.remotes import A_DAY
from pons_gateway.models.shape import style_of

QUERY_ID = "7f0c3a52-1d9e-4b86-9a3b-2c5d8e4f6a10"
Seconds = Annotated[float, Field(strict=True, ge=0, le=A_DAY)]
OfQuery = Literal["answers", "level", "modality", "query", "retrieve"]
OfAnswer = Literal["content", "retrieve", "query-studies", "query-series", "query-instances"]
"""What can be done with a query, and with an answer to it."""


def keys_by_tag(keys: dict[str, Any]) -> dict[str, Any]:
    """Keys by their tags ("GGGGEEEE"), whatever they are called; also those inside of sequences.

    Raises `UnknownTag`, and `BadRequest` where two names are of one tag.
    """
    by_tag: dict[str, Any] = {}
    for name, value in keys.items():
        tag = parse_tag(name)
        if tag in by_tag:
            raise BadRequest(f"The key {name!r} is there twice")
        items = value if isinstance(value, list) else []
        if any(not isinstance(item, dict) for item in items):
            raise BadRequest(f"The items of {name!r} must be objects")
        by_tag[tag] = [keys_by_tag(item) for item in items] if items else value or ""
    return by_tag


TextKeys = Annotated[dict[str, str], AfterValidator(keys_by_tag)]
"""Tags and what their values must be."""
NestedKeys = Annotated[
    dict[str, Any],
    AfterValidator(keys_by_tag),
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]
"""As `TextKeys`, where sequences have arrays of such objects."""


class Asking(BaseModel):
    """How to ask a modality. What is missing is as the modality or the settings say."""

    LocalAet: OptionalAETitle = Field("", description="AE title of this store.")
    Timeout: Seconds = Field(0, description="Seconds to wait for the modality's next answer.")


class BelowRequest(Asking):
    """What to ask for below an answer: at a lower level of the same modality."""

    model_config = STRICT | example(Query={"Modality": "CT"})

    Query: TextKeys = Field(
        {},
        description="Tags and what their values must be, as C-FIND has it: `*` and `?`, ranges "
        "with `-`, alternatives separated by `\\`. An empty value asks for the tag only.",
    )
    Normalize: bool = Field(
        True,
        description="Leave out tags that do not belong to the level, and go by the peculiarities "
        "of the modality (`Manufacturer`).",
    )


class QueryRequest(BelowRequest):
    """What to ask a modality for."""

    model_config = example(Level="Study", Query={"PatientName": "ROE*", "StudyDate": "20240101-"})

    Level: AnyLevel = Field(
        description="Level of what is asked for; plurals and capitals do not matter, nor `Image`."
    )


class QueryKeys(RootModel[TextKeys]):
    """Tags and what their values must be, as C-FIND has it."""

    model_config = example(PatientID="12345", StudyDate="20240101-")


class WorklistRequest(Asking, TagFormat):
    """What to ask the modality worklist for. Also the query alone."""

    model_config = STRICT | example(
        Query={"PatientID": "", "ScheduledProcedureStepSequence": [{"Modality": "CT"}]}
    )

    Query: NestedKeys = Field(
        {},
        description="Tags and what their values must be; the items of sequences are objects.",
    )

    @model_validator(mode="before")
    @classmethod
    def _of_query(cls, value: Any) -> Any:
        if isinstance(value, dict) and "Query" not in value:
            return {"Query": value}
        return value

    @property
    def style(self) -> Style:
        """How answers are shown."""
        return style_of(full=self.Full, short=self.Short)


class RetrieveBody(JobOptions, TagFormat):
    """How to retrieve what answers tell of. Also the target's AE title alone, or nothing."""

    model_config = STRICT | example(TargetAet="PONS", Synchronous=False)

    TargetAet: OptionalAETitle = Field(
        "", description="AE title that it goes to; empty: this store."
    )
    RetrieveMethod: modality.RetrieveMethod = Field(
        "SystemDefault",
        description="`C-MOVE`, or `C-GET`, which brings it here alone; else as the modality or "
        "the settings say.",
    )
    Timeout: Seconds = Field(
        0, description="Seconds to wait for the modality; 0: as the query, or the settings, say."
    )

    @model_validator(mode="before")
    @classmethod
    def _of_target(cls, value: Any) -> Any:
        # A title of digits is a number of JSON.
        is_title = isinstance(value, str | int) and not isinstance(value, bool)
        return {"TargetAet": str(value)} if is_title else value

    @property
    def style(self) -> Style:
        """How the job shows what it retrieves: by numbers unless asked otherwise."""
        if self.Simplify:
            return Style.SIMPLIFIED
        return Style.FULL if self.Full else Style.SHORT


class Query(BaseModel):
    """A query whose answers are there."""

    model_config = example(ID=QUERY_ID, Path=f"/queries/{QUERY_ID}")

    ID: str = Field(description="Its identifier.")
    Path: str = Field(description="Where it is shown.")


def number_of(text: Any) -> Any:
    """An index, as Orthanc reads it. Raises `ValueError`."""
    try:
        return int(text)
    except ValueError:
        raise ValueError("expected a whole number") from None


Index = Annotated[int, BeforeValidator(number_of)]


class Found(BaseModel):
    """A patient as a modality tells it, with studies, which have series."""

    model_config = OPEN | example(
        PatientID="12345", Studies=[{"StudyDate": "20240102", "Series": [{"Modality": "CT"}]}]
    )

    Studies: list[dict[str, Any]] = Field(description="Its studies, each with its `Series`.")
