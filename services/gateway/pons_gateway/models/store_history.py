# SPDX-License-Identifier: Apache-2.0
"""A week of what the store did: how it is asked for, and what is told."""

from typing import Self

from pydantic import BaseModel, Field, model_validator

from pons.catalog.history import COARSE, FINE, FINE_HOURS, HOURS, Step
from pons_gateway.models.examples import example
from pons_gateway.models.session import CAMEL


class HistoryQuery(BaseModel):
    """Which part of the history is wanted."""

    hours: int = Field(FINE_HOURS, ge=1, le=HOURS, description="How far back.")
    step: int = Field(
        0,
        ge=0,
        le=24 * 3600,
        multiple_of=FINE,
        description=f"Seconds of a step; left out or 0: {FINE} up to {FINE_HOURS} hours back, "
        f"{COARSE} beyond.",
    )

    @property
    def seconds(self) -> int:
        """Of a step."""
        return self.step or (FINE if self.hours <= FINE_HOURS else COARSE)

    @model_validator(mode="after")
    def _as_fine_as_it_is_kept(self) -> Self:
        if self.hours > FINE_HOURS and self.seconds % COARSE:
            raise ValueError(
                f"beyond {FINE_HOURS} hours there are points of {COARSE} seconds: ask for a "
                f"multiple of {COARSE}, or for {FINE_HOURS} hours at most"
            )
        return self


class StoreHistory(BaseModel):
    """Steps in their order, a list for each value; null where nobody looked.

    What is counted is so at the end of a step, what waits was so at its worst.
    """

    model_config = CAMEL | example(
        step=60,
        at=[1767225600, 1767225660],
        instances_per_second=[12.5, None],
        bytes_per_second=[6553600.0, None],
        studies=[812, None],
        instances=[120400, None],
        stored_bytes=[63124340000, None],
        free_bytes=[402653184000, None],
        queue=[3, None],
        lag_seconds=[0.2, None],
        jobs_waiting=[0, None],
        jobs_failed=[0, None],
    )

    step: int = Field(description="Seconds of a step.")
    at: list[int] = Field(description="When each step began, in seconds since 1970, in UTC.")
    instances_per_second: list[float | None] = Field(
        description="Instances that came and are indexed, deleted ones apart."
    )
    bytes_per_second: list[float | None] = Field(description="Bytes of their files.")
    studies: list[int | None] = Field(description="Studies in the store.")
    instances: list[int | None] = Field(description="Instances in the store.")
    stored_bytes: list[int | None] = Field(description="Bytes as they are kept.")
    free_bytes: list[int | None] = Field(
        description="Room on the disk of the objects; null where they lie elsewhere."
    )
    queue: list[int | None] = Field(description="Announcements that waited for the index.")
    lag_seconds: list[float | None] = Field(description="How long the oldest had waited.")
    jobs_waiting: list[int | None] = Field(description="Jobs that waited for their turn.")
    jobs_failed: list[int | None] = Field(description="Jobs that were given up.")


def history_of(steps: list[Step], step: int) -> StoreHistory:
    """What the page is told."""
    known = [one.known for one in steps]
    return StoreHistory(
        step=step,
        at=[one.at for one in steps],
        instances_per_second=[one and round(one.received / one.seconds, 3) for one in known],
        bytes_per_second=[one and round(one.received_bytes / one.seconds, 1) for one in known],
        studies=[one and one.studies for one in known],
        instances=[one and one.instances for one in known],
        stored_bytes=[one and one.stored_size for one in known],
        free_bytes=[one and one.free for one in known],
        queue=[one and one.queue for one in known],
        lag_seconds=[one and round(one.lag, 1) for one in known],
        jobs_waiting=[one and one.jobs_waiting for one in known],
        jobs_failed=[one and one.jobs_failed for one in known],
    )
