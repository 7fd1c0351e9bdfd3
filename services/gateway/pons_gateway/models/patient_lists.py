# SPDX-License-Identifier: Apache-2.0
"""What Explorer asks of lists of patients, and what it is told."""

from pydantic import BaseModel, Field

from pons.catalog.patient_lists import BY_NAME, SORTS
from pons_gateway.models.examples import example
from pons_gateway.models.session import CAMEL
from pons_gateway.models.study_lists import MOST_ROWS, Asked, CountOfRows, Understood


class PatientsAsked(Asked):
    """Which page of a list of the patients of whom studies match."""

    model_config = example(text="roe", sort="name", limit=100)

    sort: str = Field(
        BY_NAME, description=f"One of {', '.join(SORTS)}; with `-` before it, descending."
    )
    after: str | None = Field(None, description="`next` of the page before.")
    limit: int = Field(100, ge=1, le=MOST_ROWS, description="Rows at most.")


class ListedPatient(BaseModel):
    """A row of a list; texts that a patient does not have are empty."""

    model_config = CAMEL

    id: str = Field(description="Identifier of the patient.")
    patient_name: str = Field(description="As in the files.")
    patient_id: str = Field(description="As in the files.")
    birth_date: str = Field(description="As in the files.")
    sex: str = Field(description="As in the files.")
    studies: int = Field(description="How many there are of this patient.")
    latest: str = Field(description="StudyDate of the newest one, as in the files.")
    protected: bool = Field(description="Whether nothing of it is deleted to make room.")
    last_update: str = Field(description="When something of it came or went, in UTC.")


class PatientsPage(BaseModel):
    """A page of a list."""

    model_config = CAMEL

    rows: list[ListedPatient] = Field(description="In the order that was asked for.")
    next: str | None = Field(description="What to ask the next page with; null: there is none.")
    understood: list[Understood] = Field(description="What the text was read as.")
    count: CountOfRows | None = Field(
        description="How many patients, where that is known for nothing."
    )
