# SPDX-License-Identifier: Apache-2.0
"""How far a job is that retrieves: where it goes on, and what its content tells."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pons.dicom.orthanc_json import Style, format_tags
from pons.jobs import RetrieveRequest, Run
from pons_egress.scu.retrieve import Counts, Outcome

MOST_DETAILS = 200
"""Resources whose details a job tells; each step writes them."""
MOST_IDS = 5000
"""Instances that these name altogether; more are counted only."""


class Position(msgspec.Struct, frozen=True):
    """How far a job is, and where to go on."""

    done: int = 0
    """Resources that were dealt with, all those before the one at which it is."""
    failed: int = 0
    completed: int = 0
    """Instances that arrived, and those that did not, of the resources that were dealt with."""
    lost: int = 0
    warning: int = 0
    named: int = 0


class RetrievalProgress:
    """One run of a job that retrieves one resource after the other."""

    def __init__(self, run: Run, request: RetrieveRequest) -> None:
        self._run = run
        self._request = request
        self.position = msgspec.convert(run.document.position or {}, Position)
        known = run.document.content.get("Details", [])
        self._details: list[dict[str, Any]] = known[: self.position.done]
        self._now = Counts()
        self._told = Counts()

    @property
    def done(self) -> int:
        """Resources that were dealt with."""
        return self.position.done

    @property
    def is_over(self) -> bool:
        """Whether nothing is left."""
        return self.position.done >= len(self._request.identifiers)

    def hear(self, counts: Counts) -> None:
        """The peer tells how far it is with the present resource. From any thread."""
        self._now = counts

    async def tell(self) -> None:
        """Keep what was heard meanwhile, if anything."""
        if self._now != self._told or self._run.document.wanted:
            await self.keep()

    async def passed(self, outcome: Outcome, ids: Sequence[str] | None, reason: str) -> None:
        """The present resource was dealt with; `reason` tells why not all of it has arrived.

        `ids` are the instances that came in here; None where that is not known.
        """
        self._add_details(outcome, ids, reason)
        before, counts = self.position, outcome.counts
        self.position = Position(
            done=before.done + 1,
            failed=before.failed + bool(reason),
            completed=before.completed + counts.completed,
            lost=before.lost + counts.failed,
            warning=before.warning + counts.warning,
            named=before.named + len(ids or ()),
        )
        self._now = Counts()
        await self.keep()

    async def failed(self, outcome: Outcome, ids: Sequence[str] | None, reason: str) -> None:
        """As `passed`, of the resource that ends the job: another try begins with it."""
        self._add_details(outcome, ids, reason)
        self._now = outcome.counts
        await self.keep()

    async def keep(self) -> None:
        """Keep how far the job is."""
        self._told = now = self._now
        total = len(self._request.identifiers)
        known = now.remaining + now.completed + now.failed + now.warning
        part = (known - now.remaining) / known if known else 0.0
        done = min(self.position.done + part, total)
        content, position = self._content(now), msgspec.to_builtins(self.position)
        await self._run.step(done / total if total else 1.0, content, position)

    def _content(self, now: Counts) -> Mapping[str, Any]:
        position = self.position
        return {
            "Details": self._details,
            "FailedResourcesCount": position.failed,
            "NumberOfRemainingSuboperations": now.remaining,
            "NumberOfCompletedSuboperations": position.completed + now.completed,
            "NumberOfFailedSuboperations": position.lost + now.failed,
            "NumberOfWarningSuboperations": position.warning + now.warning,
        }

    def _add_details(self, outcome: Outcome, ids: Sequence[str] | None, reason: str) -> None:
        if len(self._details) >= MOST_DETAILS:
            return
        identifier = self._request.identifiers[self.position.done]
        told: dict[str, Any] = {
            "Query": format_tags(dict(sorted(identifier.items())), Style.SHORT),
            "DimseErrorStatus": outcome.status,
        }
        if ids is not None:
            told["ReceivedInstancesIds"] = list(ids[: max(MOST_IDS - self.position.named, 0)])
        if reason:
            told["Reason"] = reason
        self._details = [*self._details, told]
