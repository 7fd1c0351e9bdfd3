# SPDX-License-Identifier: Apache-2.0
"""What Explorer asks of lists of studies, and what it is told."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pons.catalog.search import LabelsConstraint, State
from pons.catalog.study_order import NEWEST, SORTS
from pons.catalog.words import LONGEST, MOST, Kind
from pons.dicom.labels import LABEL
from pons_gateway.models.examples import ANOTHER, ID, STRICT, example
from pons_gateway.models.lists import Listed
from pons_gateway.models.session import CAMEL

ASKED = STRICT | CAMEL | ConfigDict(extra="forbid")
"""What is misspelled would not be searched."""
MOST_ROWS = 500
MOST_IDENTIFIERS = 100_000
MOST_NAMED = 10_000
"""Studies that are changed, or looked at before a deletion, by one request that names them."""

Text = Annotated[str, Field(max_length=200)]
Identifiers = Annotated[str, Field(max_length=LONGEST)]
"""A piece of one; or several, of which a study has one as a whole, separated by commas, semicolons,
tabs or ends of lines."""
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9_ ]{1,16}$")]
Label = Annotated[str, Field(pattern=f"^{LABEL.pattern}$")]


class Filters(BaseModel):
    """What is asked of single columns; empty or left out: anything."""

    model_config = ASKED | example(name="roe", date="2024-05..", modalities=["CT", "MR"])

    name: Text = Field("", description="Words, each a piece of the patient's name.")
    patient_id: Identifiers = Field(
        "", description="A piece of it; or several with commas between, one of which it is."
    )
    birth_date: Text = Field("", description="A date or a range, as `date`.")
    sex: Text = Field("", description="As in files: F, M, O.")
    accession: Identifiers = Field("", description="As `patientId`, of the accession number.")
    description: Text = Field("", description="Words, each a piece of it.")
    study_uid: Identifiers = Field(
        "", description="The UID of the study, or of what is in it; or several, of studies."
    )
    date: Text = Field("", description="`2024`, `2024-05`, `12.5.2024`, `a..b`, `last week`, …")
    origin: Text = Field("", description="AE title from which a series came.")
    station: Text = Field("", description="What the Station Name of a series begins with.")
    modalities: Listed[Code] = Field([], max_length=50, description="One of these.")
    labels: Listed[Text] = Field([], max_length=50, description="Labels, as the constraint says.")
    labels_constraint: LabelsConstraint = Field(
        "All", description="How many of `labels` a study has; `None` without any: it has no label."
    )
    states: Listed[State] = Field([], max_length=3, description="All of these.")


class Asked(BaseModel):
    """Which studies."""

    model_config = ASKED | example(text="müller ct 2024-05", filters={"states": ["stable"]})

    text: str = Field(
        "",
        description=f"Words in any order, all of which must match; at most {LONGEST} characters "
        f"and {MOST} words.",
    )
    filters: Filters = Field(Filters(), description="What is asked of single columns.")
    today: str | None = Field(
        None,
        pattern=r"^\d{4}-\d{2}-\d{2}$",
        description="The day where people sit; left out: where the gateway runs.",
    )


class PageAsked(Asked):
    """Which page of a list."""

    model_config = example(text="roe", sort="-date", limit=100)

    sort: str = Field(
        NEWEST, description=f"One of {', '.join(SORTS)}; with `-` before it, descending."
    )
    after: str | None = Field(None, description="`next` of the page before.")
    limit: int = Field(100, ge=1, le=MOST_ROWS, description="Rows at most.")
    columns: Listed[Text] = Field(
        [], max_length=50, description="Further main tags of the study or its patient, for `more`."
    )


class IdentifiersAsked(Asked):
    """Which studies, and how many identifiers at most."""

    model_config = example(text="label:trial", limit=1000)

    limit: int = Field(
        MOST_IDENTIFIERS, ge=1, le=MOST_IDENTIFIERS, description="Identifiers at most."
    )


class Chosen(BaseModel):
    """Studies by their identifiers, or all that a search finds."""

    model_config = ASKED | example(studies=[ID, ANOTHER])

    studies: Listed[str] | None = Field(
        None, max_length=MOST_NAMED, description="Their identifiers."
    )
    query: Asked | None = Field(None, description="All that this finds.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.studies is None) == (self.query is None):
            raise ValueError("either studies or query has to be there")
        return self


class LabelsAsked(Chosen):
    """Which labels to put on studies, and to take off."""

    model_config = example(studies=[ID], add=["review"], remove=["todo"])

    add: Listed[Label] = Field([], max_length=20, description="Labels to put on each.")
    remove: Listed[Label] = Field([], max_length=20, description="Labels to take off each.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.add and not self.remove:
            raise ValueError("neither add nor remove has a label")
        if both := set(self.add) & set(self.remove):
            raise ValueError(f"{min(both)} is both in add and in remove")
        return self


class Understood(BaseModel):
    """What was understood of a part of the text."""

    model_config = CAMEL | {"populate_by_name": True}

    kind: Kind = Field(description="What it is about.")
    value: str = Field(description="What is searched.")
    first: str = Field("", alias="from", description="Of dates: the first day, `YYYYMMDD`.")
    last: str = Field("", alias="to", description="Of dates: the last day; empty: no bound.")
    without: str = Field(description="The text without this part.")


class CountOfRows(BaseModel):
    """How many there are."""

    model_config = CAMEL | example(value=12431, exact=True)

    value: int = Field(description="How many.")
    exact: bool = Field(description="False: about so many, as the database estimates.")


class ListedStudy(BaseModel):
    """A row of a list; texts that a study does not have are empty."""

    model_config = CAMEL

    id: str = Field(description="Identifier of the study.")
    patient: str = Field(description="Identifier of its patient.")
    study_uid: str = Field(description="StudyInstanceUID.")
    patient_name: str = Field(description="As in the files.")
    patient_id: str = Field(description="As in the files.")
    birth_date: str = Field(description="As in the files.")
    sex: str = Field(description="As in the files.")
    date: str = Field(description="StudyDate, as in the files.")
    time: str = Field(description="StudyTime, as in the files.")
    modalities: list[str] = Field(description="Of its series, each once.")
    description: str = Field(description="StudyDescription.")
    accession: str = Field(description="AccessionNumber.")
    series: int = Field(description="How many.")
    instances: int = Field(description="How many.")
    size: int = Field(description="Bytes of the DICOM files.")
    origins: list[str] = Field(description="AE titles from which its series came.")
    labels: list[str] = Field(description="In ascending order.")
    arriving: bool = Field(description="Whether it is not stable yet.")
    protected: bool = Field(description="Whether its patient is protected.")
    last_update: str = Field(description="When something of it came or went, in UTC.")
    more: dict[str, str] = Field(description="The `columns` that were asked for.")


class ListedPage(BaseModel):
    """A page of a list."""

    model_config = CAMEL

    rows: list[ListedStudy] = Field(description="In the order that was asked for.")
    next: str | None = Field(description="What to ask the next page with; null: there is none.")
    understood: list[Understood] = Field(description="What the text was read as.")
    count: CountOfRows | None = Field(description="How many, where that is known for nothing.")


class Facet(BaseModel):
    """How many of the studies have a value."""

    model_config = example(value="CT", count=310)

    value: str = Field(description="A label, or a modality.")
    count: int = Field(description="How many.")


class Facets(BaseModel):
    """What the studies have; null where there are so many that counting takes too long."""

    labels: list[Facet] | None = Field(description="Labels, the most frequent first.")
    modalities: list[Facet] | None = Field(description="Modalities, the most frequent first.")


class Without(BaseModel):
    """How many there would be without a part of the text, or without a filter."""

    kind: Kind | Literal["filter"] = Field(description="What the part is about.")
    value: str = Field(description="What was searched; of a filter its name.")
    without: str = Field(description="The text without this part.")
    count: CountOfRows = Field(description="How many then.")


class ProtectedPatient(BaseModel):
    """A patient whose studies stay."""

    model_config = CAMEL

    patient: str = Field(description="Identifier.")
    patient_name: str = Field(description="As in the files.")
    patient_id: str = Field(description="As in the files.")
    studies: int = Field(description="How many of the studies are of this patient.")


class DeletionPlan(BaseModel):
    """What a deletion would take, protected patients apart."""

    model_config = CAMEL

    studies: int = Field(description="How many.")
    patients: int = Field(description="Of how many patients.")
    series: int = Field(description="How many.")
    instances: int = Field(description="How many.")
    size: int = Field(description="Bytes of the DICOM files.")
    protected: list[ProtectedPatient] = Field(description="Whose studies stay; the first of them.")
    protected_studies: int = Field(description="How many studies stay.")
    missing: list[str] = Field(description="What was named and is not there.")


class Labelled(BaseModel):
    """What became of labels."""

    model_config = example(changed=3, missing=[])

    changed: int = Field(description="Studies that have them as asked now.")
    missing: list[str] = Field(description="What was named and is not there.")
